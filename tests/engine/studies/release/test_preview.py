"""What a release would hold, told before: the very names and sizes that a real one then has."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from gguf import GGUFReader

from engine.errors import BakeoffError
from engine.models.library import find_model
from engine.studies.release.preview import preview
from engine.studies.release.spec import ReleaseSpec
from engine.weights.folding import fold_adapter, folded_files
from engine.workspace import Workspace
from engine.workspace.tables import Dataset
from tests.here import do


def told(workspace: Workspace, spec: ReleaseSpec) -> dict[str, Any]:
    """The preview, which writes nothing."""
    found = preview(workspace, spec, find_model(workspace, spec.model))
    assert not Path(spec.out).exists()
    return found


def parts_of(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {part["kind"]: part for part in found["parts"]}


def require_same(found: dict[str, Any], made: dict[str, Any], out: Path) -> None:
    """A release has the files that were told, of the sizes that were told."""
    assert sorted(name for part in found["parts"] for name in part["files"]) == made["files"]
    for part in found["parts"]:
        there = {name: (out / name).stat().st_size for name in part["files"]}
        if part["kind"] == "gguf":  # without metadata
            (name,) = part["files"]
            assert part["bytes"] == sum(int(tensor.n_bytes) for tensor in GGUFReader(out / name).tensors)
        elif part["kind"] in ("safetensors", "adapter"):
            # Weights to the byte; from configs, places of this machine are taken out.
            weights = [size for name, size in there.items() if name.endswith(".safetensors")]
            assert 0 <= part["bytes"] - sum(there.values()) < 3_000
            assert len(weights) == 1
        else:
            assert part["bytes"] == 0
    assert found["bytes"] == sum(part["bytes"] for part in found["parts"])
    assert (found["ranked"], found["licence"]["id"]) == (made["ranked"], made["licence"]["id"])


def test_a_real_release_holds_what_was_told(judged: Workspace, tmp_path: Path) -> None:
    for model, more in (
        ("tuned", {"quantisations": ["q8_0", "q4_0"], "drift": False}),
        ("tuned", {"quantisations": []}),
        ("blend", {"quantisations": ["q8_0"], "drift": False}),
        ("base", {"quantisations": ["q8_0"], "drift": False, "safetensors": False}),
    ):
        out = tmp_path / f"{model}-{len(more)}"
        spec = ReleaseSpec(model=model, out=str(out), **more)  # type: ignore[arg-type]
        found = told(judged, spec)
        require_same(found, do(judged, "release", spec)[1], out)
    # The weights of an adapter that is made one with its base are told to the byte.
    files = find_model(judged, "tuned")
    assert files.adapter_folder is not None
    planned = folded_files(files.base_folder, files.adapter_folder)
    fold_adapter(files.base_folder, files.adapter_folder, tmp_path / "whole")
    written = {file.name: file.stat().st_size for file in (tmp_path / "whole").iterdir()}
    assert planned.keys() == written.keys()
    assert planned["model.safetensors"] == written["model.safetensors"]


def test_what_is_not_there_yet_is_told_as_such(judged: Workspace, tmp_path: Path) -> None:
    out = str(tmp_path / "out")
    # Of two licences there is a LICENSE.md; of one, the LICENSE itself.
    blend = parts_of(told(judged, ReleaseSpec(model="blend", out=out, quantisations=[])))
    assert blend["texts"]["name"] == "README.md, release.json, LICENSE.md, licences/, SHA256SUMS"
    assert "licences/other/LICENSE" in blend["texts"]["files"]
    tuned = parts_of(told(judged, ReleaseSpec(model="tuned", out=out, quantisations=[])))
    assert tuned["texts"]["name"] == "README.md, release.json, licences/, LICENSE, SHA256SUMS"
    assert (tuned["adapter"]["name"], tuned["ranking"]["name"]) == ("adapter/", "ranking.svg, ranking.png")
    assert tuned["safetensors"]["name"] == "model.safetensors, config and tokenizer"
    # The card says what is measured while it is made.
    spec = ReleaseSpec(model="tuned", out=out, quantisations=["q8_0"])
    found = told(judged, spec)
    assert found["card"].startswith("---\nlicense: apache-2.0\n")
    assert "**tuned**" in found["card"]
    assert "Measured on test prompts of colours while the release is made." in found["card"]
    assert "checked while the release is made" in found["card"]
    assert found["drift"] == {"pending": "colours"}
    assert (found["study"], found["judge"]) == ("", "reference")
    with judged.catalogue.writing() as session:
        session.query(Dataset).filter_by(name="colours").update({"sealed": True})
    assert "colours" in told(judged, spec)["drift"]["left_out"]  # nobody may look at it
    # What the spec takes for granted, and is not so, is told.
    for more, code in (
        ({"judge": "openai:gpt-4"}, "release.judge_unknown"),
        ({"study": "nothing"}, "study.unknown"),
        ({"quantisations": ["q99"]}, "export.quantisation_unknown"),
    ):
        with pytest.raises(BakeoffError) as failed:
            told(judged, ReleaseSpec(model="tuned", out=out, **more))  # type: ignore[arg-type]
        assert failed.value.code == code
        assert failed.value.fix
