"""GGUF files of all families are those of llama.cpp's own converter and quantiser, tensor by tensor, key by key."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from gguf import GGUFReader

from engine.exporting import tensors, vocabulary
from engine.exporting.plan import plan_gguf
from engine.exporting.quantisations import QUANTISATIONS, quantisation
from engine.exporting.writing import write_gguf
from engine.models.tokenizer import load_tokenizer
from engine.resources import resource
from engine.weights import WeightsReader
from engine.weights.model_folder import copy_tokenizer
from tests.gguf_oracle import FOLDER, PRE_TOKENIZER, convert, differences, needs_oracle, quantise
from tests.tiny_families import FAMILIES, tiny_of_family


@pytest.fixture(autouse=True)
def known_tokenizer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The hash of any tokenizer counts as that of a known one; the converter is told the same."""
    monkeypatch.setattr(vocabulary, "pre_tokenizer", lambda tokenizer, folder: PRE_TOKENIZER)


def export(folder: Path, out: Path, name: str, importance: dict[str, np.ndarray] | None = None) -> Path:
    plan = plan_gguf(folder, quantisation(name), importance=importance)
    write_gguf(plan, out, name="tiny", importance=importance, threads=2)
    assert plan.nbytes == sum(tensor.n_bytes for tensor in GGUFReader(out).tensors)
    return out


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Path]]:
    """A tiny model of each family, and what the converter makes of it in bfloat16."""
    around = tmp_path_factory.mktemp("families")
    found = {name: (tiny_of_family(name, around / name), around / f"{name}.gguf") for name in FAMILIES}
    convert(dict(found.values()), "bf16")
    return found


@needs_oracle
@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_becomes_what_llama_cpp_makes_of_it(
    name: str, models: dict[str, tuple[Path, Path]], tmp_path: Path
) -> None:
    folder, theirs = models[name]
    assert differences(export(folder, tmp_path / "ours.gguf", "bf16"), theirs) == []
    for kind in ("q8_0", "q4_k_m"):
        small = quantise(theirs, tmp_path / f"theirs-{kind}.gguf", QUANTISATIONS[kind].file_type)
        assert differences(export(folder, tmp_path / f"ours-{kind}.gguf", kind), small) == []


