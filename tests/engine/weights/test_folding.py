"""Folding: exactly what PEFT makes of base and adapter, in float32, without loading either."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM

from engine.weights import WeightsError, WeightsReader
from engine.weights.folding import FoldedReader, fold_adapter


def make_base(folder: Path, *, tied: bool = False) -> Path:
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=96,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        tie_word_embeddings=tied,
        dtype="float32",
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    (folder / "tokenizer_config.json").write_text('{ "odd":   "spacing"}')
    return folder


def make_adapter(base: Path, folder: Path, **options: Any) -> Path:
    model = get_peft_model(
        LlamaForCausalLM.from_pretrained(base), LoraConfig(task_type="CAUSAL_LM", **options)
    )
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(torch.randn_like(parameter) * 0.1)
    model.save_pretrained(folder)
    return folder


def merged_by_peft(base: Path, adapter: Path) -> dict[str, torch.Tensor]:
    model = PeftModel.from_pretrained(LlamaForCausalLM.from_pretrained(base), adapter)
    return dict(model.merge_and_unload().state_dict())


@pytest.mark.parametrize(
    "options",
    [
        {"r": 4, "lora_alpha": 12, "target_modules": "all-linear"},
        {"r": 4, "lora_alpha": 12, "target_modules": ["q_proj", "down_proj"], "use_rslora": True},
        {
            "r": 4,
            "lora_alpha": 6,
            "target_modules": ["q_proj", "v_proj", "up_proj"],
            "rank_pattern": {"v_proj": 2, "layers.1.self_attn.q_proj": 8},
            "alpha_pattern": {"up_proj": 5},
        },
        {"r": 3, "target_modules": ["k_proj"], "modules_to_save": ["lm_head", "embed_tokens"]},
        {"r": 3, "target_modules": ["embed_tokens", "lm_head"]},
    ],
    ids=["all-linear", "rank-stabilised", "patterns", "modules-to-save", "embedding"],
)
def test_folding_equals_peft(tmp_path: Path, options: dict[str, Any]) -> None:
    base = make_base(tmp_path / "base")
    adapter = make_adapter(base, tmp_path / "adapter", **options)
    expected = merged_by_peft(base, adapter)
    untouched = load_file(base / "model.safetensors")
    fold_adapter(base, adapter, tmp_path / "out", shard_bytes=20_000)
    reader = WeightsReader(tmp_path / "out")
    assert reader.names() == sorted(expected)
    for name in reader.names():
        torch.testing.assert_close(reader.read(name), expected[name], rtol=0, atol=1e-6)
    assert any(not torch.equal(reader.read(name), untouched[name]) for name in reader.names())
    assert (tmp_path / "out" / "tokenizer_config.json").read_text() == '{ "odd":   "spacing"}'
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "out")
    direct = PeftModel.from_pretrained(LlamaForCausalLM.from_pretrained(base), adapter)
    ids = torch.tensor([[1, 5, 9, 2]])
    torch.testing.assert_close(model(ids).logits, direct(ids).logits, rtol=0, atol=1e-4)


@pytest.mark.parametrize("resize", [None, 100])
def test_trained_embeddings_that_are_saved_more_than_once(tmp_path: Path, resize: int | None) -> None:
    """PEFT writes them as trained, under their plain name, and the base's own beside them."""
    base, adapter = make_base(tmp_path / "base"), tmp_path / "adapter"
    torch.manual_seed(1)
    bare = LlamaForCausalLM.from_pretrained(base)
    if resize is not None:
        bare.resize_token_embeddings(resize)
    options = {"target_modules": ["q_proj"], "modules_to_save": ["embed_tokens", "lm_head"]}
    model = get_peft_model(bare, LoraConfig(task_type="CAUSAL_LM", r=2, **options))
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(torch.randn_like(parameter) * 0.1)
    model.save_pretrained(adapter, save_embedding_layers=True)
    names = load_file(adapter / "adapter_model.safetensors")
    assert any(".original_module." in name for name in names)
    fold_adapter(base, adapter, tmp_path / "out")
    ids = torch.tensor([[1, 5, 9, 2]])
    folded = AutoModelForCausalLM.from_pretrained(tmp_path / "out")
    torch.testing.assert_close(folded(ids).logits, model.eval()(ids).logits, rtol=0, atol=1e-4)


