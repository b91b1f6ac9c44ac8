"""How much memory it takes to train and to run a model: an estimate before anything is loaded."""

from __future__ import annotations

from typing import Final, Literal

from engine.models.inspect import ModelInfo

_BYTES: Final = {"float32": 4.0, "bfloat16": 2.0, "float16": 2.0}
#: NF4 with double quantisation: 4 bits and 0.127 bits of scales per weight.
_NF4_BYTES: Final = 4.127 / 8
#: What torch, the libraries and the allocator take beside the tensors, in bytes.
_OVERHEAD: Final = 900e6
#: Saved activations per token and layer in units of the hidden size (attention and MLP, LoRA inputs), from the peaks
#: of the training bench: 46 where all tokens of a step are used (docs/measurements.md), less where rows are short.
_ACTIVATIONS: Final = 47


def lora_parameters(info: ModelInfo, lora_rank: int) -> int:
    """Weights of a LoRA adapter on all linear layers of the blocks."""
    head = info.hidden // info.heads if info.heads else info.hidden
    keys = head * info.key_value_heads
    attention = 2 * (info.hidden + info.hidden) + 2 * (info.hidden + keys)
    mlp = 3 * (info.hidden + info.intermediate)
    return info.layers * lora_rank * (attention + mlp)


def memory_to_train(
    info: ModelInfo,
    *,
    method: Literal["lora", "qlora"],
    dtype: str,
    lora_rank: int,
    tokens_per_step: int,
    checkpointing: bool = False,
) -> int:
    """Bytes needed to fine-tune: weights, adapter with gradients and AdamW moments, activations.

    Args:
        info: The base.
        method: ``qlora`` stores the linear weights in NF4.
        dtype: Arithmetic dtype.
        lora_rank: Rank of the adapter.
        tokens_per_step: Tokens of one forward pass (batch × padded length).
        checkpointing: Activations of one layer at a time.
    """
    size = _BYTES[dtype]
    embedding = info.vocabulary * info.hidden
    linear = max(info.parameters - embedding, 0)
    weights = embedding * size + linear * (_NF4_BYTES if method == "qlora" else size)
    adapter = lora_parameters(info, lora_rank) * 4 * 4
    layers = 1 if checkpointing else info.layers
    activations = tokens_per_step * info.hidden * _ACTIVATIONS * layers * size
    logits = min(tokens_per_step, 2048) * info.vocabulary * 4 * 0.25
    return int(weights + adapter + activations + logits + _OVERHEAD)


def memory_to_run(info: ModelInfo, *, dtype: str, tokens: int = 4096) -> int:
    """Bytes needed to generate with ``tokens`` tokens of key-value cache."""
    head = info.hidden // info.heads if info.heads else info.hidden
    cache = 2 * info.layers * info.key_value_heads * head * tokens * _BYTES[dtype]
    return int(info.parameters * _BYTES[dtype] + cache + _OVERHEAD)
