"""Local answers: greedy decoding in batches, many contestants on one loaded base."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from peft import PeftModel

from engine.inference.greedy import GreedyDecoder, context_length
from engine.inference.outputs import Output
from engine.inference.prompts import Prompt, tell_context
from engine.inference.stop_texts import StopTexts, cut_at
from engine.models.device import Device
from engine.models.load import load_causal_lm
from engine.models.template import ChatTemplate
from engine.progress import Reporter


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
        stop: Sequence[str] = (),
    ) -> Iterator[list[Output]]:
        """Answer ``prompts`` greedily, yielding batch by batch (prompts of like length together).

        What all prompts begin with (the instruction, solved examples) is computed once.

        Args:
            prompts: What to answer.
            template: Gives the stop tokens and decodes.
            adapter: Folder of the adapter to answer with; None for the base itself.
            max_new_tokens: Longest answer.
            batch_size: Prompts at the same time.
            stop: Texts that end an answer and are no part of it.

        Raises:
            AnsweringError: The architecture cannot answer here.
        """
        tell_context(prompts, context_length(self._core), max_new_tokens, self._reporter)
        ordered = sorted(prompts, key=lambda prompt: len(prompt.ids))
        stops = set(template.stop_ids)
        ending = StopTexts(template.tokenizer, stop)
        ended = ending.reached if ending else None
        with self._with_adapter(adapter) as model:
            decoder = GreedyDecoder(model, [prompt.ids for prompt in ordered], self._device.name)
            for start in range(0, len(ordered), batch_size):
                self._reporter.check()
                batch = ordered[start : start + batch_size]
                started = time.monotonic()
                produced = decoder.decode([prompt.ids for prompt in batch], stops, max_new_tokens, ended)
                share = (time.monotonic() - started) / len(batch)
                yield [
                    _output(prompt, tokens, stops, template, ending, stop, share)
                    for prompt, tokens in zip(batch, produced, strict=True)
                ]

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
    prompt: Prompt,
    tokens: list[int],
    stops: set[int],
    template: ChatTemplate,
    ending: StopTexts,
    stop: Sequence[str],
    seconds: float,
) -> Output:
    end = next((position for position, token in enumerate(tokens) if token in stops), None)
    answer = tokens if end is None else tokens[:end]
    text = cut_at(template.tokenizer.decode(answer, skip_special_tokens=True), stop)
    cut = end is None and not ending.reached(answer)
    return Output(prompt.id, text.strip(), "length" if cut else "stop", len(answer), seconds)
