"""A small workspace whose models can be released: a base, a tune that was judged, a merge."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.exporting import vocabulary
from engine.inference.spec import GenerateSpec
from engine.judging.spec import JudgeSpec
from engine.merging.spec import MergeSpec
from engine.training.spec import TrainRecipe, TrainSpec
from engine.workspace import Workspace
from tests.here import add_model, do, import_rows
from tests.tiny import tiny_model
from tests.tiny_families import merge_bytes

COLOURS = ("red", "green", "blue")


@pytest.fixture(autouse=True)
def known_tokenizer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tiny model's tokenizer, whose hash nobody knows, counts as one that is known."""
    monkeypatch.setattr(vocabulary, "pre_tokenizer", lambda tokenizer, folder: "gpt-2")


def releasable(folder: Path, seed: int = 0, licence: str = "apache-2.0") -> Path:
    """A tiny model as its makers would publish it: with a card and a licence."""
    tiny_model(folder, seed=seed, hidden=32)
    merge_bytes(folder)
    for name in ("config.json", "generation_config.json"):
        content = json.loads((folder / name).read_text(encoding="utf-8"))
        (folder / name).write_text(json.dumps(content | {"eos_token_id": 259}), encoding="utf-8")
    (folder / "README.md").write_text(
        f"---\nlicense: {licence}\nlanguage: en\n---\n# Tiny\n", encoding="utf-8"
    )
    tokenizer = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    tokenizer |= {
        "name_or_path": str(folder),
        "special_tokens_map_file": str(folder / "special_tokens_map.json"),
    }
    tokenizer["loaded"] = {"from": [str(Path.home() / "models")]}
    (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer), encoding="utf-8")
    (folder / "notice.txt").write_text("Made by somebody.", encoding="utf-8")
    (folder / "LICENSE").write_text("Apache License\nVersion 2.0, January 2004\n", encoding="utf-8")
    return folder


@pytest.fixture
def models(workspace: Workspace, tmp_path: Path) -> Workspace:
    """Two bases, a dataset, a tune of the first, a merge of both."""
    sources = tmp_path / "sources"
    add_model(workspace, releasable(sources / "base"), "base")
    add_model(workspace, releasable(sources / "other", seed=1, licence="mit"), "other")
    rows = [
        {"input": f"thing {n}", "output": COLOURS[n % 3], "split": "test" if n < 9 else "train"}
        for n in range(40)
    ]
    import_rows(workspace, rows, "colours")
    recipe = TrainRecipe(epochs=1, lora_rank=4, method="lora")
    do(workspace, "train", TrainSpec(base="base", dataset="colours", name="tuned", recipe=recipe))
    merge = {"merge_method": "linear", "models": [{"model": "base", "parameters": {"weight": 0.5}},
             {"model": "other", "parameters": {"weight": 0.5}}], "dtype": "float32"}  # fmt: skip
    do(workspace, "merge", MergeSpec(recipe=merge, name="blend"))
    return workspace


@pytest.fixture
def judged(models: Workspace) -> Workspace:
    """The same, with verdicts on the tune and the untuned base."""
    names = ["tuned", "untuned:base"]
    do(models, "generate", GenerateSpec(models=names, dataset="colours"))
    do(models, "judge", JudgeSpec(dataset="colours", contestants=names))
    return models
