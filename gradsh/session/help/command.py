"""The command `help`: what is meant by a name, and the page on it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from sys import modules
from typing import TYPE_CHECKING, Any

from gradsh.display.pages import Page
from gradsh.engine import FUNCTIONS, METHODS
from gradsh.engine.dtypes import DType
from gradsh.engine.op import IN_PLACE
from gradsh.engine.reference import family_of, paragraphs, signature
from gradsh.engine.symbols import first_sentence
from gradsh.language.grammar import FIRST_COMMAND, FIRST_SOFT, TEXT_OF
from gradsh.session.commands import COMMANDS
from gradsh.session.help.functions import function_page
from gradsh.session.help.topics import INTRODUCTION, TOPICS
from gradsh.session.help.variables import value_page
from gradsh.session.help.words import ATTRIBUTES, WORDS
from gradsh.session.namespaces import Namespace
from gradsh.session.settings import SETTINGS
from gradsh.session.variables import gradient_of

if TYPE_CHECKING:
    from gradsh.session.session import Session

_WIDTH = 78
_MOST_FOUND = 15
_NEAREST = 3
_SHORTEST = 3
_OPERATIONS = "operations"
_INNER_WORDS = frozenset(
    text for terminal, text in TEXT_OF.items() if FIRST_SOFT <= terminal < FIRST_COMMAND
)
"""Words such as `with`, which mean something only after another."""


def help_on(session: Session, name: str | None) -> Page:
    """The page on a name or a topic, or on the whole for none.

    What the user has defined comes first, then functions, words and commands, then topics. A word
    that names nothing is looked for in the texts of the functions. ValueError, with the nearest
    names, where that finds nothing either.
    """
    if name is None:
        return _whole()
    name = name.strip()
    value, found = _users_value(session, name)
    if found:
        return value_page(name, value, session.variables)
    return _named(session, name.rpartition(".")[2] or name) or _search(session, name)


def _users_value(session: Session, name: str) -> tuple[Any, bool]:
    """The value of a variable or of `x.grad`, and whether there is one."""
    first, *rest = name.split(".")
    if first not in session.variables:
        return None, False
    value = session.variables[first]
    if rest == ["grad"] and hasattr(value, "box"):
        value = gradient_of(value)
        return value, value is not None
    return value, not rest


def _named(session: Session, name: str) -> Page | None:
    """The page on what has this name without the user's doing."""
    if name.removesuffix("_") in IN_PLACE:
        name = name.removesuffix("_")  # one page for both forms
    usages = list(_usages(name))
    value = session.builtins.get(name) if name.isidentifier() else None
    if value is None:
        value = METHODS.get(name)
    if callable(value) and not isinstance(value, (DType, Namespace)) and name not in WORDS:
        page = function_page(name, value) if hasattr(value, "__code__") else _plain(name)
        if usages:
            page.text = "\n\n".join([page.text, *map(_usage_text, usages)])
            page.data["usage"] = [usage for usage, _ in usages]
        return page
    if usages:
        title, summary = usages[0]
        text = "\n\n".join([_sentence(summary), *map(_usage_text, usages[1:])])
        if name in METHODS:
            text += f"\n\nAlso a method:\n\n    x.{signature(name, METHODS[name], method=True)}"
        return Page(title, text, {"name": name, "usage": [title], "text": summary})
    if name == _OPERATIONS:
        return Page("operations: every function, by family", "\n\n".join(_families(session)))
    if name in TOPICS:
        topic = TOPICS[name]
        return Page(f"{name}: {topic.summary}", topic.text.rstrip())
    if name in SETTINGS:
        return _setting_page(name)
    if isinstance(value, Namespace):
        return Page(f"{name}.", f"Before a name it changes nothing: {name}.exp(x) is exp(x).")
    return None if value is None else value_page(name, value)


def _plain(name: str) -> Page:
    """One of Python's own functions."""
    texts = {"len": "The number of elements, along a tensor's first dimension."}
    texts["range"] = "Whole numbers from the first to before the last, for a loop."
    return Page(f"{name}(...)", texts.get(name, ""))


def _usages(name: str) -> Iterator[tuple[str, str]]:
    """How a word is used, and what for: as a statement, a command, and after a dot.

    A word that only stands inside of others' forms has all of these.
    """
    commands = [(command.usage, command.summary) for command in COMMANDS.values()]
    if name in _INNER_WORDS:
        inside = re.compile(rf"\b{name}\b")
        yield from (form for form in (*WORDS.values(), *commands) if inside.search(form[0]))
    if name in WORDS:
        yield WORDS[name]
    for word, command in COMMANDS.items():
        if name in (word, word.split()[0]):
            yield command.usage, command.summary
    if name in ATTRIBUTES:
        yield f"x.{name}", ATTRIBUTES[name]


def _usage_text(usage: tuple[str, str]) -> str:
    return f"    {usage[0]}\n\n{_sentence(usage[1])}"


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _setting_page(name: str) -> Page:
    setting = SETTINGS[name]
    now = f"It is {setting.value_text} now. " if setting.value_text else ""
    takes = f"It takes {', '.join(setting.words)}." if setting.words else ""
    text = f"A setting: {setting.summary}.\n\n{now}{takes}".rstrip()
    return Page(f"set {name} VALUE", text)


