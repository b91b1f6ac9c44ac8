"""The job: models by their names in the workspace, lineage, and attempts that were cut off."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from engine.files import FileError, write_json
from engine.jobs.client import JobClient, JobFailedError
from engine.jobs.context import JobContext, JobResult
from engine.jobs.events import EventWriter
from engine.merging.errors import MergeError
from engine.merging.run import run
from engine.merging.spec import MergeSpec
from engine.models.library import find_model, lineage
from engine.weights import WeightsReader
from engine.workspace import Workspace
from tests.engine.merging.conftest import MODELS, tensors_of
from tests.here import add_model

RECIPE: dict[str, Any] = {
    "merge_method": "linear",
    "models": [{"model": "first"}, {"model": "b"}],
    "parameters": {"weight": 1},
}


@pytest.fixture
def client(workspace: Workspace) -> JobClient:
    """A workspace with one of the oracle's models."""
    add_model(workspace, MODELS / "a", "first")
    return JobClient(workspace)


def attempt(workspace: Workspace, client: JobClient, job_id: str, spec: MergeSpec) -> JobResult:
    """Run the job here, as its worker would; nobody has noted yet that it ended."""
    directory = client.submit("merge", spec, "merge", job_id=job_id)
    writer = EventWriter(directory.events)
    try:
        return run(JobContext(directory, workspace, writer))
    finally:
        writer.close()


def test_a_merge_enters_the_catalogue_with_its_lineage(workspace: Workspace, client: JobClient) -> None:
    spec = MergeSpec(recipe=RECIPE, name="mixed", working_folder=str(MODELS))
    job = client.submit("merge", spec, "merge")
    client.ensure_runner()
    summary = client.wait(job)
    files = find_model(workspace, "mixed")
    assert files.kind == "merge"
    assert files.folder.parent == workspace.models
    assert files.info.layers == 2
    assert summary["content_sha256"] == WeightsReader(files.folder).sha256()
    parents = {entry["name"]: entry["sha256"] for entry in lineage(workspace, "mixed")}
    assert set(parents) == {"first", "b"}  # one of the workspace, one from a folder
    assert parents["first"] == find_model(workspace, "first").weights_sha256
    expected = tensors_of(MODELS / "a")["model.norm.weight"].float()
    expected = (expected + tensors_of(MODELS / "b")["model.norm.weight"].float()) / 2
    assert torch.equal(tensors_of(files.folder)["model.norm.weight"], expected.to(torch.bfloat16))


def write_adapter(folder: Path, base: str) -> Path:
    folder.mkdir()
    prefix = "base_model.model.model.layers.0.self_attn.o_proj"
    tensors = {f"{prefix}.lora_A.weight": torch.randn(2, 64), f"{prefix}.lora_B.weight": torch.randn(64, 2)}
    save_file(tensors, folder / "adapter_model.safetensors")
    config = {"peft_type": "LORA", "r": 2, "lora_alpha": 2, "base_model_name_or_path": base}
    (folder / "adapter_config.json").write_text(json.dumps(config))
    return folder


def test_adapters_given_by_path_are_parents_of_their_own(
    workspace: Workspace, client: JobClient, tmp_path: Path
) -> None:
    one = write_adapter(tmp_path / "one", "nowhere")
    two = write_adapter(tmp_path / "two", str(MODELS / "b"))
    models = [{"model": name} for name in ("first", f"first+{one}", str(two))]
    spec = MergeSpec(recipe={**RECIPE, "models": models}, name="mixed", folder=str(tmp_path / "out"))
    adoption = attempt(workspace, client, "merge-1", spec).adoption
    assert adoption is not None
    known = find_model(workspace, "first")
    files = {"b": MODELS / "b" / "model.safetensors"} | {
        folder.name: folder / "adapter_model.safetensors" for folder in (one, two)
    }
    sha256 = {name: hashlib.sha256(file.read_bytes()).hexdigest() for name, file in files.items()}
    parents = [(parent.name, parent.id, parent.sha256) for parent in adoption.models[0].parents]
    assert parents == [
        ("first", known.id, known.weights_sha256),
        (str(one), None, sha256["one"]),
        (str(two), None, f"{sha256['b']}+{sha256['two']}"),
    ]


