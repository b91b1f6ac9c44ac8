"""Unequal vocabularies: rows follow their tokens, and the tokenizer knows them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

from engine.merging import merge, parse_recipe
from tests.engine.merging.conftest import tensors_of

EMBEDDING = "model.embed_tokens.weight"
TOKENS = {
    "root": ["<s>", "a", "b", "c"],
    "x": ["<s>", "b", "a", "c", "new"],
    "y": ["<s>", "a", "b", "c", "also", "new"],
}


def write_model(folder: Path, tokens: list[str], fill: float, *, padding: int = 0, tied: bool = True) -> None:
    """A one-layer model whose embedding row of token i is (fill + i, fill + i)."""
    folder.mkdir()
    rows = torch.arange(len(tokens) + padding).float()[:, None].expand(-1, 2) + fill
    tensors = {EMBEDDING: rows.contiguous(), "model.layers.0.input_layernorm.weight": torch.ones(2)}
    if not tied:
        tensors["lm_head.weight"] = -rows
    save_file(tensors, folder / "model.safetensors")
    config = {"num_hidden_layers": 1, "vocab_size": len(tokens) + padding, "tie_word_embeddings": tied}
    (folder / "config.json").write_text(json.dumps(config))
    tokenizer = {
        "version": "1.0",
        "added_tokens": [
            {
                "id": 0, "content": "<s>", "single_word": False, "lstrip": False,
                "rstrip": False, "normalized": False, "special": True,
            }
        ],
        "normalizer": None,
        "pre_tokenizer": {"type": "Whitespace"},
        "post_processor": None,
        "decoder": None,
        "model": {
            "type": "WordLevel", "unk_token": "<s>",
            "vocab": {token: index for index, token in enumerate(tokens)},
        },
    }  # fmt: skip
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, fill in (("root", 10.0), ("x", 20.0), ("y", 40.0)):
        write_model(tmp_path / name, TOKENS[name], fill)
    return tmp_path


def run(root: Path, **recipe: Any) -> tuple[torch.Tensor, Path]:
    """The first column of the merged embedding, and the folder."""
    out = root / "out"
    full = {"merge_method": "linear", "parameters": {"weight": 1}, "dtype": "float32", **recipe}
    merge(parse_recipe(full), out, resolve=root.joinpath)
    return tensors_of(out)[EMBEDDING][:, 0], out


def test_the_base_decides_tokens_and_fills_gaps(root: Path) -> None:
    rows, out = run(
        root, base_model="root", models=[{"model": "root"}, {"model": "x"}], tokenizer_source="base"
    )
    # <s>: 10, 20; a: 11, 22 (row 2 of x); b: 12, 21; c: 13, 23.
    assert rows.tolist() == [15.0, 16.5, 16.5, 18.0]
    assert json.loads((out / "config.json").read_text())["vocab_size"] == 4
    assert (out / "tokenizer.json").read_bytes() == (root / "root" / "tokenizer.json").read_bytes()


def test_the_union_keeps_every_token(root: Path) -> None:
    models = [{"model": "root"}, {"model": "x"}, {"model": "y"}]
    rows, out = run(root, base_model="root", models=models, tokenizer_source="union")
    # After the base's tokens: new (x: 24, y: 45; root gets their mean), also (only y: 44, all get it).
    assert rows.tolist() == pytest.approx([70 / 3, 74 / 3, 75 / 3, 79 / 3, 34.5, 44.0])
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(out / "tokenizer.json"))
    assert tokenizer.get_vocab() == {"<s>": 0, "a": 1, "b": 2, "c": 3, "new": 4, "also": 5}
    assert tokenizer("a new also b")["input_ids"] == [1, 4, 5, 2]
    assert json.loads((out / "config.json").read_text())["vocab_size"] == 6


def test_a_token_of_the_base_fills_the_gap_of_others(root: Path) -> None:
    write_model(root / "poor", ["<s>", "a", "b"], 100.0)
    models = [{"model": "y"}, {"model": "poor"}, {"model": "x"}]
    rows, _ = run(root, base_model="y", models=models, tokenizer_source="base")
    # c: y has 43, x has 23, poor gets the base's 43.
    assert float(rows[3]) == pytest.approx((43 + 43 + 23) / 3)


def test_without_a_base_the_gap_gets_the_mean(root: Path) -> None:
    write_model(root / "poor", ["<s>", "a", "b"], 100.0)
    models = [{"model": "y"}, {"model": "poor"}, {"model": "x"}]
    rows, _ = run(root, models=models, tokenizer_source="y")
    assert float(rows[3]) == pytest.approx((43 + 33 + 23) / 3)


def test_stacked_models_keep_the_tokens_of_all(root: Path) -> None:
    slices = [
        {"sources": [{"model": "root", "layer_range": [0, 1]}]},
        {"sources": [{"model": "x", "layer_range": [0, 1]}]},
    ]
    rows, _ = run(root, merge_method="passthrough", parameters={}, slices=slices, tokenizer_source="union")
    assert rows.tolist() == [10.0, 11.0, 12.0, 13.0, 24.0]


def test_heads_and_padding(root: Path) -> None:
    write_model(root / "padded", TOKENS["root"], 60.0, padding=4, tied=False)
    models = [{"model": "padded"}, {"model": "x"}]
    _, out = run(
        root, base_model="padded", models=models, tokenizer={"source": "union", "pad_to_multiple_of": 8}
    )
    head = tensors_of(out)["lm_head.weight"][:, 0]
    # x is tied: its head is its embedding. new: only x has it. Rows without a token are zero.
    assert head.tolist() == [-20.0, (-61 + 22) / 2, (-62 + 21) / 2, -20.0, 24.0, 0.0, 0.0, 0.0]
    config = json.loads((out / "config.json").read_text())
    assert (config["vocab_size"], config["tie_word_embeddings"]) == (8, False)


def test_different_tokenizers_of_equal_size_are_warned_of(root: Path) -> None:
    from engine.merging import check

    write_model(root / "swapped", ["<s>", "b", "a", "c"], 1.0)
    recipe = {
        "merge_method": "linear",
        "models": [{"model": "root"}, {"model": "swapped"}],
        "parameters": {"weight": 1},
    }
    found = check(parse_recipe(recipe), resolve=root.joinpath)
    assert [finding.code for finding in found.findings] == ["merge.tokenizer_differs"]


def test_a_merged_vocabulary_runs(tmp_path: Path) -> None:
    """A real Llama with a token more than its sibling still loads and runs after a union."""
    from transformers import LlamaConfig, LlamaForCausalLM

    for name, tokens in (("p", TOKENS["root"]), ("q", TOKENS["y"])):
        write_model(tmp_path / name, tokens, 0.0)
        shape = {"hidden_size": 16, "intermediate_size": 24, "num_attention_heads": 2, "num_hidden_layers": 1}
        LlamaForCausalLM(LlamaConfig(vocab_size=len(tokens), **shape)).save_pretrained(tmp_path / name)
    models = [{"model": "p"}, {"model": "q"}]
    _, out = run(tmp_path, models=models, tokenizer_source="union")
    model = AutoModelForCausalLM.from_pretrained(out)
    assert model(torch.tensor([[5]])).logits.shape == (1, 1, 6)