@pytest.mark.parametrize("target", ["lm_head", "embed_tokens"])
def test_an_adapter_on_one_of_two_tied_matrices_unties_them(tmp_path: Path, target: str) -> None:
    base = make_base(tmp_path / "base", tied=True)
    adapter = make_adapter(base, tmp_path / "adapter", r=3, target_modules=["q_proj", target])
    direct = PeftModel.from_pretrained(LlamaForCausalLM.from_pretrained(base), adapter)
    fold_adapter(base, adapter, tmp_path / "out")
    assert json.loads((tmp_path / "out" / "config.json").read_text())["tie_word_embeddings"] is False
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "out")
    ids = torch.tensor([[1, 5, 9, 2]])
    torch.testing.assert_close(model(ids).logits, direct(ids).logits, rtol=0, atol=1e-4)


def test_transposed_weights_are_folded_transposed(tmp_path: Path) -> None:
    """GPT-2 stores its linear weights as (inputs, outputs); PEFT calls that fan_in_fan_out."""
    base, adapter = tmp_path / "base", tmp_path / "adapter"
    for folder in (base, adapter):
        folder.mkdir()
    weight, a, b = torch.randn(6, 4), torch.randn(2, 6), torch.randn(4, 2)
    save_file({"h.0.attn.c_attn.weight": weight}, base / "model.safetensors")
    (base / "config.json").write_text("{}")
    prefix = "base_model.model.h.0.attn.c_attn"
    save_file(
        {f"{prefix}.lora_A.weight": a, f"{prefix}.lora_B.weight": b}, adapter / "adapter_model.safetensors"
    )
    config = {"peft_type": "LORA", "r": 2, "lora_alpha": 8, "fan_in_fan_out": True}
    (adapter / "adapter_config.json").write_text(json.dumps(config))
    folded = FoldedReader(base, adapter).read("h.0.attn.c_attn.weight")
    torch.testing.assert_close(folded, weight + 4 * (b @ a).T)


def test_sixteen_bit_output_is_rounded_once(tmp_path: Path) -> None:
    base = make_base(tmp_path / "base")
    adapter = make_adapter(base, tmp_path / "adapter", r=4, target_modules="all-linear")
    fold_adapter(base, adapter, tmp_path / "exact")
    folded = fold_adapter(base, adapter, tmp_path / "half", dtype="bfloat16")
    exact, half = WeightsReader(tmp_path / "exact"), WeightsReader(tmp_path / "half")
    assert {half.dtype(name) for name in half.names()} == {"BF16"}
    assert all(torch.equal(half.read(n), exact.read(n).to(torch.bfloat16)) for n in half.names())
    assert json.loads((tmp_path / "half" / "config.json").read_text())["dtype"] == "bfloat16"
    assert folded.content_sha256 == half.sha256()
    assert folded.base_sha256 == WeightsReader(base).sha256()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"use_dora": True}, "DoRA"),
        ({"peft_type": "IA3"}, "IA3"),
        ({"bias": "all"}, "trained biases"),
        ({"init_lora_weights": "pissa"}, "pissa"),
        ({"trainable_token_indices": [1]}, "single trained tokens"),
    ],
)
def test_other_adapters_are_refused_in_words(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    base = make_base(tmp_path / "base")
    adapter = make_adapter(base, tmp_path / "adapter", r=2, target_modules=["q_proj"])
    config = json.loads((adapter / "adapter_config.json").read_text())
    (adapter / "adapter_config.json").write_text(json.dumps({**config, **change}))
    with pytest.raises(WeightsError, match=words):
        fold_adapter(base, adapter, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_adapter_of_another_base_is_refused(tmp_path: Path) -> None:
    base = make_base(tmp_path / "base")
    adapter = make_adapter(base, tmp_path / "adapter", r=2, target_modules=["q_proj"])
    file = adapter / "adapter_model.safetensors"
    tensors = load_file(file)
    name = next(name for name in tensors if "lora_A" in name)
    save_file({**tensors, name: torch.ones(2, 99)}, file)
    with pytest.raises(WeightsError, match="does not fit"):
        FoldedReader(base, adapter)
    save_file({key.replace("layers.1", "layers.7"): value for key, value in tensors.items()}, file)
    with pytest.raises(WeightsError, match=r"layers\.7.*does not have"):
        FoldedReader(base, adapter)
    del tensors[name]
    save_file(tensors, file)
    with pytest.raises(WeightsError, match="no lora_A"):
        FoldedReader(base, adapter)


def test_an_adapter_saved_as_a_pickle_is_refused(tmp_path: Path) -> None:
    base = make_base(tmp_path / "base")
    adapter = make_adapter(base, tmp_path / "adapter", r=2, target_modules=["q_proj"])
    torch.save({}, adapter / "adapter_model.bin")
    (adapter / "adapter_model.safetensors").unlink()
    with pytest.raises(WeightsError, match="can run code"):
        FoldedReader(base, adapter)
    shutil.rmtree(adapter)
    with pytest.raises(WeightsError, match="adapter_config"):
        FoldedReader(base, adapter)
