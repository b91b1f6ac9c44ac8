"""Local answers: greedy decoding in batches, many contestants on one loaded base."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from peft import PeftModel

from engine.inference.greedy import GreedyDecoder, context_length
from engine.inference.outputs import Output
from engine.models.device import Device
from engine.models.load import load_causal_lm
from engine.models.template import ChatTemplate
from engine.progress import Reporter


@dataclass(frozen=True)
class Prompt:
    """A prompt to be answered, rendered and tokenised."""

    id: str
    ids: list[int]


class Generator:
    """One base in memory that answers as itself or with any adapter.

    Args:
        base: Folder of the full weights.
        device: Where and in which dtype.
        reporter: May interrupt between batches.
    """

    def __init__(self, base: Path, device: Device, reporter: Reporter) -> None:
        self._core = load_causal_lm(base, device)
        self._device = device
        self._reporter = reporter

    def answers(
        self,
        prompts: Sequence[Prompt],
        template: ChatTemplate,
        *,
        adapter: Path | None,
        max_new_tokens: int,
        batch_size: int,
    ) -> Iterator[list[Output]]:
        """Answer ``prompts`` greedily, yielding batch by batch (prompts of like length together).

        What all prompts begin with (the instruction, solved examples) is computed once.

        Args:
            prompts: What to answer.
            template: Gives the stop tokens and decodes.
            adapter: Folder of the adapter to answer with; None for the base itself.
            max_new_tokens: Longest answer.
            batch_size: Prompts at the same time.

        Raises:
            AnsweringError: The architecture cannot answer here.
        """
        self._tell_context(prompts, max_new_tokens)
        ordered = sorted(prompts, key=lambda prompt: len(prompt.ids))
        stops = set(template.stop_ids)
        with self._with_adapter(adapter) as model:
            decoder = GreedyDecoder(model, [prompt.ids for prompt in ordered], self._device.name)
            for start in range(0, len(ordered), batch_size):
                self._reporter.check()
                batch = ordered[start : start + batch_size]
                started = time.monotonic()
                produced = decoder.decode([prompt.ids for prompt in batch], stops, max_new_tokens)
                share = (time.monotonic() - started) / len(batch)
                yield [
                    _output(prompt, tokens, stops, template, share)
                    for prompt, tokens in zip(batch, produced, strict=True)
                ]

    def _tell_context(self, prompts: Sequence[Prompt], max_new_tokens: int) -> None:
        """Say which answers the model's context cuts off, or leaves no room for."""
        context = context_length(self._core)
        if context is None:
            return
        full = [prompt.id for prompt in prompts if len(prompt.ids) >= context]
        if full:
            self._reporter.decision(
                "prompt_too_long",
                f"{len(full)} prompts get an empty answer",
                f"they fill the {context} tokens that the model was made for",
                prompts=full,
            )
        short = [prompt.id for prompt in prompts if context - max_new_tokens < len(prompt.ids) < context]
        if short:
            self._reporter.decision(
                "answer_room",
                f"{len(short)} answers may have fewer than {max_new_tokens} tokens",
                f"with their prompts they would exceed the {context} tokens that the model was made for",
                prompts=short,
            )

    @contextmanager
    def _with_adapter(self, adapter: Path | None) -> Iterator[Any]:
        if adapter is None:
            yield self._core
            return
        adapted = PeftModel.from_pretrained(self._core, str(adapter))
        adapted.eval()
        try:
            yield adapted.get_base_model()
        finally:
            self._core = adapted.unload()


def _output(
    prompt: Prompt, tokens: list[int], stops: set[int], template: ChatTemplate, seconds: float
) -> Output:
    end = next((position for position, token in enumerate(tokens) if token in stops), None)
    answer = tokens if end is None else tokens[:end]
    text = template.tokenizer.decode(answer, skip_special_tokens=True)
    return Output(prompt.id, text.strip(), "length" if end is None else "stop", len(answer), seconds)
