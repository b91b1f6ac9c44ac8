"""The pre-flight: what is wrong is told before a tensor is read, with names and what to do."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from engine.merging import MergeError, check, parse_recipe
from engine.weights import WeightsReader
from tests.engine.merging.conftest import MODELS, change_config, preflight, told

LINEAR = {"merge_method": "linear", "models": [{"model": "a"}, {"model": "b"}], "parameters": {"weight": 1}}


def test_a_good_recipe_has_no_findings_and_reads_no_tensor(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a tensor was read")

    monkeypatch.setattr(WeightsReader, "read", refuse)
    found = preflight(LINEAR, root)
    assert found.ok
    assert found.findings == ()
    summary = found.as_dict()
    assert summary["layers"] == 2
    assert summary["tensors"] == 21
    assert summary["bytes"] == 158_016 * 2


@pytest.mark.parametrize("method", ["ties", "task_arithmetic", "dare_ties", "model_stock", "slerp", "sce"])
def test_a_missing_base(method: str) -> None:
    recipe = {**LINEAR, "merge_method": method, "parameters": {"t": 0.5}}
    assert method in told(recipe)["merge.base_missing"]


def test_the_number_of_models() -> None:
    three = [{"model": name} for name in ("a", "b", "c")]
    slerp = {"merge_method": "slerp", "base_model": "a", "parameters": {"t": 0.5}}
    assert "exactly 2" in told({**slerp, "models": three})["merge.model_count"]
    assert "exactly 2" in told({**slerp, "models": three[:1]})["merge.model_count"]
    assert told({**slerp, "models": three[1:2]}) == {}  # the base joins by itself
    stock = {"merge_method": "model_stock", "base_model": "base", "models": three[:1]}
    assert "at least 2" in told(stock)["merge.model_count"]
    slices = [{"sources": [{"model": name, "layer_range": [0, 2]} for name in ("a", "b")]}]
    assert "slice 1" in told({"merge_method": "passthrough", "slices": slices})["merge.model_count"]


def test_layer_ranges() -> None:
    def slices(*ranges: tuple[str, int, int]) -> dict[str, Any]:
        sources = [{"model": name, "layer_range": [start, end]} for name, start, end in ranges]
        return {"merge_method": "linear", "parameters": {"weight": 1}, "slices": [{"sources": sources}]}

    found = told(slices(("a", 0, 2), ("b", 1, 3)))
    assert "[1, 3) of 'b'" in found["merge.layer_range"]
    assert "it has 2" in found["merge.layer_range"]
    found = told(slices(("a", 0, 2), ("b", 1, 2)))
    assert "'b' gives 1 layers and 'a' gives 2" in found["merge.layer_counts"]
    unclear = {**slices(("a", 0, 1), ("b", 1, 2)), "merge_method": "ties", "base_model": "base"}
    assert "base" in told(unclear)["merge.base_layers"]


def test_a_missing_value_names_model_and_parameter() -> None:
    recipe = {
        "merge_method": "linear",
        "models": [{"model": "a", "parameters": {"weight": 1}}, {"model": "b"}],
    }
    message = told(recipe)["merge.parameter_missing"]
    assert "'weight' of the model 'b'" in message
    only_mlp = {**LINEAR, "parameters": {"weight": [{"filter": "mlp", "value": 1}]}}
    assert "model.embed_tokens.weight" in told(only_mlp)["merge.parameter_missing"]


def test_values_that_make_no_sense() -> None:
    ties = {"merge_method": "ties", "base_model": "base", "models": [{"model": "a"}]}
    for name, value in (("density", -0.5), ("gamma", 1.5)):
        crumbs = {**ties, "merge_method": "breadcrumbs", "parameters": {"weight": 1, name: value}}
        assert str(value) in told(crumbs)["merge.share_out_of_range"]
    cancel = {**LINEAR, "models": [{"model": "a"}, {"model": "b", "parameters": {"weight": -1}}]}
    assert "add up to zero" in told(cancel)["merge.weights_cancel"]
    assert told({**cancel, "parameters": {"weight": 1, "normalize": False}}) == {}
    della = {**ties, "merge_method": "della", "parameters": {"weight": 1, "density": 0.95}}
    assert told(della) == {}
    assert "merge.epsilon_clipped" in told(della, severity="warning")


def test_parameters_without_effect_are_warned_of(root: Path) -> None:
    recipe = {
        **LINEAR,
        "models": [{"model": "a", "parameters": {"density": 0.5, "normalize": False}}, {"model": "b"}],
        "parameters": {"weight": 1, "int8_mask": True},
    }
    found = told(recipe, root, "warning")
    assert set(found) == {"merge.parameter_unused", "merge.parameter_misplaced", "merge.parameter_ignored"}


def test_unknown_models_and_a_hint(root: Path) -> None:
    recipe = parse_recipe({**LINEAR, "models": [{"model": str(root / "bse")}]})
    found = check(recipe)
    assert [finding.code for finding in found.errors] == ["merge.model_unknown"]
    assert str(root / "base") in found.errors[0].fix
    with pytest.raises(MergeError, match="no model"):
        found.require()


def test_mismatched_shapes_name_tensor_and_model(root: Path) -> None:
    file = root / "b" / "model.safetensors"
    tensors = load_file(file)
    for name in list(tensors):
        if "mlp" in name:
            tensors[name] = torch.zeros(3, 5, dtype=torch.bfloat16)
    save_file(tensors, file)
    found = preflight(LINEAR, root)
    messages = [finding.message for finding in found.errors if finding.code == "merge.shape_mismatch"]
    assert "'model.layers.0.mlp.down_proj.weight' is 3x5 in 'b' and 64x176 in 'a'" in messages[0]
    assert "2 more" in messages[-1]  # four of six are told in full
    with pytest.raises(MergeError, match="4 more"):
        found.require()


def test_missing_tensors_name_the_model(root: Path) -> None:
    file = root / "b" / "model.safetensors"
    tensors = load_file(file)
    for layer in (0, 1):
        del tensors[f"model.layers.{layer}.self_attn.q_proj.weight"]
    save_file(tensors, file)
    assert "'b' has no tensor 'model.layers.1.self_attn.q_proj" in told(LINEAR, root)["merge.tensor_missing"]


def test_tables_that_are_computed_anyway_are_left_out(root: Path) -> None:
    file = root / "b" / "model.safetensors"
    table = {"model.layers.0.self_attn.rotary_emb.inv_freq": torch.ones(8)}
    save_file({**load_file(file), **table}, file)
    found = preflight(LINEAR, root)
    assert found.ok
    assert found.plan is not None
    assert len(found.plan.tensors) == 21


def test_incomplete_and_foreign_models(root: Path) -> None:
    change_config(root / "b", num_hidden_layers=3)
    assert "should have 3 layers, but its weights have 2" in told(LINEAR, root)["merge.layers_missing"]
    change_config(root / "b", num_hidden_layers=2, quantization_config={"quant_method": "gptq"})
    assert "gptq" in told(LINEAR, root)["merge.quantised"]
    (root / "b" / "config.json").unlink()
    assert "config.json" in told(LINEAR, root)["weights.config_missing"]
    (root / "b" / "model.safetensors").unlink()
    shutil.copy(MODELS / "b" / "config.json", root / "b")
    torch.save({}, root / "b" / "pytorch_model.bin")
    assert "can run code" in told(LINEAR, root)["weights.pickle"]


def test_several_broken_models_are_told_together(root: Path) -> None:
    shutil.rmtree(root / "a")
    (root / "b" / "model.safetensors").write_bytes(b"\x10\0\0\0\0\0\0\0")
    assert set(told(LINEAR, root)) == {"merge.model_unknown", "weights.corrupt"}


def test_other_families_are_warned_of(root: Path) -> None:
    change_config(root / "b", model_type="mistral", rms_norm_eps=1e-6)
    change_config(root / "b", rope_parameters={"rope_theta": 5e5, "rope_type": "default"})
    found = preflight(LINEAR, root)
    assert found.ok
    keys = {finding.params["key"] for finding in found.warnings if finding.code == "merge.config_differs"}
    assert keys == {"model_type", "rms_norm_eps", "rope_theta"}


def test_old_and_new_spellings_of_one_config_agree(root: Path) -> None:
    config = json.loads((root / "b" / "config.json").read_text())
    rope = config.pop("rope_parameters")
    config |= {"rope_theta": rope["rope_theta"], "torch_dtype": config.pop("dtype")}
    del config["head_dim"]
    (root / "b" / "config.json").write_text(json.dumps(config))
    assert preflight(LINEAR, root).findings == ()


def test_vocabularies_of_different_size_ask_for_a_tokenizer(root: Path) -> None:
    file = root / "b" / "model.safetensors"
    tensors = load_file(file)
    for name in ("model.embed_tokens.weight", "lm_head.weight"):
        tensors[name] = torch.cat([tensors[name], tensors[name][:3]])
    save_file(tensors, file)
    found = preflight(LINEAR, root)
    sizes = [finding for finding in found.errors if finding.code == "merge.vocabulary_size"]
    assert "515x64 in 'b' and 512x64 in 'a'" in sizes[0].message
    assert "tokenizer_source" in sizes[0].fix
    chosen = told({**LINEAR, "tokenizer_source": "union"}, root)
    assert "tokenizer.json" in chosen["merge.tokenizer_missing"]


def test_mixed_heads_are_announced() -> None:
    found = told({**LINEAR, "models": [{"model": "a"}, {"model": "tied_b"}]}, severity="warning")
    assert "merge.head_untied" in found


@pytest.mark.parametrize("name", ["base+adapter", "a"])
def test_an_adapter_without_its_files(root: Path, name: str) -> None:
    (root / "adapter").mkdir()
    (root / "adapter" / "adapter_config.json").write_text(json.dumps({"peft_type": "IA3"}))
    if name == "a":
        (root / "a" / "config.json").unlink()
        (root / "a" / "adapter_config.json").write_text("{}")
    recipe = {**LINEAR, "models": [{"model": name}, {"model": "b"}]}
    codes = set(told(recipe, root))
    assert codes == ({"adapter.unsupported"} if name == "base+adapter" else {"merge.adapter_without_base"})


def test_a_density_above_one_drops_nothing_and_is_warned_of() -> None:
    """As the field has it: from 1 on nothing is sparsified."""
    recipe = {
        "merge_method": "ties",
        "base_model": "base",
        "models": [{"model": "a"}],
        "parameters": {"weight": 1, "density": 1.5},
    }
    assert told(recipe) == {}
    assert "1.5" in told(recipe, severity="warning")["merge.density_above_one"]


@pytest.mark.parametrize("method", ["task_arithmetic", "dare_linear", "breadcrumbs", "della_linear"])
def test_changes_whose_weights_cancel_cannot_be_normalised(method: str) -> None:
    def recipe(first: float, second: float) -> dict[str, Any]:
        models = [
            {"model": name, "parameters": {"weight": weight}}
            for name, weight in (("a", first), ("b", second))
        ]
        return {
            "merge_method": method,
            "base_model": "base",
            "models": models,
            "parameters": {"normalize": True},
        }

    assert "add up to zero" in told(recipe(1, -1))["merge.weights_cancel"]
    assert told(recipe(0, 0)) == {}  # nothing is added to the base, whatever the divisor
    assert told({**recipe(1, -1), "merge_method": "ties"}) == {}  # divides by the weights that agree


def test_filters_without_effect_are_warned_of() -> None:
    def recipe(*entries: Any) -> dict[str, Any]:
        return {
            "merge_method": "slerp",
            "base_model": "a",
            "models": [{"model": "a"}, {"model": "b"}],
            "parameters": {"t": list(entries)},
        }

    def warned(*entries: Any) -> dict[str, str]:
        found = told(recipe(*entries), severity="warning")
        return {code: text for code, text in found.items() if code.startswith("merge.filter")}

    rest, mlp = {"value": 0.5}, {"filter": "mlp", "value": 1}
    absent = warned({"filter": "block_sparse_moe", "value": 1}, rest)["merge.filter_unmatched"]
    assert "'block_sparse_moe' of 't'" in absent
    for slip in ("self_atn", "mpl"):
        assert f"'{slip}' of 't'" in told(recipe({"filter": slip, "value": 1}, rest))["merge.filter_misspelt"]
    assert set(warned(rest, mlp)) == {"merge.filter_unreached"}
    assert set(warned({"filter": "*", "value": 0.5}, mlp)) == {"merge.filter_unreached"}
    assert warned(mlp, rest) == {}
    assert warned(mlp, {"filter": "*", "value": 0.5}) == {}


@pytest.mark.parametrize("method", ["linear", "karcher"])
def test_a_base_that_is_not_merged_is_warned_of(method: str) -> None:
    recipe = {**LINEAR, "merge_method": method, "base_model": "base"}
    assert "'base' gives only config" in told(recipe, severity="warning")["merge.base_not_merged"]
    listed = {**recipe, "models": [{"model": name} for name in ("a", "b", "base")]}
    assert "merge.base_not_merged" not in told(listed, severity="warning")
    arithmetic = {**recipe, "merge_method": "task_arithmetic"}  # the base is what changes are added to
    assert "merge.base_not_merged" not in told(arithmetic, severity="warning")


def test_a_base_that_is_to_be_merged_with_a_single_model_is_warned_of() -> None:
    models = [{"model": name, "parameters": {"weight": 0.5}} for name in ("base", "a")]
    recipe = {"merge_method": "ties", "base_model": "base", "models": models}
    assert "takes those of 'a'" in told(recipe, severity="warning")["merge.base_changes_nothing"]
    for other in (
        {**recipe, "parameters": {"normalize": False}},
        {**recipe, "models": [*models, {"model": "b", "parameters": {"weight": 0.5}}]},
        {**recipe, "models": models[1:]},
        {**recipe, "merge_method": "task_arithmetic"},
    ):
        assert "merge.base_changes_nothing" not in told(other, severity="warning")


def test_a_reference_without_tokenizer_is_warned_of(root: Path) -> None:
    (root / "a" / "tokenizer_config.json").unlink()
    assert "'a'" in told(LINEAR, root, "warning")["merge.tokenizer_absent"]
    assert "merge.tokenizer_absent" not in told({**LINEAR, "base_model": "b"}, root, "warning")


@pytest.mark.parametrize("claimed", ["float8_e4m3fn", "int4"])
def test_a_type_that_no_merge_is_stored_in_is_not_taken_from_the_config(root: Path, claimed: str) -> None:
    change_config(root / "a", dtype=claimed)
    found = preflight(LINEAR, root)
    assert found.ok
    assert found.as_dict()["dtype"] == "bfloat16"
    assert claimed in told(LINEAR, root, "warning")["merge.dtype_claimed"]
    assert "merge.dtype_claimed" not in told({**LINEAR, "dtype": "float16"}, root, "warning")


def test_the_folder_is_looked_at_where_it_is_named(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def codes(out: Path) -> list[str]:
        return [
            finding.code for finding in check(parse_recipe(LINEAR), resolve=root.joinpath, out=out).errors
        ]

    assert codes(root / "new" / "folder") == []
    assert codes(root / "a") == ["file.exists"]
    monkeypatch.setattr(shutil, "disk_usage", lambda _: _Usage())
    assert codes(root / "new") == ["merge.disk_full"]


class _Usage:
    free = 1000
