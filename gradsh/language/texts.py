"""The values of numbers and texts: digits, escapes, and the parts of f-strings."""

from __future__ import annotations

import re
from typing import Final

from gradsh.language.faults import Fault, Place

MAXIMUM_DIGITS: Final = 4300
"""Digits of a whole number; converting longer ones takes time that grows with their square."""

_ESCAPE: Final = (
    r"\\(?:([\\\"'abfnrtv0])|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))"
)
_SIMPLE: Final = {
    "\\": "\\",
    '"': '"',
    "'": "'",
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
    "0": "\0",
}
_SPECIFICATION: Final = (
    r"(?:[^{}\n]?[<>=^])?[-+ ]?z?#?0?(?P<width>[0-9]*)[_,]?"
    r"(?:\.(?P<precision>[0-9]+))?[bcdeEfFgGnosxX%]?"
)
_MAXIMUM_WIDTH_DIGITS: Final = 4
_MAXIMUM_PRECISION_DIGITS: Final = 3


def number_value(text: str, place: Place) -> int | float:
    """The value of a number as written. Raises Fault for a whole number with too many digits."""
    if text.isdigit() and len(text) < 19:
        return int(text)
    if "." in text or "e" in text or "E" in text:
        return float(text)
    if len(text) > MAXIMUM_DIGITS:
        raise Fault(f"a whole number may have at most {MAXIMUM_DIGITS} digits", place)
    return int(text)


def string_value(text: str, line: int, column: int) -> str:
    """The text between the quotes with its escapes replaced; `line` and `column` are its place.

    Raises Fault for an escape that is not known or names no character.
    """
    if "\\" not in text:
        return text

    def replaced(match: re.Match[str]) -> str:
        simple, byte, short, long, unknown = match.groups()
        if simple:
            return _SIMPLE[simple]
        place = (line, column + match.start(), column + match.end())
        if unknown:
            raise Fault(
                f"'\\{unknown}' is not an escape", place, "write `\\\\` for a backslash itself"
            )
        code = int(byte or short or long, 16)
        if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
            raise Fault(f"'{match[0]}' is not a character", place)
        return chr(code)

    return re.sub(_ESCAPE, replaced, text)


def check_specification(text: str, place: Place) -> None:
    """Raise Fault unless `text` is a plain format specification of moderate size."""
    if "{" in text:
        raise Fault("a format cannot contain values", place, "write the numbers out: {x:8.3f}")
    match = re.fullmatch(_SPECIFICATION, text)
    if match is None:
        raise Fault(f"'{text}' is not a format", place, "for example {x:.4f}, {x:8.2e} or {n:5d}")
    if len(match["width"]) > _MAXIMUM_WIDTH_DIGITS:
        raise Fault("the width of a format may have at most 4 digits", place)
    if match["precision"] and len(match["precision"]) > _MAXIMUM_PRECISION_DIGITS:
        raise Fault("the precision of a format may have at most 3 digits", place)
