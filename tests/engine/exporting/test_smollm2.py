"""SmolLM2 for real: the file that llama.cpp's converter and quantiser make, its own tokenizer known by its hash."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.exporting.plan import plan_gguf
from engine.exporting.quantisations import QUANTISATIONS
from engine.exporting.writing import write_gguf
from engine.models.library import find_model
from engine.models.source import demo_source
from engine.workspace import Workspace
from tests.gguf_oracle import convert, differences, needs_oracle, quantise
from tests.here import add_model


@pytest.mark.thorough
@needs_oracle
def test_smollm2_becomes_what_llama_cpp_makes_of_it(workspace: Workspace, tmp_path: Path) -> None:
    add_model(workspace, Path(demo_source().where), "smollm2")
    folder = find_model(workspace, "smollm2").folder
    theirs = tmp_path / "theirs.gguf"
    convert({folder: theirs}, "auto", pre=None)
    for name in ("bf16", "q4_k_m"):
        ours = tmp_path / f"{name}.gguf"
        write_gguf(plan_gguf(folder, QUANTISATIONS[name]), ours, name="smollm2")
        if name != "bf16":
            theirs = quantise(theirs, tmp_path / f"theirs-{name}.gguf", QUANTISATIONS[name].file_type)
        assert differences(ours, theirs) == []
