"""Greedy decoding of many prompts at once, their common beginning computed once, finished ones dropped."""

from __future__ import annotations

import copy
from collections.abc import Collection, Sequence
from typing import Any

import torch
from transformers import DynamicCache


class GreedyDecoder:
    """Decodes batches of prompts that belong together.

    Args:
        model: A causal language model, in evaluation mode.
        prompts: Token ids of all prompts that will come; what they share at the beginning is computed
            here, once. It is not shared where the architecture looks only at a window of the past.
        device: Where the model is.
    """

    def __init__(self, model: Any, prompts: Sequence[Sequence[int]], device: str) -> None:
        self._model = model
        self._device = device
        self._prefix = _common_beginning(prompts) if _sees_everything(model) else []
        self._cache = DynamicCache(config=model.config)
        if self._prefix:
            self._forward(torch.tensor([self._prefix]), None, None, self._cache)

    def decode(
        self, prompts: Sequence[Sequence[int]], stops: Collection[int], max_new_tokens: int
    ) -> list[list[int]]:
        """Continue each prompt with its likeliest tokens.

        Args:
            prompts: Token ids, all beginning with the common beginning.
            stops: Tokens that end an answer.
            max_new_tokens: Longest answer.

        Returns:
            The new tokens of each prompt; a stop token, where one came, is the last.
        """
        shared = len(self._prefix)
        rests = [list(prompt[shared:]) for prompt in prompts]
        longest = max(len(rest) for rest in rests)
        ids = torch.zeros((len(rests), longest), dtype=torch.long)
        mask = torch.ones((len(rests), shared + longest), dtype=torch.long)
        for row, rest in enumerate(rests):
            ids[row, longest - len(rest) :] = torch.tensor(rest)
            mask[row, shared : shared + longest - len(rest)] = 0
        mask = mask.to(self._device)
        cache = copy.deepcopy(self._cache)
        if shared:
            cache.batch_repeat_interleave(len(rests))
        positions = (mask.cumsum(dim=-1) - 1).clamp(min=0)[:, shared:]
        produced: list[list[int]] = [[] for _ in rests]
        going = list(range(len(rests)))
        for _ in range(max_new_tokens):
            chosen = self._forward(ids, mask, positions, cache)
            kept = []
            for place, token in enumerate(chosen.tolist()):
                produced[going[place]].append(token)
                if token not in stops:
                    kept.append(place)
            if not kept:
                break
            if len(kept) < len(going):
                going = [going[place] for place in kept]
                index = torch.tensor(kept, device=self._device)
                cache.batch_select_indices(index)
                mask, positions, chosen = mask[index], positions[index], chosen[index]
            ids = chosen[:, None]
            mask = torch.cat([mask, mask.new_ones((len(going), 1))], dim=-1)
            positions = positions[:, -1:] + 1
        return produced

    @torch.inference_mode()
    def _forward(
        self, ids: torch.Tensor, mask: torch.Tensor | None, positions: torch.Tensor | None, cache: Any
    ) -> torch.Tensor:
        """One pass; returns the likeliest next token of each row and extends ``cache``."""
        logits = self._model(
            input_ids=ids.to(self._device),
            attention_mask=mask,
            position_ids=positions,
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        ).logits
        chosen: torch.Tensor = logits[:, -1].argmax(dim=-1)
        return chosen


def _common_beginning(prompts: Sequence[Sequence[int]]) -> list[int]:
    """The longest common prefix, leaving every prompt at least its last token."""
    if len(prompts) < 2:
        return []
    common = min(len(prompt) for prompt in prompts) - 1
    first = prompts[0]
    for prompt in prompts[1:]:
        common = next((place for place in range(common) if prompt[place] != first[place]), common)
    return list(first[:common])


def _sees_everything(model: Any) -> bool:
    """Whether every layer attends to the whole past (no sliding window, no recurrent state)."""
    config = model.config.get_text_config()
    layers = getattr(config, "layer_types", None)
    if layers is not None:
        return all(layer == "full_attention" for layer in layers)
    return getattr(config, "sliding_window", None) is None
