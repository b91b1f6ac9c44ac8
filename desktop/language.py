"""The window's words and numbers in the language of its user. Knows no Qt.

Source texts are English and are their own keys. A language is two JSON files in ``resources/translations`` that map
each to its translation, the window's own texts in one, those of the engine in the other; what they lack is shown
in English. The engine's errors, findings and titles are looked up by their templates. Numbers are written with the
language's marks, and read with either's.
"""

from __future__ import annotations

import json
import locale
import re
import string
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from engine.resources import resource

#: Codes and names of the languages there are, each name in its own language.
LANGUAGES: Final[Mapping[str, str]] = {"en": "English", "de": "Deutsch"}


@dataclass(frozen=True)
class Marks:
    """The marks in a language's numbers.

    Attributes:
        decimal: Between the whole and its fraction.
        group: Between thousands.
        percent: What follows a share.
    """

    decimal: str = "."
    group: str = ","
    percent: str = "%"


_MARKS: Final[Mapping[str, Marks]] = {
    "en": Marks(),
    "de": Marks(decimal=",", group=".", percent="\N{NO-BREAK SPACE}%"),
}
#: Thousands with a mark between them, and perhaps a fraction behind the other mark.
_GROUPED: Final = re.compile(
    r"[+-]?[1-9]\d{0,2}(?P<mark>[.,])\d{3}(?P<more>(?P=mark)\d{3})*(?P<rest>(?!(?P=mark))[.,]\d*)?"
)

#: A whole number with a mark between its thousands.
_WHOLE: Final = re.compile(r"[+-]?\d{1,3}([.,])\d{3}(?:\1\d{3})*")

_words: dict[str, str] = {}
_code = "en"
_marks = Marks()


def use_language(code: str) -> str:
    """Speak a language from now on.

    Args:
        code: One of `LANGUAGES`, or ``system``.

    Returns:
        The code of the language that is spoken.
    """
    global _code, _marks
    code = meant(code)
    _words.clear()
    _code, _marks = code, _MARKS[code]
    if code != "en":
        _words.update(engine_words(code))
        _words.update(_read(f"{code}.json"))
    return code


def meant(code: str) -> str:
    """The code of the language that one of `LANGUAGES` or ``system`` stands for here."""
    if code == "system":
        code = (locale.getlocale()[0] or "en")[:2].lower()
    return code if code in LANGUAGES else "en"


def spoken() -> str:
    """The code of the language that is spoken."""
    return _code


def engine_words(code: str) -> dict[str, str]:
    """The engine's texts in a language, by the English ones; empty for English."""
    return _read(f"{code}-engine.json") if code != "en" else {}


def _read(name: str) -> dict[str, str]:
    found: dict[str, str] = json.loads(resource("translations", name).read_text(encoding="utf-8"))
    return found


def tr(text: str, **params: Any) -> str:
    """``text`` in the language that is spoken, its ``{names}`` filled with ``params``."""
    found = _words.get(text, text)
    return filled(found, **params) if params else found


def filled(template: str, /, **params: Any) -> str:
    """A template with its values, as ``str.format`` fills it, the numbers in it as `numeral` writes them."""
    return _WRITER.vformat(template, (), params)


def numeral(value: float, form: str = ",") -> str:
    """A number as the language writes it.

    Args:
        value: Any number.
        form: Python's format of it.
    """
    marks = str.maketrans({".": _marks.decimal, ",": _marks.group, "%": _marks.percent})
    return format(value, form).translate(marks)


def typed_number(text: str) -> float:
    """A number as it was typed, with either language's marks.

    Only a mark alone before three digits means what it means in this language: "1,000" is a thousand in English and
    one in German, "1.000" the reverse; "0,001", "1,5" and "1.234,5" are the same in both.

    Raises:
        ValueError: It is none.
    """
    digits = text.strip().replace("_", "")
    found = _GROUPED.fullmatch(digits)
    if found and (found["more"] or found["rest"] or found["mark"] == _marks.group):
        digits = digits.replace(found["mark"], "")
    return float(digits.replace(",", "."))


def typed_whole_number(text: str) -> int:
    """A whole number as it was typed, its thousands perhaps apart by either mark.

    Raises:
        ValueError: It is none.
    """
    digits = text.strip().replace("_", "")
    return int(re.sub("[.,]", "", digits) if _WHOLE.fullmatch(digits) else digits)


class _Writer(string.Formatter):
    """Fills templates, numbers in the language's marks."""

    def format_field(self, value: Any, form: str) -> str:
        """See `string.Formatter`."""
        if isinstance(value, float) or (form and isinstance(value, int)):
            return numeral(value, form)
        return str(super().format_field(value, form))


_WRITER: Final = _Writer()
