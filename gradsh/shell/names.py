"""What a session knows of names: which there are, what they mean, what they are called with.

Tables are looked up and types looked at; nothing of a user's value is asked for, and nothing is
computed. A description or a signature may import the module that declares a function.
"""

from __future__ import annotations

from inspect import Parameter, getattr_static
from types import MethodType
from typing import Any, Final

from gradsh.engine import METHODS, Tensor
from gradsh.language.grammar import TEXT_OF
from gradsh.session import Session
from gradsh.session.commands import COMMANDS
from gradsh.session.help.words import ATTRIBUTES
from gradsh.session.namespaces import Namespace
from gradsh.session.settings import SETTINGS
from gradsh.shell.descriptions import cut, describe, parameters, summary

WORDS = tuple(sorted(text for text in TEXT_OF.values() if text.isidentifier()))
"""The words of the language, from its grammar."""

_UNKNOWN: Final = object()


class Names:
    """The names of a session, and of the language."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def all(self) -> list[str]:
        """The user's names, then the built-in ones."""
        own = sorted(self._session.variables)
        return list(dict.fromkeys([*own, *sorted(self._session.names, key=_order)]))

    def is_users(self, name: str) -> bool:
        """Whether the user has given a name its meaning."""
        return name in self._session.namespace

    def is_builtin(self, name: str) -> bool:
        """Whether a name means something by itself."""
        return name in self._session.builtins

    def attributes(self, receiver: str) -> list[str]:
        """The attributes of what a dotted name names; where that is not known, of a tensor."""
        value = self._receiver(receiver)
        table = dir(value if value is Tensor or type(value) is Namespace else type(value))
        names = [name[1:] for name in table if name.startswith(".")]
        return sorted(names, key=lambda name: (name not in ATTRIBUTES, _order(name)))

    def description(self, receiver: str | None, name: str) -> str:
        """A name in one line, or an attribute of what `receiver` names."""
        if receiver is None:
            if name in self._session.namespace:
                return describe(self._session.namespace[name])
            if name in self._session.builtins:
                return describe(self._session.builtins[name])
            return word_description(name)
        value = self._receiver(receiver)
        if type(value) is Namespace:
            return describe(_namespace_value(value, name))
        if value is Tensor or issubclass(type(value), Tensor):
            return summary(METHODS[name]) if name in METHODS else _attribute_description(name)
        found = getattr_static(type(value), "." + name, None)
        return _attribute_description(name) if isinstance(found, property) else describe(found)

    def parameters(self, callee: str) -> list[Parameter]:
        """The parameters of the function or method that a dotted name calls."""
        *before, name = callee.split(".")
        if not before:
            return parameters(self._named([name]))
        receiver = self._receiver(".".join(before))
        if type(receiver) is Namespace:
            return parameters(_namespace_value(receiver, name))
        if receiver is Tensor or issubclass(type(receiver), Tensor):
            return parameters(METHODS[name], method=True) if name in METHODS else []
        found = getattr_static(type(receiver), "." + name, None)
        return parameters(found, method=type(found) is not MethodType)

    def settings(self) -> dict[str, str]:
        """The settings of `set`: what they are now, and what for."""
        return {
            name: f"{setting.value_text:8}{setting.purpose}" for name, setting in SETTINGS.items()
        }

    def helped(self) -> list[str]:
        """What `help` explains: topics first, then names, words and settings."""
        from gradsh.session.help.topics import TOPICS

        return list(dict.fromkeys([*TOPICS, "operations", *self.all(), *WORDS, *SETTINGS]))

    def help_line(self, name: str) -> str:
        """What a page of help is about, in one line."""
        from gradsh.session.help.topics import TOPICS

        if name in TOPICS:
            return cut(f"topic: {TOPICS[name].summary}")
        if name in SETTINGS:
            return cut(f"setting: {SETTINGS[name].summary}")
        return "topic: all functions" if name == "operations" else self.description(None, name)

    def setting_words(self, name: str) -> list[str]:
        """The words that a setting takes as its value."""
        setting = SETTINGS.get(name)
        if setting is None:
            return []
        if setting.current is not None and isinstance(setting.current(), bool):
            return ["on", "off"]
        return list(setting.words)

    def _receiver(self, receiver: str) -> Any:
        """What stands before a dot, or the class Tensor where that is not known."""
        value = self._named(receiver.split("."))
        return Tensor if value is _UNKNOWN else value

    def _named(self, names: list[str]) -> Any:
        """The value that a dotted name names, as far as plain tables tell."""
        first, *rest = names
        if first in self._session.namespace:
            value = self._session.namespace[first]
        elif first in self._session.builtins:
            value = self._session.builtins[first]
        else:
            return _UNKNOWN
        for name in rest:
            if type(value) is not Namespace:
                return _UNKNOWN
            value = _namespace_value(value, name)
        return value


def word_description(word: str) -> str:
    """What a word of the language does."""
    if word in COMMANDS:
        return cut(COMMANDS[word].summary)
    from gradsh.session.help.words import WORDS

    return cut(WORDS[word][1]) if word in WORDS else ""


def _attribute_description(name: str) -> str:
    return cut(ATTRIBUTES.get(name, ""))


def _namespace_value(namespace: Namespace, name: str) -> Any:
    return getattr(namespace, "." + name, _UNKNOWN)


def _order(name: str) -> tuple[bool, str, str]:
    return name.endswith("_"), name.lower(), name