def _whole() -> Page:
    """The first page."""
    topics = {
        **{name: topic.summary for name, topic in TOPICS.items()},
        _OPERATIONS: "all functions",
    }
    rows = [[f"  {name}", summary] for name, summary in topics.items()]
    width = max(len(name) for name, _ in rows)
    listing = "\n".join(f"{name:{width}}  {summary}" for name, summary in rows)
    text = (
        f"{INTRODUCTION.partition(chr(10))[2].strip(chr(10))}\n\n"
        "help NAME explains a function (help mean), a variable, a word (help backward),\n"
        "or one of the topics below; apropos WORD lists all that mention a word.\n\n"
        f"{listing}"
    )
    return Page(INTRODUCTION.partition("\n")[0], text, {"text": text, "topics": topics})


def _families(session: Session) -> Iterator[str]:
    """The names of all functions, by what they are for."""
    from textwrap import fill

    families: dict[str, list[str]] = {}
    for name, function in session.builtins.items():
        if name.isidentifier() and hasattr(function, "__code__"):
            module = family_of(name) if name in FUNCTIONS else function.__module__
            families.setdefault(_family(module), []).append(name)
    for title, names in sorted(families.items()):
        listing = fill(" ".join(sorted(names)), _WIDTH, initial_indent="  ", subsequent_indent="  ")
        yield f"{title}\n{listing}"


def _family(module: str) -> str:
    """What the functions of a module are for."""
    if module.startswith("gradsh.engine.ops."):
        return first_sentence(modules[module].__doc__)
    if module.startswith("gradsh.engine.optim"):
        return "Optimisers, schedules, and limits for gradients"
    return "Data and texts" if module.startswith("gradsh.session") else "Derivatives and recording"


def _known(session: Session) -> list[str]:
    return sorted({*session.names, *METHODS, *WORDS, *COMMANDS, *ATTRIBUTES, *TOPICS, *SETTINGS})


def apropos(session: Session, word: str) -> Page:
    """All functions, commands, settings, attributes and topics whose help mentions a word.

    ValueError, with the nearest names, if there is none.
    """
    rows = _mentioning(session, word)
    if not rows:
        raise _nothing_on(session, word, f"nothing mentions '{word}'")
    return Page(f"What mentions {word}:", _listing(rows), {"searched": word, "found": dict(rows)})


def _search(session: Session, word: str) -> Page:
    """What mentions a word that names nothing, and the names that are like it."""
    rows = _mentioning(session, word) if len(word) >= _SHORTEST else []
    if not rows:
        raise _nothing_on(session, word, f"there is no help on '{word}'")
    text = _listing(rows[:_MOST_FOUND])
    if len(rows) > _MOST_FOUND:
        text += f"\n... and {len(rows) - _MOST_FOUND} more: apropos {word}"
    near = _near(session, word)
    if near:
        text += f"\n\nNames like it: {', '.join(near)}"
    data = {"searched": word, "found": dict(rows), "near": near}
    return Page(f"Nothing is called {word}; these mention it:", text, data)


def _mentioning(session: Session, word: str) -> list[tuple[str, str]]:
    """The names in whose texts a word stands, each with its text's first sentence."""
    mentions = re.compile(rf"\b{re.escape(word)}", re.IGNORECASE)
    found: dict[str, str] = {}
    for name in sorted(n for n in session.builtins if n.isidentifier()):
        function = session.builtins[name]
        if hasattr(function, "__code__"):
            words = " ".join([name.replace("_", " "), *paragraphs(function)[0]])
            if mentions.search(words):
                found[name] = first_sentence(function.__doc__)
    others = {
        **{name: command.summary for name, command in COMMANDS.items()},
        **{name: summary for name, (_, summary) in WORDS.items()},
        **{f".{name}": summary for name, summary in ATTRIBUTES.items()},
        **{f"set {name}": setting.summary for name, setting in SETTINGS.items()},
    }
    for name, summary in others.items():
        if mentions.search(f"{name} {summary}"):
            found.setdefault(name, summary)
    for name, topic in TOPICS.items():
        if mentions.search(f"{name} {topic.summary} {topic.text}"):
            found.setdefault(f"help {name}", topic.summary)
    return list(found.items())


def _near(session: Session, word: str) -> list[str]:
    return get_close_matches(word, _known(session), _NEAREST, 0.6)


def _nothing_on(session: Session, word: str, message: str) -> ValueError:
    near = _near(session, word)
    nearest = f"did you mean {' or '.join(f'`{name}`' for name in near)}? " if near else ""
    error = ValueError(message)
    error.add_note(f"{nearest}`help` lists the topics, `help {_OPERATIONS}` every function")
    return error


def _listing(rows: Sequence[tuple[str, str]]) -> str:
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:{width}}  {_cut(about, _WIDTH - width - 2)}" for name, about in rows)


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 3] + "..."
