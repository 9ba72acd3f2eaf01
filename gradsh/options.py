"""The command line's options: one table, from which reading them and `--help` follow.

argparse would add to every start a fiftieth of what numpy takes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final


class UsageError(Exception):
    """The command line is wrong; the message says what is, and the hint what to do."""

    def __init__(
        self, message: str, hint: str | None = "`gradsh --help` lists the options"
    ) -> None:
        super().__init__(message)
        self.hint = hint


class Option:
    """An option: its names, what its value stands for (None: it takes none), what it does."""

    __slots__ = ("names", "summary", "value")

    def __init__(self, names: tuple[str, ...], value: str | None, summary: str) -> None:
        self.names = names
        self.value = value
        self.summary = summary


OPTIONS: Final = (
    Option(("-c",), "TEXT", "run TEXT; several run in their order"),
    Option(("-i", "--interactive"), None, "stay in the shell after the program"),
    Option(("-q", "--quiet"), None, "no greeting in the shell"),
    Option(("--json",), None, "show each value as one JSON object a line"),
    Option(("--keep-going",), None, "go on after an error; the exit status is still 1"),
    Option(("--safe",), None, "refuse all that reads or writes a file"),
    Option(("--set",), "KEY=VALUE", "like the statement `set KEY VALUE`, before the program"),
    Option(("--no-config",), None, "read neither the settings file nor startup.grad in the shell"),
    Option(("-V", "--version"), None, "print the version"),
    Option(("-h", "--help"), None, "print this text"),
)
CONFIG: Final = "config"
"""In the place of a program's file: the command for the settings file."""

CONVERT: Final = "convert"
"""There too: the command that converts a program."""

USAGE: Final = """\
usage: gradsh [options] [-c TEXT]... [FILE | -] [ARGUMENT]...
       gradsh convert FILE [--to TARGET] [-o OUT]
       gradsh config path | edit | show"""
_EXPLANATION: Final = """\
gradsh runs the program in FILE, in TEXT, or from standard input (also written -), statement by
statement. Without a program, on a terminal, it starts the shell. The ARGUMENTs are what the
program finds in `args`. `gradsh convert` turns a program into one of PyTorch, or back; `gradsh
config` is about the shell's settings file; programs of these names are ./convert and ./config.
"""
_CONVERT_OPTIONS: Final = (
    Option(("--to",), "TARGET", "torch (the default), jax or numpy; gradsh for Python code"),
    Option(("-o", "--output"), "OUT", "write the program to OUT instead of standard output"),
    Option(("-h", "--help"), None, "print this text"),
)
CONVERT_USAGE: Final = "usage: gradsh convert FILE [--to torch|jax|numpy] [-o OUT]"
_CONVERT_EXPLANATION: Final = """\
A gradsh program becomes a Python program that prints the same. A FILE that ends with .py or .ipynb
is PyTorch code, and becomes a gradsh program. FILE may be -, standard input. What cannot be
converted is told with its line on standard error, and is a comment in the program.
"""
_CONVERT_EXAMPLES: Final = """\
examples:
  gradsh convert scripts/tutorial.grad -o tutorial.py
  gradsh convert notebook.ipynb -o notebook.grad

exit status: 0; 1 if anything was not converted; 2 for a wrong command line
"""
_EXAMPLES: Final = """\
examples:
  gradsh
  gradsh -c 'x = ones(2,2) grad' -c 'backward sum(x^2)' -c x.grad
  gradsh scripts/tutorial.grad
  echo 'mean(3*(ones(2,2)+2)^2)' | gradsh

exit status: 0; 1 after an error in the program; 2 for a wrong command line; 130 after Ctrl-C
"""


class Invocation:
    """What a command line asks for.

    `texts` are the programs after `-c`, `file` the program's path, "-" for standard input, None
    if there is none; `arguments` what follows it; `configures` says that it is no program but the
    command `config`; `flags` the long names (without the dashes) of
    the options given that take no value; `settings` the keys and values after `--set`.
    """

    __slots__ = ("arguments", "configures", "file", "flags", "settings", "texts")

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.file: str | None = None
        self.arguments: list[str] = []
        self.configures = False
        self.flags: set[str] = set()
        self.settings: list[tuple[str, str]] = []

    def take(self, option: Option, value: str) -> None:
        """Note an option and its value."""
        if option.value is None:
            self.flags.add(option.names[-1].removeprefix("--"))
        elif option.names == ("-c",):
            self.texts.append(value)
        else:
            key, equals, setting = value.partition("=")
            if not key or not equals:
                raise UsageError(f"--set takes KEY=VALUE, not '{value}'")
            self.settings.append((key.strip(), setting.strip()))