@pytest.mark.parametrize("same", [True, False])
def test_an_adapter_whose_base_came_from_the_hub_is_merged_with_the_model_that_it_was_trained_on(
    workspace: Workspace, client: JobClient, tmp_path: Path, same: bool
) -> None:
    adapter = write_adapter(tmp_path / "tuned", "owner/on-the-hub")
    known = find_model(workspace, "first").weights_sha256 if same else "0" * 64
    write_json(adapter / "bakeoff.json", {"base": {"name": "first", "sha256": known}})
    recipe = {**RECIPE, "models": [{"model": "b"}, {"model": str(adapter)}]}
    spec = MergeSpec(recipe=recipe, name="mixed", folder=str(tmp_path / "out"), working_folder=str(MODELS))
    if same:
        assert attempt(workspace, client, "merge-1", spec).adoption.models[0].parents[1].name == str(adapter)
    else:  # another model of the same name
        with pytest.raises(MergeError) as caught:
            attempt(workspace, client, "merge-1", spec)
        assert caught.value.code == "merge.adapter_without_base"


def test_a_mistake_in_the_recipe_fails_the_job_in_words(workspace: Workspace, client: JobClient) -> None:
    recipe = {**RECIPE, "models": [{"model": "frist"}]}
    job = client.submit("merge", MergeSpec(recipe=recipe, name="mixed"), "merge")
    client.ensure_runner()
    with pytest.raises(JobFailedError, match="There is no model 'frist'"):
        client.wait(job)
    assert list(workspace.models.iterdir()) == []


def test_an_attempt_that_was_cut_off_after_the_merge_is_not_repeated(
    workspace: Workspace, client: JobClient, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    spec = MergeSpec(recipe=RECIPE, name="mixed", working_folder=str(MODELS), folder=str(out))
    first = attempt(workspace, client, "merge-1", spec)
    before = (out / "model.safetensors").stat().st_mtime_ns
    second = attempt(workspace, client, "merge-1", spec)
    assert (out / "model.safetensors").stat().st_mtime_ns == before
    told_once = {"seconds": 0, "warnings": []}
    assert {**second.summary, **told_once} == {**first.summary, **told_once}
    assert second.adoption == first.adoption
    # Another job must not take the folder for its own.
    with pytest.raises(FileError, match="already exists"):
        attempt(workspace, client, "merge-2", spec)


def test_what_a_killed_attempt_had_written_is_removed(
    workspace: Workspace, client: JobClient, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    spec = MergeSpec(recipe=RECIPE, name="mixed", working_folder=str(MODELS), folder=str(out))
    directory = client.submit("merge", spec, "merge", job_id="merge-1")
    write_json(directory.checkpoints / "started.json", {"folder": str(out)})
    (tmp_path / ".out.1234abcd.partial").mkdir()
    (tmp_path / ".out.1234abcd.partial" / "model.safetensors").write_bytes(b"half")
    (tmp_path / ".other.1234abcd.partial").mkdir()
    attempt(workspace, client, "merge-1", spec)
    names = {path.name for path in tmp_path.iterdir()}
    assert out.name in names
    assert ".out.1234abcd.partial" not in names
    assert ".other.1234abcd.partial" in names


def test_adapters_of_the_workspace_bring_their_base(
    workspace: Workspace, client: JobClient, tmp_path: Path
) -> None:
    """A fine-tune is merged by its name: its base is found through the lineage."""
    from engine.workspace.adoption import Adoption, NewModel, NewParent, adopt

    adapter = workspace.models / "tuned"
    adapter.mkdir()
    a, b = torch.randn(2, 64), torch.randn(64, 2)
    prefix = "base_model.model.model.layers.0.self_attn.o_proj"
    save_file(
        {f"{prefix}.lora_A.weight": a, f"{prefix}.lora_B.weight": b}, adapter / "adapter_model.safetensors"
    )
    config = {"peft_type": "LORA", "r": 2, "lora_alpha": 2, "base_model_name_or_path": "/moved/away"}
    (adapter / "adapter_config.json").write_text(json.dumps(config))
    base = find_model(workspace, "first")
    model = NewModel(
        id="tuned",
        name="tuned",
        kind="adapter",
        folder="models/tuned",
        weights_sha256="0" * 64,
        parents=[NewParent(name="first", sha256=base.weights_sha256, id=base.id)],
    )
    what = Adoption(models=[model])
    adopt(workspace.catalogue, job_id="j", kind="train", title="", study=None, summary={}, what=what)
    recipe = {**RECIPE, "models": [{"model": "tuned"}], "dtype": "float32"}
    spec = MergeSpec(recipe=recipe, name="folded", folder=str(tmp_path / "out"))
    attempt(workspace, client, "merge-1", spec)
    name = "model.layers.0.self_attn.o_proj.weight"
    expected = tensors_of(MODELS / "a")[name].float() + b @ a
    torch.testing.assert_close(tensors_of(tmp_path / "out")[name], expected, rtol=0, atol=1e-6)
