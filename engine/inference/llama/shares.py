"""How much of each prompt is computed in a step, so that llama.cpp has few and full parts to compute."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

#: To begin a part costs as much as several tokens; one of fewer tokens than this waits for others to go along.
WORTH: Final = 48


def shares(rests: Sequence[int], room: int, *, beside: bool) -> list[int]:
    """Tokens of each prompt that go into this step.

    llama.cpp cuts a batch where sequences of it end: the first part has of each as many tokens as the shortest has in
    the batch, the next has as many more of those that are left, and so on. Prompts of twenty lengths are twenty
    parts, and a small part takes nearly as long as a larger one. So only few lengths go into a step: what a prompt
    has beyond is computed later, token by token beside the answers.

    Args:
        rests: Tokens that each prompt has left, at least one each.
        room: Most tokens in all; at least one for each prompt.
        beside: Answers go on in this step, so that one token of each prompt makes no part more.

    Returns:
        As many numbers as prompts, none more than the prompt's rest; not all of them zero.
    """
    height = 1 if beside else 0
    lengths, left = [height], room - height * len(rests)
    for length in sorted(set(rests)):
        longer = sum(rest >= length for rest in rests)
        fitting = min(length, height + left // longer)
        tokens = (fitting - height) * longer
        if tokens >= WORTH or (not height and tokens):
            height, left = fitting, left - tokens
            lengths.append(height)
        if fitting < length:
            break
    return [max(length for length in lengths if length <= rest) for rest in rests]
