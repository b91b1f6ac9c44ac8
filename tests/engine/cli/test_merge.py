"""``bakeoff merge``: checked first, refused in words, made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.jobs.client import JobClient
from engine.merging.spec import MergeSpec
from engine.workspace import Workspace
from tests.conftest import Cli
from tests.here import add_model
from tests.tiny import tiny_model

_RECIPE = """
merge_method: slerp
base_model: {first}
models:
  - model: {first}
  - model: {second}
parameters:
  t: 0.5
dtype: float32
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    """A recipe that names two folders beside it."""
    tiny_model(tmp_path / "one", seed=1)
    tiny_model(tmp_path / "two", seed=2)
    file = tmp_path / "recipe.yml"
    file.write_text(_RECIPE.format(first="one", second="two"))
    return file


def test_the_check_alone_makes_nothing(cli_here: Cli, workspace: Workspace, recipe: Path) -> None:
    ran = cli_here("merge", recipe, "out", "--check", "--json")
    assert ran.status == 0, ran.stderr
    assert (ran.json["ok"], ran.json["method"], ran.json["tensors"]) == (True, "slerp", 21)
    foreseen = ran.json["forecast"]
    assert foreseen["bytes"] == ran.json["bytes"]
    assert foreseen["memory_bytes"] > foreseen["bytes"]
    assert foreseen["seconds"] is None
    said = cli_here("merge", recipe, "out", "--check").stdout
    assert "This can be merged" in said
    assert "no merge like it was measured on this machine" in said
    assert not recipe.with_name("out").exists()
    assert list(workspace.jobs.iterdir()) == []


def test_a_merge_is_a_model_folder_and_a_model_of_the_workspace(
    cli: Cli, workspace: Workspace, recipe: Path
) -> None:
    add_model(workspace, recipe.with_name("one"), "first")
    recipe.write_text(_RECIPE.format(first="first", second="two"))
    ran = cli("merge", recipe, "out", "--json")
    assert ran.status == 0, ran.stderr
    out = recipe.with_name("out")
    assert {"config.json", "tokenizer.json", "bakeoff.json"} <= {path.name for path in out.iterdir()}
    assert list(out.glob("*.safetensors"))
    assert (ran.json["folder"], ran.json["tensors"], ran.json["seed"]) == (str(out), 21, 42)
    shown = cli("model", "show", "out", "--json").json
    assert shown["kind"] == "merge"
    assert [parent["name"] for parent in shown["lineage"]] == ["first", "two"]

    jobs = len(list(workspace.jobs.iterdir()))
    again = cli("merge", recipe, "out", "--json")
    assert (again.status, again.json["error"]["code"]) == (1, "file.exists")
    assert len(list(workspace.jobs.iterdir())) == jobs


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("slerp", "slurp"), "Did you mean 'slerp'?"),
        (("model: two", "model: tow"), "Did you mean 'two'?"),
        (("parameters:", "paramters:"), "parameters"),
        (("t: 0.5", "t: [0.5"), "not valid YAML"),
    ],
)
def test_a_typo_is_told_with_what_was_meant(
    cli_here: Cli, workspace: Workspace, recipe: Path, change: tuple[str, str], says: str
) -> None:
    recipe.write_text(recipe.read_text().replace(*change))
    ran = cli_here("merge", recipe, "out", "--json")
    assert ran.status == 1
    assert says in f"{ran.json['error']['message']} {ran.json['error']['fix']}"
    assert not recipe.with_name("out").exists()
    assert list(workspace.jobs.iterdir()) == []


def test_mismatched_shapes_are_told_with_all_findings(cli_here: Cli, recipe: Path, tmp_path: Path) -> None:
    tiny_model(tmp_path / "wide", hidden=32)
    recipe.write_text(_RECIPE.format(first="one", second="wide"))
    for words in ((), ("--check",)):
        ran = cli_here("merge", recipe, "out", "--json", *words)
        assert ran.status == 1
        assert ran.json["error"]["code"].startswith("merge.")
        assert ran.json["error"]["findings"]
        assert "Error: " in ran.stderr


