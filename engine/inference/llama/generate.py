"""Answers of a GGUF file to prompts, with the model's own template and stop tokens."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from engine.inference.constraints import Constraint
from engine.inference.llama.context import cells_for
from engine.inference.llama.decoder import BatchedDecoder
from engine.inference.llama.grammar import Grammar, grammar_text
from engine.inference.llama.model import LlamaModel
from engine.inference.llama.offload import load_fitting
from engine.inference.outputs import Output
from engine.inference.prompts import Prompt, tell_context
from engine.inference.stop_texts import StopTexts, cut_at
from engine.progress import Reporter

if TYPE_CHECKING:
    from engine.inference.llama.drafts import Drafts
    from engine.models.template import ChatTemplate


def answers(
    file: Path,
    prompts: Sequence[Prompt],
    template: ChatTemplate,
    *,
    max_new_tokens: int,
    batch_size: int,
    reporter: Reporter,
    drafts: Drafts | None = None,
    constraint: Constraint | None = None,
    stop: Sequence[str] = (),
    gpu_layers: int = -1,
) -> Iterator[Output]:
    """Answer ``prompts`` greedily; an answer is yielded when it is finished.

    Args:
        file: The GGUF file.
        prompts: What to answer.
        template: Gives the stop tokens and decodes.
        max_new_tokens: Longest answer.
        batch_size: Prompts at the same time.
        reporter: Hears about decisions; may interrupt.
        drafts: Guesses how answers go on.
        constraint: What every answer is held to.
        stop: Texts that end an answer and are no part of it.
        gpu_layers: Layers on the accelerator; negative: as many as fit.

    Raises:
        AnsweringError: llama.cpp cannot load the file, the constraint cannot be used, or llama.cpp fails.
    """
    longest = max((len(prompt.ids) for prompt in prompts), default=0) + max_new_tokens
    tokens = cells_for(longest, min(batch_size, max(len(prompts), 1)) + 1)
    with load_fitting(file, tokens, gpu_layers, reporter) as model:
        tell_context(prompts, model.trained_context, max_new_tokens, reporter)
        decoder = BatchedDecoder(model, sequences=batch_size)
        grammar = Grammar(model, grammar_text(constraint)) if constraint is not None else None
        ending = StopTexts(template.tokenizer, stop)
        before = time.monotonic()
        for decoded in decoder.decode(
            [prompt.ids for prompt in prompts],
            _stops(model, template.stop_ids),
            max_new_tokens,
            drafts=drafts,
            grammar=grammar,
            ended=ending.reached if ending else None,
            reporter=reporter,
        ):
            now = time.monotonic()
            text = cut_at(template.tokenizer.decode(decoded.tokens, skip_special_tokens=True), stop)
            yield Output(
                prompts[decoded.index].id, text.strip(), decoded.stop, len(decoded.tokens), now - before
            )
            before = now


def _stops(model: LlamaModel, ids: Collection[int]) -> set[int]:
    """The stop tokens that the file has rows for."""
    return {token for token in ids if token < model.tokens}
