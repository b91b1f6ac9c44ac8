"""What the fake server believes: who wins a comparison, and what it answers otherwise."""

from __future__ import annotations

import hashlib
import json
import math
import re
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

#: Bakeoff's judge prompt: each answer stands between two lines that carry its letter and a boundary.
ANSWER = r"\[answer {letter} [0-9a-f]+\]\n(.*?)\n\[end of answer {letter} [0-9a-f]+\]"


@dataclass
class Truth:
    """Settings of the fake server; every field can be given in ``truth.json``.

    Attributes:
        strengths: Marker text -> strength in natural-log units. An answer is as strong as the sum of the
            markers that it contains, and answer A beats answer B with probability
            ``1 / (1 + exp(strength B - strength A - first_bonus))`` (Bradley-Terry).
        first_bonus: Added to the answer shown first: the position bias.
        tie_rate: Share of verdicts that are a tie whatever the strengths.
        certain: The stronger always wins (equal strength: a tie); nothing is drawn.
        seed: Of the draws; the same request always gets the same verdict.
        key: The only key that is accepted; None accepts all.
        models: The models there are.
        reasoning: Models that refuse ``max_tokens``, ``temperature`` and ``top_p``, as some of OpenAI's do.
        exclusive: Whether a request with both ``temperature`` and ``top_p`` is refused, as by some of Anthropic's.
        structured: Whether ``response_format`` is understood; otherwise it is refused with 400.
        usage: Whether responses carry ``usage``; a stream does only where ``stream_options`` ask for it.
        stream_options: Whether ``stream_options`` is understood; otherwise it is refused with 400.
        free_text: Verdicts come as a sentence rather than as JSON.
        answers: How requests other than comparisons are answered: ``echo`` the last message, the
            ``labels`` by a hash of the message, or ``scripted`` by the first key found in the message.
        batches: Whether there are batches; otherwise their paths are refused with 404.
        batch_looks: How many looks at a batch find it in work.
        batch_faults: How many looks at a batch fail with 503 first.
        batch_end: How batches end; ``expired`` and ``cancelled`` after half of their requests, ``failed`` before any.
        latency: Seconds that every response takes.
        failures: What happens to the next chat requests, in order; see `tests.fake_openai.server`.
        answer_a: Regular expression whose first group is the answer shown first.
        answer_b: The same for the answer shown second.
    """

    strengths: dict[str, float] = field(default_factory=dict)
    first_bonus: float = 0.0
    tie_rate: float = 0.0
    certain: bool = False
    seed: int = 0
    key: str | None = None
    models: list[str] = field(
        default_factory=lambda: ["gpt-4o", "gpt-4o-mini", "gpt-4", "gpt-3.5-turbo", "o3"]
    )
    reasoning: list[str] = field(default_factory=lambda: ["o3"])
    exclusive: bool = False
    structured: bool = True
    usage: bool = True
    stream_options: bool = True
    free_text: bool = False
    answers: Literal["echo", "labels", "scripted"] = "echo"
    labels: list[str] = field(default_factory=lambda: ["yes", "no"])
    script: dict[str, str] = field(default_factory=dict)
    batches: bool = True
    batch_looks: int = 1
    batch_faults: int = 0
    batch_end: Literal["completed", "expired", "failed"] = "completed"
    latency: float = 0.0
    failures: list[str] = field(default_factory=list)
    answer_a: str = ANSWER.format(letter="A")
    answer_b: str = ANSWER.format(letter="B")

    @classmethod
    def from_file(cls, path: Path) -> Truth:
        """Read ``truth.json``; an unknown field is an error."""
        return cls().changed(json.loads(path.read_text(encoding="utf-8")))

    def changed(self, changes: dict[str, Any]) -> Truth:
        """Set the given fields."""
        known = {item.name for item in fields(self)}
        for name, value in changes.items():
            if name not in known:
                raise ValueError(f"unknown setting {name!r}; known: {', '.join(sorted(known))}")
            setattr(self, name, value)
        return self

    def comparison(self, text: str) -> tuple[str, str] | None:
        """The two answers that ``text`` asks to compare, None when it asks something else."""
        first = re.search(self.answer_a, text, re.DOTALL)
        second = re.search(self.answer_b, text, re.DOTALL)
        return (first.group(1), second.group(1)) if first and second else None

    def strength(self, answer: str) -> float:
        """How good an answer is."""
        return sum(value for marker, value in self.strengths.items() if marker in answer)

    def verdict(self, text: str, first: str, second: str) -> str:
        """``A``, ``B`` or ``tie``."""
        advantage = self.strength(first) - self.strength(second) + self.first_bonus
        if self.certain:
            return "tie" if advantage == 0 else "A" if advantage > 0 else "B"
        if self._draw("tie", text) < self.tie_rate:
            return "tie"
        return "A" if self._draw("win", text) < 1 / (1 + math.exp(-advantage)) else "B"

    def answer(self, message: str) -> str:
        """The answer to a request that is no comparison."""
        if self.answers == "labels":
            return self.labels[int(self._draw("label", message) * len(self.labels))]
        if self.answers == "scripted":
            return next((answer for key, answer in self.script.items() if key in message), "I do not know.")
        return message

    def _draw(self, purpose: str, text: str) -> float:
        digest = hashlib.sha256(f"{self.seed}|{purpose}|{text}".encode("utf-8", "replace")).digest()
        return int.from_bytes(digest[:8], "big") / 2**64
