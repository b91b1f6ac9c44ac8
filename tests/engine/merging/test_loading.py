"""Reading recipes: every form of the field, and mistakes told with line and suggestion."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from engine.merging import RecipeError, load_recipe, parse_recipe, preset, preset_names
from tests.engine.merging.conftest import DATA

GOOD = """\
merge_method: ties
base_model: base
models:
- model: a
  parameters: {weight: 0.5, density: [0.2, 0.8]}
- model: b+adapter
  parameters:
    weight:
    - filter: mlp
      value: 0.3
    - value: 1e-1
parameters: {normalize: true}
dtype: bfloat16
"""


def test_a_recipe_is_read_and_written_the_same() -> None:
    recipe = parse_recipe(GOOD)
    assert [str(reference) for reference in recipe.references] == ["a", "b+adapter", "base"]
    assert recipe.references[1].adapter == "adapter"
    assert parse_recipe(recipe.as_dict()) == recipe
    assert recipe.as_dict()["models"][1]["parameters"]["weight"][1] == {"value": 0.1}


@pytest.mark.parametrize("file", sorted((DATA / "recipes").glob("*.yml")), ids=lambda file: str(file.stem))
def test_the_oracles_recipes_are_valid(file: Path) -> None:
    recipe = load_recipe(file)
    assert parse_recipe(recipe.as_dict()) == recipe


def test_the_long_forms_of_the_field_are_read() -> None:
    recipe = parse_recipe(
        "merge_method: linear\n"
        "models: [{model: {path: a, lora: x}, parameters: {weight: 1}}]\n"
        "tokenizer: {source: union, pad_to_multiple_of: 8}\n"
        "dtype: torch.float16\n"
    )
    assert str(recipe.references[0]) == "a+x"
    assert recipe.dtype == "float16"
    assert recipe.tokenizer_choice is not None
    assert recipe.tokenizer_choice.pad_to_multiple_of == 8


@pytest.mark.parametrize(
    ("change", "line", "words"),
    [
        (("merge_method: ties", "merge_method: tise"), 1, "Did you mean 'ties'?"),
        (("base_model:", "basemodel:"), 2, "Did you mean 'base_model'?"),
        (("density:", "densty:"), 5, "Did you mean 'density'?"),
        (("- model: a", "- modle: a"), 4, "Did you mean 'model'?"),
        (("dtype: bfloat16", "dtype: bfloat61"), 13, "Did you mean 'bfloat16'?"),
        (("value: 0.3", "value: fast"), 8, "'fast' is not a number"),
        (("filter: mlp", "fliter: mlp"), 8, "an entry has 'filter' and 'value', not 'fliter'"),
        (("parameters: {normalize: true}", "parameters: {normalise: true}"), 12, "Did you mean 'normalize'?"),
        (("base_model: base", "merge_method: linear"), 2, "'merge_method' is given twice"),
        (("models:", "models: ["), 4, "not valid YAML"),
        (("base_model: base", "slices: []"), 2, "takes at least 1 entry"),
        (("base_model: base", "slices: 3"), 2, "takes a list"),
        (("base_model: base", "name: [x]"), 2, "takes text"),
        (("parameters: {normalize: true}", "parameters: 3"), 12, "takes a table"),
        (("{normalize: true}", "{yes: 1}"), 12, "'yes' is no text"),
        (("value: 0.3", "value:"), 8, "the value is missing"),
        (("model: a", "model: {path: a, revision: x}"), 4, "'revision' is not a key"),
        (("model: a", "model: {model: {path: a, revision: x}}"), 4, "takes text"),
        (("dtype: bfloat16", "modules: {}"), 13, "'modules'"),
    ],
)
def test_mistakes_are_told_with_their_line(
    tmp_path: Path, change: tuple[str, str], line: int, words: str
) -> None:
    file = tmp_path / "recipe.yml"
    file.write_text(GOOD.replace(*change, 1))
    with pytest.raises(RecipeError) as caught:
        load_recipe(file)
    assert words in caught.value.sentence()
    assert caught.value.row == line
    assert str(file) in caught.value.message
    assert f"line {line}" in caught.value.message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not a table"),
        ("- a\n- b\n", "not a table"),
        ("merge_method: linear\n", "either 'models' or 'slices'"),
        ("merge_method: linear\nmodels: [{model: a}]\nslices: [{sources: [{model: a, layer_range: [0, 1]}]}]\n",
         "either 'models' or 'slices'"),
        ("models: [{model: a}]\n", "'merge_method' is missing"),
        ("merge_method: linear\nmodels: [{parameters: {weight: 1}}]\n", "'model' is missing"),
        ("merge_method: passthrough\nslices: [{sources: [{model: a, layer_range: [2, 2]}]}]\n", "range"),
        ("merge_method: linear\nmodels: [{model: ''}]\n", "empty name"),
    ],
)  # fmt: skip
def test_incomplete_recipes_are_refused(text: str, words: str) -> None:
    with pytest.raises(RecipeError) as caught:
        parse_recipe(text)
    assert words in caught.value.message


@pytest.mark.parametrize("layers", ["[0]", "[0, 1, 2]", "3", "[0, 1.5]"])
def test_layers_are_two_whole_numbers(layers: str) -> None:
    with pytest.raises(RecipeError, match="whole number"):
        parse_recipe(f"merge_method: linear\nslices: [{{sources: [{{model: a, layer_range: {layers}}}]}}]\n")


def test_parameters_may_be_left_empty() -> None:
    recipe = parse_recipe("merge_method: linear\nmodels:\n- model: a\n  parameters:\nparameters:\n")
    assert recipe.parameters == {}
    assert recipe == parse_recipe(recipe.as_dict())


def test_models_as_programs_print_them() -> None:
    recipe = parse_recipe(
        "merge_method: linear\n"
        "base_model: {model: {path: a, revision: null}, lora: null, override_architecture: null}\n"
        "models: [{model: {model: {path: b}, lora: {path: x}}}, {model: {model: c}}, {model: 123}]\n"
    )
    assert [str(reference) for reference in recipe.references] == ["b+x", "c", "123", "a"]
    assert recipe.base_model is not None
    assert recipe.base_model.adapter is None


@pytest.mark.parametrize(
    "text",
    [
        "merge_method: linear\nmodels: &a [*a]\n",
        "merge_method: " + "[" * 3000 + "]" * 3000,
        "merge_method: linear\nmodels: [{model: &m {model: *m}}]\n",
        "a: &a [x, x]\n"
        + "".join(f"{c}: &{c} [{f'*{p}, ' * 9}x]\n" for p, c in zip("abcdefgh", "bcdefghi", strict=True)),
    ],
    ids=["cycle", "deep", "cyclic-model", "expanding"],
)
def test_structures_that_no_recipe_has_are_refused_in_words(text: str) -> None:
    with pytest.raises(RecipeError) as caught:
        parse_recipe(text)
    assert len(caught.value.message) < 300


def test_an_anchor_may_be_used_again() -> None:
    recipe = parse_recipe(
        "merge_method: linear\nmodels: [{model: a, parameters: &p {weight: 1}}, {model: b, parameters: *p}]\n"
    )
    assert recipe.models is not None
    assert recipe.models[0].parameters == recipe.models[1].parameters


def test_files_that_are_no_recipes(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="cannot be read"):
        load_recipe(tmp_path / "nothing.yml")
    with pytest.raises(RecipeError, match="cannot be read"):
        load_recipe(tmp_path)
    binary = tmp_path / "binary.yml"
    binary.write_bytes(bytes(range(256)))
    with pytest.raises(RecipeError, match="not text"):
        load_recipe(binary)
    binary.write_bytes(b"x" * 2_000_000)
    with pytest.raises(RecipeError, match="too long"):
        load_recipe(binary)


def test_presets_are_filled_with_models() -> None:
    assert {"slerp", "ties", "dare_ties", "linear", "model_stock"} <= set(preset_names())
    slerp = preset("slerp", ["x", "y"])
    assert str(slerp.base_model) == "x"
    assert slerp.models is not None
    assert [str(entry.model) for entry in slerp.models] == ["x", "y"]
    assert slerp.as_dict()["parameters"]["t"] == [
        {"filter": "self_attn", "value": [0, 0.5, 0.3, 0.7, 1]},
        {"filter": "mlp", "value": [1, 0.5, 0.7, 0.3, 0]},
        {"value": 0.5},
    ]
    ties = preset("ties", ["x", "y", "z"], "root")
    assert [str(reference) for reference in ties.references] == ["x", "y", "z", "root"]
    for name in preset_names():
        preset(name, ["x", "y"], "root")
    with pytest.raises(RecipeError, match="no merge preset"):
        preset("slurp", ["x"])


def test_the_package_is_light() -> None:
    code = (
        "import sys, engine.merging, engine.merging.spec, engine.merging.workspace_models\n"
        "sys.exit(any(name in sys.modules for name in ('torch', 'transformers', 'numpy')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
