"""A recipe becomes the GGUF file that the merged model would become, without that model being written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.exporting.spec import ExportSpec
from engine.merging.spec import MergeSpec
from engine.models.library import find_model
from engine.studies.merged_export.spec import MergedExportSpec
from engine.training.spec import TrainRecipe, TrainSpec
from engine.workspace import Workspace
from tests.conftest import Cli
from tests.here import add_model, do, import_rows
from tests.tiny_families import exportable_model

RECIPES = {
    "slerp": "merge_method: slerp\nbase_model: one\nmodels: [{model: one}, {model: two}]\n"
    "parameters: {t: [{filter: self_attn, value: [0, 0.5, 1]}, {value: 0.4}]}\ndtype: bfloat16\n",
    "dare": "merge_method: dare_ties\nbase_model: one\ndtype: float32\n"
    "models:\n"
    "  - {model: two, parameters: {weight: 0.7, density: 0.5}}\n"
    "  - {model: three, parameters: {weight: 0.3, density: 0.5}}\n",
    "layers": "merge_method: passthrough\ndtype: bfloat16\n"
    "slices:\n"
    "  - {sources: [{model: one, layer_range: [0, 2]}]}\n"
    "  - {sources: [{model: two, layer_range: [1, 2]}]}\n",
}


@pytest.fixture
def three(workspace: Workspace, tmp_path: Path) -> Workspace:
    for seed, name in enumerate(("one", "two", "three")):
        add_model(workspace, exportable_model(tmp_path / name, seed=seed), name)
    return workspace


@pytest.mark.parametrize("name", RECIPES)
def test_the_file_is_that_of_the_merged_model(three: Workspace, tmp_path: Path, name: str) -> None:
    recipe = tmp_path / f"{name}.yml"
    recipe.write_text(RECIPES[name], encoding="utf-8")
    straight = tmp_path / "straight.gguf"
    models = sorted(path.name for path in three.models.iterdir())
    spec = MergedExportSpec(
        recipe=RECIPES[name], out=str(straight), quantisation="q4_0", model_name=name, recipe_file=str(recipe)
    )
    made = do(three, "merged_export", spec)[1]
    assert sorted(path.name for path in three.models.iterdir()) == models
    assert made["bytes"] == straight.stat().st_size
    do(three, "merge", MergeSpec(recipe=RECIPES[name], name=name, recipe_file=str(recipe)))
    around = tmp_path / "around.gguf"
    do(three, "export", ExportSpec(model=name, quantisation="q4_0", out=str(around)))
    assert straight.read_bytes() == around.read_bytes()
    provenance = json.loads((tmp_path / "straight.bakeoff.json").read_text(encoding="utf-8"))
    assert provenance["sha256"] == made["sha256"]
    assert {parent["model"] for parent in provenance["parents"]} <= {"one", "two", "three"}


def test_what_cannot_be_merged_or_stored_so_is_refused(cli: Cli, three: Workspace, tmp_path: Path) -> None:
    recipe = tmp_path / "slerp.yml"
    recipe.write_text(RECIPES["slerp"], encoding="utf-8")
    out = tmp_path / "out.gguf"
    wrong, beside = tmp_path / "wrong.yml", tmp_path / "taken.bakeoff.json"
    beside.write_text("mine", encoding="utf-8")
    wrong.write_text("merge_method: slerpy\nmodels: [{model: one}, {model: two}]\n", encoding="utf-8")
    for words, said in (
        ((wrong, out, "--as", "gguf"), "slerpy"),
        ((recipe, out, "--as", "merged"), "straight to a GGUF file only"),
        ((recipe, out, "--as", "gguf", "--quant", "iq2_xs"), "which weights matter"),
        ((recipe, out, "--as", "gguf", "--quant", "q9"), "q9"),
        ((recipe, out, "--as", "gguf", "--importance"), "on a model that exists"),
        ((recipe, beside.with_name("taken.gguf"), "--as", "gguf"), "taken.bakeoff.json already exists"),
        ((tmp_path / "missing.yml", out, "--as", "gguf"), "missing.yml"),
    ):
        failed = cli("export", *words)
        assert failed.status == 1
        assert said in failed.stderr
        assert "Traceback" not in failed.stderr
    assert not out.exists()
    assert beside.read_text(encoding="utf-8") == "mine"
    done = cli("export", recipe, tmp_path / "whole.gguf", "--as", "gguf", "--quant", "q8_0", "--json")
    assert done.status == 0, done.stderr
    assert done.json["bytes"] == (tmp_path / "whole.gguf").stat().st_size
    planned = cli("export", recipe, out, "--as", "gguf", "--quant", "q8_0", "--dry-run", "--json")
    assert planned.status == 0
    assert planned.json["types"] == done.json["types"]
    assert planned.json["preflight"]["ok"]
    refused = cli("export", recipe, out, "--as", "gguf", "--quant", "iq2_xs", "--dry-run")
    assert "matter" in refused.stderr
    assert not out.exists()


def test_a_merge_is_compared_with_itself_at_sixteen_bits(
    cli_here: Cli, three: Workspace, tmp_path: Path
) -> None:
    colours = ("red", "green", "blue")
    rows = [{"input": f"say {colours[n % 3]} {n}", "output": colours[n % 3]} for n in range(60)]
    import_rows(three, rows, "colours")
    recipe = tmp_path / "both.yml"
    recipe.write_text(
        "merge_method: linear\ndtype: bfloat16\n"
        "models:\n  - {model: first, parameters: {weight: 0.5}}\n  - {model: second, parameters: {weight: 0.5}}\n",
        encoding="utf-8",
    )
    for name, seed in (("first", 1), ("second", 2)):
        how = TrainRecipe(epochs=1, seed=seed, method="lora", lora_rank=4)
        do(three, "train", TrainSpec(base="one", dataset="colours", name=name, recipe=how))
    # Both parents were trained on the same task: it need not be named.
    made = cli_here("export", recipe, tmp_path / "both.gguf", "--as", "gguf", "--quant", "q4_0", "--json")
    assert made.status == 0, made.stderr
    report = made.json["drift"]
    assert (report["dataset"], report["reference"]) == ("colours", "bf16")
    whole, small = report["files"]
    assert (whole["quantisation"], small["quantisation"]) == ("bf16", "q4_0")
    assert (whole["agreement"], whole["likelihood_lost"]) == (1.0, 0.0)
    assert whole["bytes"] > small["bytes"] == made.json["bytes"]
    assert small["likelihood_lost"] != 0.0
    # The whole merge at 16 bits answers as one that was made and exported.
    do(three, "merge", MergeSpec(recipe=recipe.read_text(encoding="utf-8"), name="both"))
    told = cli_here(
        "export", "both", tmp_path / "b.gguf", "--as", "gguf", "--quant", "q4_0", "--dataset", "colours"
    )
    assert told.status == 0, told.stderr
    assert f"{small['log_likelihood']:.4f}" in told.stdout
    assert f"{whole['log_likelihood']:.4f}" in told.stdout
    assert "the chat template is the same" in told.stdout
    assert [path.name for path in tmp_path.glob(".*")] == []
    left_out = cli_here(
        "export", recipe, tmp_path / "c.gguf", "--as", "gguf", "--quant", "q4_0", "--no-drift", "--json"
    )
    assert "drift" not in left_out.json
    whole_only = cli_here("export", recipe, tmp_path / "d.gguf", "--as", "gguf", "--quant", "bf16", "--json")
    assert "drift" not in whole_only.json
    # Parents of two tasks: there is none to compare on. A task without test prompts: that is told.
    other = find_model(three, "second").folder / "bakeoff.json"
    content = json.loads(other.read_text(encoding="utf-8"))
    content["dataset"]["name"] = "another"
    other.write_text(json.dumps(content), encoding="utf-8")
    apart = cli_here("export", recipe, tmp_path / "e.gguf", "--as", "gguf", "--quant", "q4_0", "--json")
    assert apart.status == 0
    assert "drift" not in apart.json
    assert "it is not known on which task" in apart.stderr
