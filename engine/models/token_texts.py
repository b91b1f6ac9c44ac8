"""The text behind each token of a rendered text, so that the pieces join to exactly that text.

Decoding tokens one by one does not give it: SentencePiece drops the space before a word, and a character of
several bytes may be several tokens, none of which is text by itself.
"""

from __future__ import annotations

from typing import Any


def token_texts(tokenizer: Any, text: str) -> list[str]:
    """The piece of ``text`` that each of its tokens stands for.

    A character that is split into several tokens belongs to the last of them; what the tokenizer passes over
    belongs to the token before it, or, at the beginning, to the first.

    Args:
        tokenizer: A transformers tokenizer.
        text: What is tokenised, without special tokens added.
    """
    if not tokenizer.is_fast:
        return _decoded(tokenizer, tokenizer(text, add_special_tokens=False)["input_ids"])
    offsets = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
    # Tokens that share a character begin at the same place, so that all but the last of them get nothing.
    bounds = [start for start, _ in offsets[1:]] + [len(text)]
    pieces = []
    at = 0
    for bound in bounds[: len(offsets)]:
        pieces.append(text[at:bound])
        at = max(at, bound)
    return pieces


def _decoded(tokenizer: Any, ids: list[int]) -> list[str]:
    """For a tokenizer without offsets: what each token adds to the decoded text, once it is whole."""
    pieces = []
    known = ""
    for end in range(1, len(ids) + 1):
        text = tokenizer.decode(ids[:end])
        whole = end == len(ids) or not text.endswith("\ufffd")
        pieces.append(text[len(known) :] if whole else "")
        known = text if whole else known
    return pieces
