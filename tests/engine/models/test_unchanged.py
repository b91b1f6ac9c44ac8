"""Weights that were changed where they lie are not exported, released or trained on as what they were."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from engine.exporting.spec import ExportSpec
from engine.inference.spec import GenerateSpec
from engine.jobs.client import JobFailedError
from engine.models.library import find_model
from engine.models.unchanged import CHECKED, require_unchanged
from engine.progress import SilentReporter
from engine.studies.release.spec import ReleaseSpec
from engine.training.spec import TrainRecipe, TrainSpec
from engine.workspace import Workspace
from tests.here import add_model, do, import_rows
from tests.tiny_families import exportable_model


class Heard(SilentReporter):
    """Counts how often weights are read."""

    read = 0

    def event(self, type: str, /, **data: object) -> None:
        self.read += type == "model.hashing"


@pytest.fixture
def weights(workspace: Workspace, tmp_path: Path) -> Path:
    add_model(workspace, exportable_model(tmp_path / "one"), "one")
    return tmp_path / "one" / "model.safetensors"


def test_weights_are_read_once_and_again_when_they_were_touched(workspace: Workspace, weights: Path) -> None:
    heard, files = Heard(), find_model(workspace, "one")
    require_unchanged(workspace, files, heard)
    assert heard.read == 0  # they were read when they were added
    os.utime(weights, (1.0, 1.0))
    require_unchanged(workspace, files, heard)
    require_unchanged(workspace, files, heard)
    assert heard.read == 1
    (workspace.root / CHECKED).write_text("no json", encoding="utf-8")
    require_unchanged(workspace, files, heard)
    assert heard.read == 2
    assert len(json.loads((workspace.root / CHECKED).read_text(encoding="utf-8"))) == 1


@pytest.mark.parametrize("how", ["cut", "zeroed"])
def test_changed_weights_are_refused(workspace: Workspace, weights: Path, tmp_path: Path, how: str) -> None:
    rows = [
        {"input": f"say {number}", "output": "it", "split": "test" if number < 4 else "train"}
        for number in range(12)
    ]
    import_rows(workspace, rows, "words")
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-1000] if how == "cut" else whole[:-1000] + b"\0" * 1000)
    out = tmp_path / "out"
    for kind, spec in (
        ("export", ExportSpec(model="one", quantisation="q8_0", out=str(out))),
        ("export", ExportSpec(model="one", form="merged", out=str(out))),
        ("release", ReleaseSpec(model="one", out=str(out), quantisations=[], drift=False)),
        (
            "train",
            TrainSpec(base="one", dataset="words", name="tuned", recipe=TrainRecipe(epochs=1, method="lora")),
        ),
        ("generate", GenerateSpec(models=["untuned:one"], dataset="words")),
    ):
        with pytest.raises(JobFailedError, match="are not those that were added"):
            do(workspace, kind, spec)
        assert not out.exists()
    weights.write_bytes(whole)
    do(workspace, "export", ExportSpec(model="one", form="merged", out=str(out)))
    assert (out / "model.safetensors").read_bytes() == whole
