"""Greedy decoding of many prompts at once, their common beginning computed once, finished ones dropped."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Collection, Sequence
from typing import Any

import torch
from transformers import DynamicCache
from transformers.cache_utils import CacheLayerMixin, DynamicLayer, LinearAttentionCacheLayerMixin

from engine.inference.errors import AnsweringError


class GreedyDecoder:
    """Decodes batches of prompts that belong together.

    Args:
        model: A transformers causal language model (its adapter, if any, lies inside its modules), in
            evaluation mode.
        prompts: Token ids of all prompts that will come; what they share at the beginning is computed
            here, once. It is not shared where the architecture looks only at a window of the past.
        device: Where the model is.

    Raises:
        AnsweringError: The model takes no cache that is known here.
    """

    def __init__(self, model: Any, prompts: Sequence[Sequence[int]], device: str) -> None:
        self._model = model
        self._device = device
        self._context = context_length(model)
        self._cache = DynamicCache(config=model.config)
        self._cache_name = _cache_name(model, self._cache)
        self._attends = any(isinstance(layer, CacheLayerMixin) for layer in self._cache.layers)
        self._prefix = _common_beginning(prompts) if _may_share(model, self._cache) else []
        if self._context is not None and len(self._prefix) >= self._context:
            self._prefix = []
        if self._prefix:
            self._forward(torch.tensor([self._prefix]), None, None, self._cache)

    def decode(
        self,
        prompts: Sequence[Sequence[int]],
        stops: Collection[int],
        max_new_tokens: int,
        ended: Callable[[Sequence[int]], bool] | None = None,
    ) -> list[list[int]]:
        """Continue each prompt with its likeliest tokens.

        Args:
            prompts: Token ids, all beginning with the common beginning.
            stops: Tokens that end an answer.
            max_new_tokens: Longest answer; an answer also ends where the model's context does.
            ended: Whether an answer, with the token that it has just got, is finished besides.

        Returns:
            The new tokens of each prompt; a stop token, where one came, is the last. A prompt that fills the
            context has none.
        """
        room = [
            max_new_tokens if self._context is None else min(max_new_tokens, self._context - len(prompt))
            for prompt in prompts
        ]
        produced: list[list[int]] = [[] for _ in prompts]
        going = [place for place in range(len(prompts)) if room[place] > 0]
        if not going:
            return produced
        ids, mask, positions = self._padded([prompts[place] for place in going])
        cache = copy.deepcopy(self._cache)
        if self._prefix:
            cache.batch_repeat_interleave(len(going))
        chosen = self._forward(ids, mask, positions, cache)
        _require_state(self._model, cache)
        while True:
            kept = []
            for row, token in enumerate(chosen.tolist()):
                place = going[row]
                produced[place].append(token)
                finished = token in stops or (ended is not None and ended(produced[place]))
                if not finished and len(produced[place]) < room[place]:
                    kept.append(row)
            if not kept:
                return produced
            if len(kept) < len(going):
                going = [going[row] for row in kept]
                index = torch.tensor(kept, device=self._device)
                # Made for beam search; it is the one selection of rows that every kind of layer has.
                cache.reorder_cache(index)
                mask, positions, chosen = mask[index], positions[index], chosen[index]
            ids = chosen[:, None]
            mask = torch.cat([mask, mask.new_ones((len(going), 1))], dim=-1)
            positions = positions[:, -1:] + 1
            # A purely recurrent model has nothing left to mask, and takes a longer mask for more tokens.
            chosen = self._forward(ids, mask if self._attends else None, positions, cache)

    def _padded(self, prompts: Sequence[Sequence[int]]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """What follows the common beginning, padded on the left: ids, the whole mask, and positions."""
        shared = len(self._prefix)
        rests = [list(prompt[shared:]) for prompt in prompts]
        longest = max(len(rest) for rest in rests)
        ids = torch.zeros((len(rests), longest), dtype=torch.long)
        mask = torch.ones((len(rests), shared + longest), dtype=torch.long)
        for row, rest in enumerate(rests):
            ids[row, longest - len(rest) :] = torch.tensor(rest)
            mask[row, shared : shared + longest - len(rest)] = 0
        mask = mask.to(self._device)
        return ids, mask, (mask.cumsum(dim=-1) - 1).clamp(min=0)[:, shared:]

    @torch.inference_mode()
    def _forward(
        self, ids: torch.Tensor, mask: torch.Tensor | None, positions: torch.Tensor | None, cache: Any
    ) -> torch.Tensor:
        """One pass; returns the likeliest next token of each row and extends ``cache``."""
        logits = self._model(
            input_ids=ids.to(self._device),
            attention_mask=mask,
            position_ids=positions,
            use_cache=True,
            logits_to_keep=1,
            **{self._cache_name: cache},
        ).logits
        chosen: torch.Tensor = logits[:, -1].argmax(dim=-1)
        return chosen


def context_length(model: Any) -> int | None:
    """Longest sequence that a transformers model was made for, in tokens; None where it does not say."""
    config = model.config.get_text_config()
    named = (getattr(config, name, None) for name in ("max_position_embeddings", "max_seq_len"))
    return next((length for length in named if isinstance(length, int) and length > 0), None)


def _common_beginning(prompts: Sequence[Sequence[int]]) -> list[int]:
    """The longest common prefix, leaving every prompt at least its last token."""
    if len(prompts) < 2:
        return []
    common = min(len(prompt) for prompt in prompts) - 1
    first = prompts[0]
    for prompt in prompts[1:]:
        common = next((place for place in range(common) if prompt[place] != first[place]), common)
    return list(first[:common])


def _cache_name(model: Any, cache: DynamicCache) -> str:
    """The name under which ``model`` takes ``cache``; given under another it would pass it over silently."""
    taken = inspect.signature(model.forward).parameters
    if "past_key_values" in taken:
        return "past_key_values"
    recurrent = all(isinstance(layer, LinearAttentionCacheLayerMixin) for layer in cache.layers)
    if "cache_params" in taken and recurrent:
        return "cache_params"
    raise _no_cache(model)


def _require_state(model: Any, cache: DynamicCache) -> None:
    """Refuse a model that keeps the state of its recurrent layers in itself, where rows cannot be dropped."""
    for layer in cache.layers:
        if isinstance(layer, LinearAttentionCacheLayerMixin):
            kept = (
                *layer.is_conv_states_initialized.values(),
                *layer.is_recurrent_states_initialized.values(),
            )
            if not any(kept):
                raise _no_cache(model)


def _no_cache(model: Any) -> AnsweringError:
    return AnsweringError(
        "generate.no_cache",
        "Models of the type '{type}' keep what they have read in a form of their own, so they cannot answer here.",
        fix="Choose a base of another architecture.",
        type=model.config.model_type,
    )


def _may_share(model: Any, cache: DynamicCache) -> bool:
    """Whether a beginning that is computed once serves prompts that are padded after it.

    Every layer has to attend to the whole past (no window, no recurrent state), and to place tokens by the
    positions it is given rather than by where they lie in the cache.
    """
    config = model.config.get_text_config()
    attention = getattr(config, "attn_config", None)
    return (
        all(type(layer) is DynamicLayer for layer in cache.layers)
        and "local" not in (getattr(config, "attention_layers", None) or ())
        and "position_ids" in inspect.signature(model.forward).parameters
        and not getattr(config, "alibi", False)
        and not getattr(attention, "alibi", False)
    )
