"""Local answers: greedy decoding in batches, many contestants on one loaded base."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel

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

        Args:
            prompts: What to answer.
            template: Gives the stop tokens and decodes.
            adapter: Folder of the adapter to answer with; None for the base itself.
            max_new_tokens: Longest answer.
            batch_size: Prompts at the same time.
        """
        ordered = sorted(prompts, key=lambda prompt: len(prompt.ids))
        with self._with_adapter(adapter) as model:
            for start in range(0, len(ordered), batch_size):
                self._reporter.check()
                yield self._batch(model, ordered[start : start + batch_size], template, max_new_tokens)

    @torch.inference_mode()
    def _batch(
        self, model: Any, prompts: Sequence[Prompt], template: ChatTemplate, max_new_tokens: int
    ) -> list[Output]:
        started = time.monotonic()
        longest = max(len(prompt.ids) for prompt in prompts)
        stops = template.stop_ids
        padding = stops[0] if stops else 0
        ids = torch.full((len(prompts), longest), padding, dtype=torch.long)
        mask = torch.zeros_like(ids)
        for row, prompt in enumerate(prompts):
            ids[row, longest - len(prompt.ids) :] = torch.tensor(prompt.ids)
            mask[row, longest - len(prompt.ids) :] = 1
        produced = model.generate(
            input_ids=ids.to(self._device.name),
            attention_mask=mask.to(self._device.name),
            max_new_tokens=max_new_tokens,
            do_sample=False,
            temperature=None,
            top_p=None,
            top_k=None,
            repetition_penalty=1.0,
            eos_token_id=stops or None,
            pad_token_id=padding,
        )[:, longest:].tolist()
        share = (time.monotonic() - started) / len(prompts)
        return [
            _output(prompt, tokens, set(stops), template, share)
            for prompt, tokens in zip(prompts, produced, strict=True)
        ]

    @contextmanager
    def _with_adapter(self, adapter: Path | None) -> Iterator[Any]:
        if adapter is None:
            yield self._core
            return
        adapted = PeftModel.from_pretrained(self._core, str(adapter))
        adapted.eval()
        try:
            yield adapted
        finally:
            self._core = adapted.unload()


def _output(
    prompt: Prompt, tokens: list[int], stops: set[int], template: ChatTemplate, seconds: float
) -> Output:
    end = next((position for position, token in enumerate(tokens) if token in stops), None)
    answer = tokens if end is None else tokens[:end]
    text = template.tokenizer.decode(answer, skip_special_tokens=True)
    return Output(prompt.id, text.strip(), "length" if end is None else "stop", len(answer), seconds)
