"""What is sent back, in OpenAI's shapes: completions, their pieces, the list of models."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable, Sequence
from typing import Any

from engine.inference.llama.replies import Reply


class Completion:
    """The documents of one answer: the same id and time in each.

    Args:
        model: Its name.
        fingerprint: Tells which file answers.
    """

    def __init__(self, model: str, fingerprint: str) -> None:
        self._common = {
            "id": f"chatcmpl-{secrets.token_hex(12)}",
            "created": int(time.time()),
            "model": model,
            "system_fingerprint": fingerprint,
        }

    def whole(self, reply: Reply, content: str, calls: Sequence[dict[str, Any]] = ()) -> dict[str, Any]:
        """A finished answer: its words, and the tools that it calls."""
        message: dict[str, Any] = {"role": "assistant", "content": content, "refusal": None}
        if calls:
            message |= {"content": content or None, "tool_calls": list(calls)}
        choice = {
            "index": 0,
            "message": message,
            "logprobs": None,
            "finish_reason": "tool_calls" if calls else reply.stop,
        }
        return {**self._common, "object": "chat.completion", "choices": [choice], "usage": usage(reply)}

    def piece(
        self, delta: dict[str, Any], *, finish: str | None = None, counted: bool = False
    ) -> dict[str, Any]:
        """A piece of a stream; ``counted``: a last document will have the counts, so that this one has none."""
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return self._chunk([choice], {"usage": None} if counted else {})

    def counts(self, reply: Reply) -> dict[str, Any]:
        """The counts at the end of a stream."""
        return self._chunk([], {"usage": usage(reply)})

    def _chunk(self, choices: list[dict[str, Any]], more: dict[str, Any]) -> dict[str, Any]:
        return {**self._common, "object": "chat.completion.chunk", "choices": choices, **more}


def usage(reply: Reply) -> dict[str, Any]:
    """Counts of tokens."""
    return {
        "prompt_tokens": reply.prompt_tokens,
        "completion_tokens": reply.tokens,
        "total_tokens": reply.prompt_tokens + reply.tokens,
        "prompt_tokens_details": {"cached_tokens": reply.cached_tokens},
    }


def model_document(name: str, created: int) -> dict[str, Any]:
    """One model."""
    return {"id": name, "object": "model", "created": created, "owned_by": "bakeoff"}


def list_document(models: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """All of them."""
    return {"object": "list", "data": list(models)}
