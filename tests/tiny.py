"""A tiny random language model for tests: a real Llama folder that loads in milliseconds and answers nonsense.

It is written without torch, so that a test that only needs a model on disk stays light. Its tokenizer
has one token per byte, so that any text tokenises, and a chat template that marks every turn.
"""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

SPECIAL_TOKENS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
#: 256 bytes and the special tokens; the embedding has more rows, as real models do.
TOKENS = 256 + len(SPECIAL_TOKENS)
CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


def tiny_model(
    folder: Path,
    seed: int = 0,
    vocab: int = 272,
    *,
    hidden: int = 16,
    layers: int = 2,
    heads: int = 4,
    tied: bool = False,
    context: int = 512,
    chat_template: str | None = CHAT_TEMPLATE,
) -> Path:
    """Write a random Llama model to ``folder`` and return the folder.

    The same arguments give the same bytes.

    Args:
        folder: Made when missing.
        seed: Of the weights.
        vocab: Rows of the embedding, at least `TOKENS`.
        hidden: Width; the feed-forward part is twice as wide.
        layers: Number of layers.
        heads: Attention heads; half as many key-value heads.
        tied: Whether the head shares the embedding.
        context: Longest sequence.
        chat_template: None for a model without one.
    """
    if vocab < TOKENS:
        raise ValueError(f"the tokenizer alone has {TOKENS} tokens")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.safetensors").write_bytes(_weights(seed, vocab, hidden, layers, heads, tied))
    (folder / "tokenizer.json").write_text(_tokenizer(), encoding="utf-8")
    config = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": vocab,
        "hidden_size": hidden,
        "intermediate_size": 2 * hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": heads // 2,
        "head_dim": hidden // heads,
        "hidden_act": "silu",
        "max_position_embeddings": context,
        "initializer_range": 0.02,
        "rms_norm_eps": 1e-5,
        "rope_theta": 10000.0,
        "tie_word_embeddings": tied,
        "attention_bias": False,
        "mlp_bias": False,
        "bos_token_id": 256,
        "eos_token_id": 258,
        "pad_token_id": 256,
        "torch_dtype": "float32",
    }
    tokenizer: dict[str, Any] = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": "<|endoftext|>",
        "eos_token": "<|im_end|>",
        "pad_token": "<|endoftext|>",
        "model_max_length": context,
        "clean_up_tokenization_spaces": False,
    }
    if chat_template is not None:
        tokenizer["chat_template"] = chat_template
    _write(folder / "config.json", config)
    _write(folder / "tokenizer_config.json", tokenizer)
    _write(folder / "generation_config.json", {"eos_token_id": 258, "pad_token_id": 256})
    return folder


def _write(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=1), encoding="utf-8")


@functools.cache
def _weights(seed: int, vocab: int, hidden: int, layers: int, heads: int, tied: bool) -> bytes:
    random = np.random.default_rng(seed)
    wide, narrow = 2 * hidden, hidden // 2

    def matrix(rows: int, columns: int) -> NDArray[np.float32]:
        return (random.standard_normal((rows, columns)) / np.sqrt(columns)).astype(np.float32)

    tensors = {"model.embed_tokens.weight": matrix(vocab, hidden)}
    for layer in range(layers):
        start = f"model.layers.{layer}."
        tensors |= {
            f"{start}self_attn.q_proj.weight": matrix(hidden, hidden),
            f"{start}self_attn.k_proj.weight": matrix(narrow, hidden),
            f"{start}self_attn.v_proj.weight": matrix(narrow, hidden),
            f"{start}self_attn.o_proj.weight": matrix(hidden, hidden),
            f"{start}mlp.gate_proj.weight": matrix(wide, hidden),
            f"{start}mlp.up_proj.weight": matrix(wide, hidden),
            f"{start}mlp.down_proj.weight": matrix(hidden, wide),
            f"{start}input_layernorm.weight": np.ones(hidden, np.float32),
            f"{start}post_attention_layernorm.weight": np.ones(hidden, np.float32),
        }
    tensors["model.norm.weight"] = np.ones(hidden, np.float32)
    if not tied:
        tensors["lm_head.weight"] = matrix(vocab, hidden)
    return bytes(save(tensors, metadata={"format": "pt"}))


@functools.cache
def _tokenizer() -> str:
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={text: number for number, text in enumerate(alphabet)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(text, special=True) for text in SPECIAL_TOKENS])
    return str(tokenizer.to_str())
