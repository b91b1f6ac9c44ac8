"""The types of a quantised file's tensors are those that llama.cpp's driver chooses, for models of real sizes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from gguf import MODEL_ARCH, GGUFWriter

from engine.exporting.mixture import Facts, Mixture, allows_quantising, in_order
from engine.exporting.quantisations import QUANTISATIONS
from tests.gguf_oracle import types

#: Name -> what the rules ask about, and whether the head is the embedding.
MODELS: dict[str, tuple[Facts, bool]] = {
    "no groups": (Facts(MODEL_ARCH.LLAMA, 32, heads=8, kv_heads=8), False),
    "7B": (Facts(MODEL_ARCH.LLAMA, 32, heads=32, kv_heads=8), False),
    "70B": (Facts(MODEL_ARCH.LLAMA, 80, heads=16, kv_heads=2), False),
    "small": (Facts(MODEL_ARCH.LLAMA, 30, heads=9, kv_heads=3), True),
    "8 experts": (Facts(MODEL_ARCH.LLAMA, 32, heads=8, kv_heads=2, experts=8), False),
    "4 experts": (Facts(MODEL_ARCH.LLAMA, 24, heads=8, kv_heads=4, experts=4), False),
}
_HEAD, _FEED = 64, 1024


@pytest.fixture(scope="module")
def headers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A GGUF file of each model that has no data behind its header."""
    around = tmp_path_factory.mktemp("headers")
    return {name: header(around / f"{name}.gguf", *model) for name, model in MODELS.items()}


@pytest.mark.parametrize("importance", [False, True])
@pytest.mark.parametrize("kind", [name for name, one in QUANTISATIONS.items() if one.quantised])
@pytest.mark.parametrize("model", MODELS)
def test_types_are_those_of_llama_cpp(
    model: str, kind: str, importance: bool, headers: dict[str, Path]
) -> None:
    facts, tied = MODELS[model]
    shapes = tensors(facts, tied)
    mixture = Mixture(QUANTISATIONS[kind], facts, list(shapes), importance)
    ours = {
        name: mixture.type_of(name, shape[-1]).name if allows_quantising(name, len(shape)) else "F32"
        for name, shape in shapes.items()
    }
    assert ours == types(headers[model], QUANTISATIONS[kind].file_type, importance)


def tensors(facts: Facts, tied: bool) -> dict[str, tuple[int, ...]]:
    """The tensors of such a model and their shapes, in llama.cpp's order."""
    width = facts.heads * _HEAD
    found: dict[str, tuple[int, ...]] = {"token_embd.weight": (320, width), "output_norm.weight": (width,)}
    if not tied:
        found["output.weight"] = (320, width)
    for layer in range(facts.layers):
        before = f"blk.{layer}."
        for norm in ("attn_norm", "ffn_norm"):
            found[f"{before}{norm}.weight"] = (width,)
        for name, rows in (("q", width), ("k", facts.kv_heads * _HEAD), ("v", facts.kv_heads * _HEAD)):
            found[f"{before}attn_{name}.weight"] = (rows, width)
        found[f"{before}attn_output.weight"] = (width, width)
        many: tuple[int, ...] = (facts.experts,) if facts.experts else ()
        ending = "_exps" if facts.experts else ""
        for name in ("gate", "up"):
            found[f"{before}ffn_{name}{ending}.weight"] = (*many, _FEED, width)
        found[f"{before}ffn_down{ending}.weight"] = (*many, width, _FEED)
        if facts.experts:
            found[f"{before}ffn_gate_inp.weight"] = (facts.experts, width)
    return dict(sorted(found.items(), key=lambda item: in_order(item[0])))


def header(file: Path, facts: Facts, tied: bool) -> Path:
    writer = GGUFWriter(None, "llama")
    writer.add_block_count(facts.layers)
    writer.add_context_length(512)
    writer.add_embedding_length(facts.heads * _HEAD)
    writer.add_feed_forward_length(_FEED)
    writer.add_head_count(facts.heads)
    writer.add_head_count_kv(facts.kv_heads)
    writer.add_layer_norm_rms_eps(1e-5)
    if facts.experts:
        writer.add_expert_count(facts.experts)
        writer.add_expert_used_count(2)
    size = 0
    for name, shape in tensors(facts, tied).items():
        dtype = np.dtype(np.float16 if allows_quantising(name, len(shape)) else np.float32)
        nbytes = int(np.prod(shape)) * dtype.itemsize
        writer.add_tensor_info(name, shape, dtype, nbytes)
        size += GGUFWriter.ggml_pad(nbytes, 32)
    writer.write_header_to_file(file)
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    stream = writer.fout[0]
    writer.write_padding(stream, stream.tell())
    stream.truncate(stream.tell() + size)
    writer.close()
    return file
