"""What the fake server counts."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Usage:
    """Counts since the start, per model where that makes sense.

    Attributes:
        requests: Chat requests received one by one, failed ones included.
        batched: Requests of batches that were worked on.
        calls: Chat requests that were answered and would be paid for, also those whose answer got lost.
        input_tokens: Tokens of the prompts of those calls.
        output_tokens: Tokens of their answers.
        failures: Scripted failures played.
        prompts: The text of every chat request received (messages joined), oldest first.
        bodies: The same requests whole.
        most_at_once: The largest number of chat requests in work at one time.
    """

    requests: int = 0
    batched: int = 0
    calls: Counter[str] = field(default_factory=Counter)
    input_tokens: Counter[str] = field(default_factory=Counter)
    output_tokens: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    prompts: list[str] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    most_at_once: int = 0

    def cost(self, model: str, input_price: float, output_price: float) -> float:
        """USD for ``model`` at prices per million tokens."""
        return (self.input_tokens[model] * input_price + self.output_tokens[model] * output_price) / 1e6

    def as_dict(self) -> dict[str, Any]:
        """The counts as JSON (without the texts)."""
        return {
            "requests": self.requests,
            "calls": dict(self.calls),
            "input_tokens": dict(self.input_tokens),
            "output_tokens": dict(self.output_tokens),
            "failures": self.failures,
            "most_at_once": self.most_at_once,
        }
