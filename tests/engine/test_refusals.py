"""Why a setting's value is refused is said in our words, with its limits."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from pydantic import BaseModel, Field, ValidationError, field_validator

from engine.errors import Words
from engine.refusals import place_of, why_refused


class _Inner(BaseModel):
    word: str = Field(default="ab", min_length=2, max_length=3)


class _Spec(BaseModel, extra="forbid"):
    whole: int = Field(default=1, ge=1, le=9)
    share: float = Field(default=0.5, gt=0.0, lt=1.0, allow_inf_nan=False)
    kind: Literal["near", "far", "0"] = "near"
    parts: list[int] = Field(default=[1], min_length=1)
    on: bool = True
    inner: _Inner = _Inner()
    even: int = 2

    @field_validator("even")
    @classmethod
    def _even(cls, value: int) -> int:
        if value % 2:
            raise ValueError("only pairs are sold.")
        return value


@pytest.mark.parametrize(
    ("values", "place", "told"),
    [
        ({"whole": 0}, "whole", "it has to be at least 1"),
        ({"whole": 10}, "whole", "it has to be at most 9"),
        ({"whole": "hot"}, "whole", "it is not a whole number"),
        ({"whole": 1.5}, "whole", "it is not a whole number"),
        ({"share": 0}, "share", "it has to be more than 0"),
        ({"share": 1}, "share", "it has to be less than 1"),
        ({"share": "x"}, "share", "it is not a number"),
        ({"share": float("nan")}, "share", "it is not a finite number"),
        ({"kind": "x"}, "kind", "it can be near, far, 0"),
        ({"parts": []}, "parts", "at least 1 of them are needed"),
        ({"parts": 3}, "parts", "it is not a list"),
        ({"parts": [1, "x"]}, "parts.1", "it is not a whole number"),
        ({"on": "perhaps"}, "on", "it is neither true nor false"),
        ({"inner": {"word": "a"}}, "inner.word", "it is too short: 2 or more characters are needed"),
        ({"inner": {"word": "abcd"}}, "inner.word", "it is longer than 3 characters"),
        ({"inner": 3}, "inner", "it is not a table of settings"),
        ({"even": 3}, "even", "only pairs are sold"),
        ({"strange": 3}, "strange", "it is not known"),
    ],
)
def test_a_value_is_refused_in_our_words(values: dict[str, Any], place: str, told: str) -> None:
    with pytest.raises(ValidationError) as refused:
        _Spec.model_validate(values)
    (problem,) = refused.value.errors()
    assert place_of(problem) == place
    assert why_refused(problem) == told
    assert isinstance(why_refused(problem), Words) == ("even" not in values)