@pytest.mark.parametrize("name", FAMILIES)
def test_in_however_small_blocks_a_model_is_read_its_file_is_the_same(
    name: str,
    models: dict[str, tuple[Path, Path]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A row, or a head of attention, at a time."""
    folder, _ = models[name]
    at_once = export(folder, tmp_path / "at-once.gguf", "q8_0")
    monkeypatch.setattr(tensors, "_VALUES", 1)
    assert export(folder, tmp_path / "in-blocks.gguf", "q8_0").read_bytes() == at_once.read_bytes()


def test_an_export_never_reads_a_large_tensor_at_once(
    models: dict[str, tuple[Path, Path]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, _ = models["llama"]
    read: list[int] = []
    rows = WeightsReader.rows

    def counted(self: WeightsReader, name: str) -> Any:
        inner = rows(self, name)

        def one(first: int, last: int) -> torch.Tensor:
            found = inner(first, last)
            read.append(found.numel())
            return found

        return one

    monkeypatch.setattr(WeightsReader, "rows", counted)
    monkeypatch.setattr(WeightsReader, "read", lambda *_: pytest.fail("a whole tensor was read"))
    monkeypatch.setattr(tensors, "_VALUES", 1 << 14)
    plan = plan_gguf(folder, quantisation("f16"))
    write_gguf(plan, tmp_path / "model.gguf", name="tiny", threads=2)
    assert sum(read) == plan.parameters
    assert max(tensor.output.rows * tensor.output.columns for tensor in plan.tensors) > 1 << 14 >= max(read)


#: One of each kind of quantisation: by blocks, by super-blocks, and from a codebook.
_ONE_OF_EACH = ("q8_0", "q4_0", "q5_k_m", "q3_k_l", "iq4_xs", "iq3_xxs")


@needs_oracle
@pytest.mark.parametrize(
    ("kind", "name"),
    [
        *(
            pytest.param(kind, "tied", marks=() if kind in _ONE_OF_EACH else pytest.mark.thorough)
            for kind, one in QUANTISATIONS.items()
            if one.quantised
        ),
        *((kind, "narrow") for kind in ("q4_k_m", "iq2_xs")),
        *(
            pytest.param(kind, "narrow", marks=pytest.mark.thorough)
            for kind in ("q6_k", "q5_k_s", "q2_k", "iq3_m")
        ),
    ],
)
def test_every_quantisation_is_that_of_llama_cpp(
    kind: str, name: str, models: dict[str, tuple[Path, Path]], tmp_path: Path
) -> None:
    folder, converted = models[name]
    file_type = QUANTISATIONS[kind].file_type
    importance = importance_of(folder) if kind.startswith(("iq", "q2_k_s")) else None
    theirs = quantise(converted, tmp_path / "theirs.gguf", file_type, importance)
    assert differences(export(folder, tmp_path / "ours.gguf", kind, importance), theirs) == []


def test_an_adapters_own_tokenizer_is_read_with_the_config_of_its_base(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[int]] = []

    def splits(tokenizer: Any, _folder: Path) -> str:
        seen.append(tokenizer.encode("Cafe\u0301"))  # which Qwen's tokenizer writes with one letter less
        return PRE_TOKENIZER

    monkeypatch.setattr(vocabulary, "pre_tokenizer", splits)
    base, adapter = tiny_of_family("qwen2", tmp_path / "base"), tmp_path / "adapter"
    adapter.mkdir()
    copy_tokenizer(base, adapter)
    for folder in (base, adapter):
        plan_gguf(base, quantisation("f16"), tokenizer_folder=folder).family.vocabulary()
    assert seen[0] == seen[1]
    assert seen[0] != load_tokenizer(adapter).encode("Cafe\u0301"), "the files alone say something else"


def importance_of(folder: Path) -> dict[str, np.ndarray]:
    """Some importance for each column of each matrix, as measuring would give it."""
    random = np.random.default_rng(0)
    plan = plan_gguf(folder, quantisation("f16"))
    return {
        tensor.output.name: random.uniform(
            0.1, 2.0, (*tensor.output.shape[:-2], tensor.output.columns)
        ).astype("f4")
        for tensor in plan.tensors
        if len(tensor.output.shape) > 1
    }


@needs_oracle
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_other_types_than_bfloat16_are_kept(dtype: str, tmp_path: Path) -> None:
    folder = tiny_of_family("llama", tmp_path / "model", dtype=getattr(torch, dtype))
    kind = {"float32": "f32", "float16": "f16"}[dtype]
    theirs = tmp_path / "theirs.gguf"
    convert({folder: theirs}, kind)
    assert differences(export(folder, tmp_path / "ours.gguf", kind), theirs) == []
    small = quantise(theirs, tmp_path / "theirs-q6_k.gguf", QUANTISATIONS["q6_k"].file_type)
    assert differences(export(folder, tmp_path / "ours-q6_k.gguf", "q6_k"), small) == []


@needs_oracle
def test_tokenizers_are_known_by_the_hashes_that_the_converter_knows() -> None:
    """Read in its source: each hash with its name, and the text whose tokens are hashed."""
    source = (FOLDER / "conversion" / "base.py").read_text(encoding="utf-8")
    pairs = re.findall(r'if chkhsh == "([0-9a-f]{64})":\n(?:\s*#[^\n]*\n)*\s*res = "([^"]+)"', source)
    (probe,) = re.findall(r"^\s*chktxt = ('.*')$", source, re.MULTILINE)
    known = json.loads(resource("gguf", "pre_tokenizers.json").read_text(encoding="utf-8"))
    assert known["pre_tokenizers"] == dict(pairs)
    assert len(pairs) > 80
    assert known["probe"] == ast.literal_eval(probe)
