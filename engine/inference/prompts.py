"""Prompts as models get them, and what to say about those that are too long."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.errors import Words
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
            Words("{count} prompts get an empty answer", count=len(full)),
            Words("they fill the {context} tokens that the model was made for", context=context),
            prompts=full,
        )
    short = [prompt.id for prompt in prompts if context - max_new_tokens < len(prompt.ids) < context]
    if short:
        reporter.decision(
            "answer_room",
            Words(
                "{count} answers may have fewer than {tokens} tokens", count=len(short), tokens=max_new_tokens
            ),
            Words(
                "with their prompts they would exceed the {context} tokens that the model was made for",
                context=context,
            ),
            prompts=short,
        )
