"""Parameters: gradients and filters, with values computed by hand."""

from __future__ import annotations

import pytest
from pydantic import BaseModel, ValidationError

from engine.merging.settings import Setting, Settings, resolve


class Holder(BaseModel):
    values: dict[str, Setting]


def settings(**values: object) -> Settings:
    return Holder.model_validate({"values": values}).values


def value(given: object, tensor: str = "w", position: float | None = 0.0) -> float | None:
    return resolve("t", [settings(t=given)], tensor, position, None)


@pytest.mark.parametrize(
    ("gradient", "position", "expected"),
    [
        ([0, 0.5, 0.3, 0.7, 1], 0.0, 0.0),
        ([0, 0.5, 0.3, 0.7, 1], 1.0, 1.0),
        ([0, 0.5, 0.3, 0.7, 1], 0.5, 0.3),
        ([0, 0.5, 0.3, 0.7, 1], 1 / 8, 0.25),  # half-way between the first two
        ([0, 0.5, 0.3, 0.7, 1], 3 / 31, 12 / 31 * 0.5),  # layer 3 of 32: s = 12/31
        ([0, 0.5, 0.3, 0.7, 1], None, 0.0),  # outside the layers: v[0]
        ([1, 0.5, 0.7, 0.3, 0], None, 1.0),
        ([0.2, 0.8], 0.25, 0.35),
        ([0.4], 0.7, 0.4),
        (0.6, 0.3, 0.6),
    ],
)
def test_gradients(gradient: object, position: float | None, expected: float) -> None:
    assert value(gradient, position=position) == pytest.approx(expected, abs=1e-12)


def test_the_first_fitting_filter_wins() -> None:
    given = [
        {"filter": "self_attn", "value": 0.1},
        {"filter": "attn.q", "value": 0.2},
        {"filter": "*", "value": [0.3, 0.5]},
        {"value": 0.4},
    ]
    assert value(given, "model.layers.0.self_attn.q_proj.weight") == 0.1
    assert value(given, "model.layers.0.mlp.up_proj.weight", 1.0) == 0.5
    assert value(given, "lm_head.weight", None) == 0.3
    assert value([{"filter": "mlp", "value": 1}], "lm_head.weight") is None


def test_the_most_specific_level_wins_and_a_level_that_does_not_fit_is_passed_over() -> None:
    own, part, recipe = settings(w=[{"filter": "mlp", "value": 1}]), settings(w=2), settings(w=3, v=4)
    assert resolve("w", [own, part, recipe], "x.mlp.y", 0.0, 9) == 1
    assert resolve("w", [own, part, recipe], "x.attn.y", 0.0, 9) == 2
    assert resolve("w", [own, recipe], "x.attn.y", 0.0, 9) == 3
    assert resolve("v", [own, part, recipe], "x", 0.0, 9) == 4
    assert resolve("u", [own, part, recipe], "x", 0.0, 9) == 9


def test_numbers_that_yaml_reads_as_text_are_numbers() -> None:
    assert value("1e-5") == 1e-5
    assert value([0, "5e-1"], position=1.0) == 0.5
    assert value(given=True) == 1.0


@pytest.mark.parametrize(
    "wrong", ["fast", [], [0, "x"], None, [{"filter": "mlp"}], {"valu": 1}, ".nan", "inf"]
)
def test_nonsense_is_refused(wrong: object) -> None:
    with pytest.raises(ValidationError):
        settings(t=wrong)


def test_settings_are_written_as_a_recipe_would() -> None:
    given = {"a": 0.5, "b": [0.1, 0.2], "c": [{"filter": "mlp", "value": 1.0}, {"value": 0.5}], "d": True}
    assert Holder.model_validate({"values": given}).model_dump()["values"] == given
