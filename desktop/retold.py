"""Sentences of the engine that were kept without their templates, in the window's language. Knows no Qt.

Why a judge's answer could not be read is kept with the verdict, as one text. Its template is found by its words.
"""

from __future__ import annotations

import re
from functools import lru_cache
from string import Formatter
from typing import Final

from desktop.language import engine_words, filled, numeral, spoken
from desktop.ways import in_the_window, ways

#: Letters that a template has to have besides its fields, so that it is not one that fits anything.
_LEAST: Final = 12
#: A number that a template has written with a format of its own; a percent sign is its last letter.
_NUMBER: Final = re.compile(r"-?(\d+|\d{1,3}(,\d{3})+)(?P<part>\.\d+)?(?P<percent>%?)")


def retold(text: str) -> str:
    """A text of the engine with the same values; as it is where no template fits."""
    exact = in_the_window(text)
    return _found(text, spoken()) or text if exact == text else exact


@lru_cache(maxsize=1000)
def _found(text: str, language: str) -> str | None:
    for begin, template, translation in _forms(language):
        if not text.startswith(begin):
            continue
        try:
            found = re.fullmatch(_pattern(template), text, re.DOTALL)
            form = _without_formats(translation)
        except (ValueError, re.error):  # its braces are no fields
            continue
        if found is not None:
            numbers = _numbers(template)
            return filled(
                form,
                **{
                    name: _number(value) if name in numbers else retold(value)
                    for name, value in found.groupdict().items()
                },
            )
    return None


@lru_cache(maxsize=2)
def _forms(language: str) -> list[tuple[str, str, str]]:
    """How texts of templates with fields begin, the templates, and their translations; the wordiest first."""
    forms = []
    for template in dict.fromkeys([*engine_words(language), *ways()]):
        own = len(re.sub(r"\{[^{}]*\}", "", template))
        if "{" in template and own >= _LEAST:
            forms.append((own, template.partition("{")[0], template, in_the_window(template)))
    forms.sort(key=lambda form: -form[0])
    return [(begin, template, translation) for _, begin, template, translation in forms]


def _pattern(template: str) -> str:
    """A regular expression of a template's texts, each field a group."""
    seen: set[str] = set()
    pattern = ""
    for literal, name, *_ in Formatter().parse(template):
        pattern += re.escape(literal)
        if name is not None:
            pattern += f"(?P={name})" if name in seen else f"(?P<{name}>.*?)"
            seen.add(name)
    return pattern


def _numbers(template: str) -> set[str]:
    """The fields of a template that write a number in a certain form."""
    return {name for _, name, form, _ in Formatter().parse(template) if name is not None and form}


def _number(written: str) -> str:
    """A number that was written in English, with the language's marks; anything else as it is."""
    found = _NUMBER.fullmatch(written)
    if found is None:
        return written
    group = "," if "," in written else ""
    places = len(found["part"] or ".") - 1
    value = float(written.replace(",", "").removesuffix("%")) / (100 if found["percent"] else 1)
    return numeral(value, f"{group}.{places}{found['percent'] or 'f'}")


def _without_formats(template: str) -> str:
    """A template whose values are texts already."""
    filled_in = ""
    for literal, name, *_ in Formatter().parse(template):
        filled_in += literal.replace("{", "{{").replace("}", "}}")
        filled_in += "" if name is None else f"{{{name}}}"
    return filled_in