def test_what_is_found_is_said_once(cli_here: Cli, recipe: Path) -> None:
    recipe.write_text(recipe.read_text().replace("model: two", "model: nobody"))
    ran = cli_here("merge", recipe, "out")
    assert ran.status == 1
    assert ran.stderr.count("nobody") == 1, ran.stderr
    unused = "{filter: block_sparse_moe, value: 1}"
    recipe.write_text(
        _RECIPE.format(first="one", second="two").replace("t: 0.5", f"t: [{unused}, {{value: 0.5}}]")
    )
    ran = cli_here("merge", recipe, "out")
    assert ran.status == 0, ran.stderr
    assert ran.stderr.count("block_sparse_moe") == 1, ran.stderr


def test_a_missing_recipe_is_told(cli_here: Cli) -> None:
    ran = cli_here("merge", "nothing.yml", "out", "--json")
    assert (ran.status, ran.json["error"]["code"]) == (1, "recipe.unreadable")


def test_the_check_looks_at_the_folder_too(cli_here: Cli, recipe: Path) -> None:
    out = recipe.with_name("out")
    out.mkdir()
    assert cli_here("merge", recipe, "out", "--check").status == 0  # an empty folder is as good as none
    (out / "thesis.txt").write_text("irreplaceable")
    ran = cli_here("merge", recipe, "out", "--check", "--json")
    assert (ran.status, ran.json["error"]["code"]) == (1, "file.exists")


def test_a_folder_of_an_unfinished_merge_is_not_given_to_another(
    cli_here: Cli, workspace: Workspace, recipe: Path, tmp_path: Path
) -> None:
    """As after a crash: the first merge would be finished before the second one begins."""
    spec = MergeSpec(recipe=recipe.read_text(), name="out", folder=str(tmp_path / "out"))
    job = JobClient(workspace).submit("merge", spec, "Merge out")
    recipe.write_text(recipe.read_text().replace("t: 0.5", "t: 0.7"))
    for words in ((), ("--check",)):
        ran = cli_here("merge", recipe, "out", "--json", *words)
        assert (ran.status, ran.json["error"]["code"]) == (1, "merge.folder_claimed")
        assert f"bakeoff job stop {job.id}" in ran.json["error"]["fix"]
    assert len(list(workspace.jobs.iterdir())) == 1
    assert cli_here("merge", recipe, "elsewhere", "--check").status == 0
    job.change(state="stopped")
    assert cli_here("merge", recipe, "out", "--check").status == 0


def test_a_merge_that_was_cut_off_is_continued_by_the_same_words(
    cli: Cli, workspace: Workspace, recipe: Path, tmp_path: Path
) -> None:
    spec = MergeSpec(
        recipe=recipe.read_text(),
        name="out",
        recipe_file=str(recipe),
        working_folder=str(tmp_path),
        folder=str(tmp_path / "out"),
        threads=1,
    )
    job = JobClient(workspace).submit("merge", spec, "Merge out")
    ran = cli("merge", recipe, "out")
    assert ran.status == 0, ran.stderr
    assert f"Continuing {job.id}" in ran.stderr


def test_a_name_that_means_two_models_is_refused(
    cli_here: Cli, workspace: Workspace, recipe: Path, tmp_path: Path
) -> None:
    add_model(workspace, tiny_model(tmp_path / "elsewhere" / "three", seed=3), "two")
    add_model(workspace, tmp_path / "one", "one")  # one and the same model by both names
    ran = cli_here("merge", recipe, "out", "--check", "--json")
    assert (ran.status, ran.json["error"]["code"]) == (1, "merge.model_ambiguous")
    recipe.write_text(recipe.read_text().replace("model: two", "model: ./two"))
    assert cli_here("merge", recipe, "out", "--check").status == 0