def parse(arguments: Sequence[str]) -> Invocation:
    """Read a command line. UsageError if it is wrong.

    The first argument that is no option is the program's file, or with `-c` the first of the
    program's arguments; nothing after it is an option of gradsh.
    """
    invocation = Invocation()
    waiting = list(reversed(arguments))
    while waiting:
        word = waiting.pop()
        if word == "--":
            break
        if word == "-" or not word.startswith("-"):
            waiting.append(word)
            break
        for option, value in _options_in(word, OPTIONS):
            invocation.take(option, _value(option, value, word, waiting))
    rest = waiting[::-1]
    if not invocation.texts and rest:
        invocation.file, *rest = rest
    if invocation.file == CONFIG:
        invocation.file, invocation.configures = None, True
    invocation.arguments = rest
    return invocation


class Conversion:
    """What a command line that begins with `convert` asks for.

    `file` is the program's path, "-" for standard input; `target` what it is converted to, None
    for what its ending suggests; `output` the path to write to, None for standard output.
    """

    __slots__ = ("file", "help", "output", "target")

    def __init__(self) -> None:
        self.file = ""
        self.target: str | None = None
        self.output: str | None = None
        self.help = False


def parse_conversion(arguments: Sequence[str]) -> Conversion:
    """Read what follows `convert` on a command line. UsageError if it is wrong."""
    conversion = Conversion()
    files: list[str] = []
    waiting = list(reversed(arguments))
    while waiting:
        word = waiting.pop()
        if word == "--":
            files += waiting[::-1]
            break
        if word == "-" or not word.startswith("-"):
            files.append(word)
            continue
        for option, value in _options_in(word, _CONVERT_OPTIONS):
            given = _value(option, value, word, waiting)
            if "--to" in option.names:
                conversion.target = given
            elif "--output" in option.names:
                conversion.output = given
            else:
                conversion.help = True
    if not conversion.help and len(files) != 1:
        what = "no file" if not files else f"{len(files)} files"
        raise UsageError(f"convert takes one file, not {what}", CONVERT_USAGE.partition(": ")[2])
    conversion.file = files[0] if files else ""
    return conversion


def _value(option: Option, attached: str | None, word: str, waiting: list[str]) -> str:
    """An option's value: attached to it, or the next word."""
    if option.value is None or attached is not None:
        return attached or ""
    if not waiting:
        raise UsageError(f"{word} needs {option.value} after it")
    return waiting.pop()


def _options_in(word: str, options: Sequence[Option]) -> list[tuple[Option, str | None]]:
    """The options that one word of the command line holds, with a value that is attached."""
    if word.startswith("--"):
        name, equals, value = word.partition("=")
        option = _find(name, word, options)
        if equals and option.value is None:
            raise UsageError(f"{name} takes no value")
        return [(option, value if equals else None)]
    found: list[tuple[Option, str | None]] = []
    for position, letter in enumerate(word[1:], 1):
        option = _find("-" + letter, word, options)
        if option.value is not None:
            return [*found, (option, word[position + 1 :] or None)]
        found.append((option, None))
    return found


def _find(name: str, word: str, options: Sequence[Option]) -> Option:
    by_name = {each: option for option in options for each in option.names}
    option = by_name.get(name)
    if option is not None:
        return option
    from difflib import get_close_matches

    near = get_close_matches(name, by_name, 1)
    if near and len(name) > 2:
        raise UsageError(f"unknown option {name}", f"did you mean {near[0]}?")
    raise UsageError(f"unknown option {name}" + (f" in {word}" if word != name else ""))


def help_text() -> str:
    """What `--help` prints."""
    return "\n".join((USAGE, "", _EXPLANATION, *_listed(OPTIONS), "", _EXAMPLES))


def conversion_help() -> str:
    """What `convert --help` prints."""
    listed = _listed(_CONVERT_OPTIONS)
    return "\n".join((CONVERT_USAGE, "", _CONVERT_EXPLANATION, *listed, "", _CONVERT_EXAMPLES))


def _listed(options: Sequence[Option]) -> list[str]:
    """The lines that tell of options."""
    left = [
        ", ".join(option.names) + (f" {option.value}" if option.value else "") for option in options
    ]
    width = max(map(len, left))
    lines = [
        f"  {names:{width}}  {option.summary}" for names, option in zip(left, options, strict=True)
    ]
    return ["options:", *lines]
