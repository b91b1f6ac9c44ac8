"""Prompts as models get them, and what to say about those that are too long."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.progress import Reporter


@dataclass(frozen=True)
class Prompt:
    """A prompt to be answered, rendered and tokenised."""

    id: str
    ids: list[int]


def tell_context(
    prompts: Sequence[Prompt], context: int | None, max_new_tokens: int, reporter: Reporter
) -> None:
    """Say which answers the model's context cuts off, or leaves no room for.

    Args:
        prompts: All prompts.
        context: Tokens that the model was made for; None: any number.
        max_new_tokens: Longest answer.
        reporter: Is told.
    """
    if context is None:
        return
    full = [prompt.id for prompt in prompts if len(prompt.ids) >= context]
    if full:
        reporter.decision(
            "prompt_too_long",
            f"{len(full)} prompts get an empty answer",
            f"they fill the {context} tokens that the model was made for",
            prompts=full,
        )
    short = [prompt.id for prompt in prompts if context - max_new_tokens < len(prompt.ids) < context]
    if short:
        reporter.decision(
            "answer_room",
            f"{len(short)} answers may have fewer than {max_new_tokens} tokens",
            f"with their prompts they would exceed the {context} tokens that the model was made for",
            prompts=short,
        )
