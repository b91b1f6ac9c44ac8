"""Which tensors are the input embedding and the output head, and whether they are one matrix."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from engine.weights.model_folder import text_config

#: How the names of input embeddings end, over the architectures of the field.
EMBEDDING_ENDINGS: Final = (
    "embed_tokens.weight",
    "wte.weight",
    "embed_in.weight",
    "word_embeddings.weight",
    "tok_embeddings.weight",
)
#: How the names of output heads end.
HEAD_ENDINGS: Final = ("lm_head.weight", "embed_out.weight")


def head_of(names: Iterable[str]) -> tuple[str | None, str]:
    """Name of the input embedding (None if there is none) and of the head, present or not."""
    embedding, head = None, None
    for name in sorted(names):
        if embedding is None and name.endswith(EMBEDDING_ENDINGS):
            embedding = name
        elif head is None and name.endswith(HEAD_ENDINGS):
            head = name
    return embedding, head if head is not None else HEAD_ENDINGS[0]


def is_tied(config: dict[str, Any], names: Iterable[str]) -> bool:
    """Whether embedding and head are one matrix.

    The config decides; where it is silent or no head is stored, the absence of the head does.
    """
    known = list(names)
    if not any(name.endswith(HEAD_ENDINGS) for name in known):
        return True
    for part in (config, text_config(config)):
        if "tie_word_embeddings" in part:
            return bool(part["tie_word_embeddings"])
    return False
