"""Remedies: each mends what was found, in a recipe that can be read; where a person has to decide there is none."""

from __future__ import annotations

import ast
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from engine.merging import parse_recipe
from engine.merging.errors import Finding
from engine.merging.remedies import Remedy, remedies
from tests.conftest import REPOSITORY
from tests.engine.merging.conftest import MODELS, change_config, preflight, stacked

NAMES = ("a", "b", "c", "base")
TWO = [{"model": "a"}, {"model": "b"}]
LINEAR: dict[str, Any] = {"merge_method": "linear", "models": TWO, "parameters": {"weight": 1}}
TIES: dict[str, Any] = {**LINEAR, "merge_method": "ties", "base_model": "base"}
SLERP: dict[str, Any] = {"merge_method": "slerp", "base_model": "a", "models": TWO, "parameters": {"t": 0.5}}


def offered(recipe: dict[str, Any], code: str, root: Path = MODELS) -> list[Remedy]:
    """What is offered for the only finding of a kind."""
    finding = next(one for one in preflight(recipe, root).findings if one.code == code)
    return remedies(finding, parse_recipe(recipe), NAMES)


@pytest.mark.parametrize(
    ("recipe", "code", "label"),
    [
        ({**LINEAR, "parameters": {}}, "merge.parameter_missing", "Set 'weight' to 1"),
        ({**SLERP, "parameters": {}}, "merge.parameter_missing", "Set 't' to 0.5"),
        (
            {**SLERP, "parameters": {"t": [{"filter": "mlp", "value": 0.1}]}},
            "merge.parameter_missing",
            "Set 't' to 0.5",
        ),
        ({**SLERP, "base_model": None}, "merge.base_missing", "Take 'a' as the base"),
        ({**TIES, "base_model": None}, "merge.base_missing", "Take 'a' as the base"),
        (
            {**LINEAR, "parameters": {"weight": 1, "density": 0.5}},
            "merge.parameter_unused",
            "Leave out 'density'",
        ),
        (
            {**LINEAR, "parameters": {"weight": 1, "int8_mask": True}},
            "merge.parameter_ignored",
            "Leave out 'int8_mask'",
        ),
        (
            {**LINEAR, "models": [{"model": "a", "parameters": {"normalize": False}}, {"model": "b"}]},
            "merge.parameter_misplaced",
            "Let 'normalize' hold for all models",
        ),
        (
            {**TIES, "parameters": {"weight": 1, "density": 1.5}},
            "merge.density_above_one",
            "Keep 'density' between 0 and 1",
        ),
        (
            {**TIES, "parameters": {"weight": 1, "density": -0.5}},
            "merge.share_out_of_range",
            "Keep 'density' between 0 and 1",
        ),
        ({**SLERP, "parameters": {"t": [0, 1.5]}}, "merge.extrapolates", "Keep 't' between 0 and 1"),
        (
            {**SLERP, "parameters": {"t": [{"value": 0.5}, {"filter": "mlp", "value": 0.1}]}},
            "merge.filter_unreached",
            "Put the entry for all tensors last",
        ),
        (
            {**SLERP, "parameters": {"t": [{"filter": "mpl", "value": 0.1}, {"value": 0.5}]}},
            "merge.filter_misspelt",
            "Write the filter as 'mlp'",
        ),
        (
            {**SLERP, "parameters": {"t": [{"filter": "experts", "value": 0.1}, {"value": 0.5}]}},
            "merge.filter_unmatched",
            "Leave out the filter 'experts'",
        ),
        ({**LINEAR, "base_model": "base"}, "merge.base_not_merged", "Merge 'base' too"),
        (
            {**TIES, "base_model": "a"},
            "merge.base_changes_nothing",
            "Go half the way to 'b'",
        ),
        ({**LINEAR, "models": [{"model": "a"}, {"model": "basse"}]}, "merge.model_unknown", "Take 'base'"),
        (
            {**LINEAR, "models": [*TWO, {"model": "nobody at all"}]},
            "merge.model_unknown",
            "Leave out 'nobody at all'",
        ),
        ({**SLERP, "models": [*TWO, {"model": "c"}]}, "merge.model_count", "Leave out 'c'"),
        (stacked(("a", 0, 3)), "merge.layer_range", "End at layer 2 of 'a'"),
    ],
)
def test_the_first_remedy_takes_the_finding_away(recipe: dict[str, Any], code: str, label: str) -> None:
    recipe = {key: value for key, value in recipe.items() if value is not None}
    first = offered(recipe, code)[0]
    assert first.label == label
    mended = preflight(first.recipe.as_dict())
    assert code not in {one.code for one in mended.findings}
    assert mended.ok


def test_weights_that_add_up_to_nothing() -> None:
    models = [{"model": "a", "parameters": {"weight": 1}}, {"model": "b", "parameters": {"weight": -1}}]
    alike, as_they_are = offered({**LINEAR, "models": models, "parameters": {}}, "merge.weights_cancel")
    assert alike.recipe.as_dict()["parameters"] == {"weight": 1.0}
    assert as_they_are.recipe.as_dict()["parameters"] == {"normalize": False}
    for one in (alike, as_they_are):
        assert preflight(one.recipe.as_dict()).ok


def test_other_tokens(root: Path) -> None:
    for name, added in (("a", {}), ("b", {"new": 60})):
        content = {"model": {"vocab": {"one": 0, "two": 1, **added}}}
        (root / name / "tokenizer.json").write_text(json.dumps(content))
    (union,) = offered(LINEAR, "merge.tokenizer_differs", root)
    assert union.label == "Take the tokens of all models"
    assert union.recipe.tokenizer_source == "union"
    (root / "a" / "tokenizer.json").unlink()
    (own,) = offered(union.recipe.as_dict(), "merge.tokenizer_missing", root)
    assert own.recipe == parse_recipe(LINEAR)


def test_a_type_that_no_merge_is_stored_in(root: Path) -> None:
    change_config(root / "a", torch_dtype="int8", dtype="int8")
    (stored,) = offered(LINEAR, "merge.dtype_claimed", root)
    assert stored.recipe.dtype == "bfloat16"
    assert preflight(stored.recipe.as_dict(), root).findings == ()


def test_a_model_of_another_size_is_left_out_where_two_others_stay(root: Path) -> None:
    shutil.copytree(MODELS / "a", root / "broken")
    (root / "broken" / "config.json").write_text(
        json.dumps({"quantization_config": {"quant_method": "gptq"}})
    )
    three = {**LINEAR, "models": [*TWO, {"model": "broken"}]}
    (without,) = offered(three, "merge.quantised", root)
    assert preflight(without.recipe.as_dict(), root).ok
    assert offered({**LINEAR, "models": [{"model": "a"}, {"model": "broken"}]}, "merge.quantised", root) == []


def test_a_full_disk_has_a_remedy_only_where_less_can_be_stored() -> None:
    full = Finding("error", "merge.disk_full", "The disk is full.")
    (smaller,) = remedies(full, parse_recipe({**LINEAR, "dtype": "float32"}))
    assert smaller.recipe.dtype == "bfloat16"
    assert remedies(full, parse_recipe({**LINEAR, "dtype": "bfloat16"})) == []


def test_every_finding_says_what_to_do() -> None:
    silent = []
    for file in sorted((REPOSITORY / "engine" / "merging").glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or file.stem == "errors":
                continue
            if node.func.id in ("error", "warning") and len(node.args) < 3:
                silent.append(f"{file.name}:{node.lineno}")
    assert silent == []
