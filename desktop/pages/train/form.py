"""What is typed into the form of a training recipe, and the recipe that it makes. Knows no Qt."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal, get_args, get_origin

from pydantic import ValidationError

from desktop.language import numeral, tr, typed_number, typed_whole_number
from engine.training.spec import TrainRecipe

_FORMS: Final = tuple(f".{digits}g" for digits in range(6, 18))
#: What most people change; everything else is in Advanced.
SIMPLE: Final = ("method", "epochs", "learning_rate", "batch_size", "lora_rank", "limit")
#: Every field, the simple ones first.
FIELDS: Final = (*SIMPLE, *(name for name in TrainRecipe.model_fields if name not in SIMPLE))


def choices(name: str) -> tuple[str, ...]:
    """The values of a field that has few; empty for others."""
    annotation = TrainRecipe.model_fields[name].annotation
    return tuple(get_args(annotation)) if get_origin(annotation) is Literal else ()


def is_switch(name: str) -> bool:
    """Whether a field is on or off."""
    return TrainRecipe.model_fields[name].annotation is bool


def default_text(name: str) -> str:
    """A field's default as it is typed; empty where it is chosen from the data."""
    return _text(TrainRecipe.model_fields[name].default)


def texts(recipe: TrainRecipe) -> dict[str, str]:
    """All fields of a recipe as they are typed."""
    return {name: _text(getattr(recipe, name)) for name in FIELDS}


def _text(value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, float):
        return str(value)
    # As short as it can be without being another number when it is read again.
    return numeral(value, next(form for form in _FORMS if float(format(value, form)) == value))


def parse(typed: Mapping[str, str]) -> tuple[TrainRecipe | None, dict[str, str]]:
    """The recipe of what is typed, or what is wrong with each field.

    Args:
        typed: Words per field; empty ones are the default.
    """
    values: dict[str, Any] = {}
    wrong: dict[str, str] = {}
    for name, text in typed.items():
        text = text.strip()
        if not text:
            continue
        if choices(name):
            values[name] = text
        elif is_switch(name):
            values[name] = text == "True"
        else:
            try:
                values[name] = _number(name, text)
            except ValueError:
                wrong[name] = (
                    tr("This is not a number.") if _fraction(name) else tr("This is not a whole number.")
                )
    if not wrong:
        try:
            return TrainRecipe.model_validate(values), {}
        except ValidationError as error:
            for problem in error.errors():
                wrong[str(problem["loc"][0])] = _words(
                    problem["type"], problem.get("ctx", {}), problem["msg"]
                )
    return None, wrong


def _fraction(name: str) -> bool:
    return TrainRecipe.model_fields[name].annotation is float


def _number(name: str, text: str) -> float | int:
    return typed_number(text) if _fraction(name) else typed_whole_number(text)


def _words(kind: str, bounds: Mapping[str, Any], message: str) -> str:
    """What is wrong with a number, with its bound."""
    if kind == "greater_than_equal":
        return tr("At least {bound}.", bound=numeral(bounds["ge"]))
    if kind == "less_than_equal":
        return tr("At most {bound}.", bound=numeral(bounds["le"]))
    if kind == "greater_than":
        return tr("More than {bound}.", bound=numeral(bounds["gt"]))
    if kind == "less_than":
        return tr("Less than {bound}.", bound=numeral(bounds["lt"]))
    return message
