"""What must hold before a release is begun, and what becomes of one that is made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.errors import BakeoffError
from engine.models.library import default_base, find_model
from engine.studies.release import starting
from engine.studies.release.spec import ReleaseSpec
from engine.studies.release.starting import (
    Afterwards,
    finish_release,
    made_already,
    quantisations_of,
    require_releasable,
)
from engine.workspace import Workspace
from engine.workspace.settings import change
from tests.engine.studies.release.conftest import releasable
from tests.here import add_model, do

NOTHING = Afterwards()


def test_quantisations_are_taken_as_they_are_asked_for(workspace: Workspace) -> None:
    assert quantisations_of(workspace, None) == ["q4_k_m"]
    change(workspace, "quantisation", "q8_0")
    assert quantisations_of(workspace, None) == ["q8_0"]
    assert quantisations_of(workspace, "Q4_K_M, q8_0,,q4_k_m") == ["q4_k_m", "q8_0"]
    assert quantisations_of(workspace, "none") == []
    assert quantisations_of(workspace, ["", " f16 "]) == ["f16"]
    with pytest.raises(BakeoffError, match="q99"):
        quantisations_of(workspace, "q99")


def test_a_release_that_could_not_be_made_or_used_is_refused(
    models: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.delenv("HF_TOKEN", raising=False)

    def refused(model: str, afterwards: Afterwards = NOTHING, **more: Any) -> str:
        with pytest.raises(BakeoffError) as failed:
            require_releasable(
                models, ReleaseSpec(model=model, out=str(tmp_path / "out"), **more), afterwards
            )
        assert failed.value.fix
        return failed.value.code

    assert refused("nobody") == "model.unknown"
    assert refused("tuned", Afterwards(default_base=True)) == "model.no_base"
    assert refused("tuned", Afterwards(install=("ollama",))) == "install.no_ollama"
    assert refused("tuned", Afterwards(push="no name")) == "push.bad_name"
    assert refused("tuned", dataset="nope") == "dataset.unknown"
    bare = {"quantisations": [], "safetensors": False}
    assert refused("blend", **bare) == "release.nothing"
    spec = ReleaseSpec(model="tuned", out=str(tmp_path / "out"), **bare)  # type: ignore[arg-type]
    assert require_releasable(models, spec, NOTHING).kind == "adapter"  # which goes along
    # Nobody trained the merge on anything, so that nothing says which of its weights matter.
    assert refused("blend", quantisations=["iq2_xs"]) == "export.no_text"
    for model, more in (("tuned", {}), ("blend", {"dataset": "colours"})):
        spec = ReleaseSpec(model=model, out=str(tmp_path / "out"), quantisations=["iq2_xs"], **more)
        assert require_releasable(models, spec, NOTHING).name == model


def test_just_this_release_is_gone_on_with_and_no_other(workspace: Workspace, tmp_path: Path) -> None:
    add_model(workspace, releasable(tmp_path / "base"), "base")
    out = tmp_path / "out"
    spec = ReleaseSpec(model="base", out=str(out), quantisations=[])
    files = find_model(workspace, "base")
    further = Afterwards(default_base=True)
    assert made_already(spec, files, further) is None
    _, made = do(workspace, "release", spec)
    assert made_already(spec, files, further) == made | {"seconds": 0.0}
    for other, wanted in (
        (spec, NOTHING),  # nothing would be left to do
        (spec.model_copy(update={"safetensors": False}), further),
        (spec.model_copy(update={"quantisations": ["q8_0"]}), further),
    ):
        with pytest.raises(BakeoffError) as failed:
            made_already(other, files, wanted)
        assert failed.value.code == "release.exists"
    (out / "README.md").write_text("Changed.", encoding="utf-8")
    with pytest.raises(BakeoffError) as changed:
        made_already(spec, files, further)
    assert changed.value.code == "release.changed"


def test_it_becomes_what_was_wanted_and_nothing_else(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_model(workspace, releasable(tmp_path / "base"), "base")
    files = find_model(workspace, "base")
    taken: list[Path] = []

    def install(folder: Path) -> dict[str, str]:
        taken.append(folder)
        return {"program": "ollama", "run": "ollama run base"}

    monkeypatch.setitem(starting.PROGRAMS, "ollama", (lambda: None, install))
    assert finish_release(workspace, files, tmp_path, NOTHING) == {}
    assert (default_base(workspace), taken) == (None, [])
    done = finish_release(workspace, files, tmp_path, Afterwards(("ollama",), default_base=True))
    assert done == {
        "default_base": "base",
        "installed": [{"program": "ollama", "run": "ollama run base"}],
    }
    assert (default_base(workspace), taken) == ("base", [tmp_path])
