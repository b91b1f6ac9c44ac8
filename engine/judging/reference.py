"""The reference judge: prefers the answer that is closer to the dataset's own. Free and local."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from typing import Final

from engine.errors import Words
from engine.judging.errors import JudgingError
from engine.judging.verdicts import Contestant, Judgement, Prompt, Question
from engine.metrics import Metric

#: What this judge says of a pair, and how that is read again.
_SAID: Final = "{metric} {first:.3f} against {second:.3f}, margin {margin:g}."
_READ: Final = re.compile(r"(.+) (-?\d+\.\d{3}) against (-?\d+\.\d{3}), margin (\d[\d.e-]*)\.")


@dataclass
class ReferenceJudge:
    """Scores both answers by the task's metric; scores within the metric's margin are a tie.

    Attributes:
        metric: Of the task.
        margin: Largest difference that counts as none; the metric's own when not given.
    """

    metric: Metric
    margin: float | None = None
    name: str = "reference"
    exhaustive: bool = True
    #: One score per answer, however many pairs it is in.
    _scores: dict[tuple[str, str], float] = field(default_factory=dict, repr=False)

    @property
    def tie_margin(self) -> float:
        """The margin that holds."""
        return self.metric.margin if self.margin is None else self.margin

    @property
    def prompt_sha256(self) -> str:
        """Hash of metric and margin, which are all that this judge goes by."""
        return _sha256("reference", self.metric.name, repr(self.tie_margin))

    def key(self, question: Question) -> str:
        """Identifies expected answer, both answers, metric and margin."""
        return _sha256(self.prompt_sha256, _expected(question.prompt), *question.answers)

    def judge(self, question: Question) -> Judgement:
        """Prefer the answer with the higher score.

        Raises:
            JudgingError: The example has no expected answer.
        """
        first = self._score(question.prompt, question.first)
        second = self._score(question.prompt, question.second)
        explanation = _SAID.format(
            metric=self.metric.title, first=first, second=second, margin=self.tie_margin
        )
        # The allowance is for rounding: 0.5 - 0.48 is a little more than 0.02.
        if abs(first - second) <= self.tie_margin + 1e-9:
            return Judgement("tie", explanation)
        return Judgement("a" if first > second else "b", explanation)

    def stop(self) -> None:
        """Nothing waits here."""

    def _score(self, prompt: Prompt, contestant: Contestant) -> float:
        place = (prompt.id, contestant.id)
        if place not in self._scores:
            self._scores[place] = self.metric.score(_expected(prompt), contestant.answers[prompt.id])
        return self._scores[place]


def _expected(prompt: Prompt) -> str:
    if prompt.expected is None:
        raise JudgingError(
            "judging.no_expected",
            "The reference judge needs the expected answer, and the example {prompt} has none.",
            fix="Judge with a model instead: --judge openai:MODEL",
            prompt=prompt.id,
        )
    return prompt.expected


def words_of_explanation(explanation: str) -> Words | None:
    """What this judge said of a pair, to be told in another language; None if it is somebody else's."""
    found = _READ.fullmatch(explanation)
    if found is None:
        return None
    metric, *numbers = found.groups()
    first, second, margin = map(float, numbers)
    return Words(_SAID, metric=Words(metric), first=first, second=second, margin=margin)


def _sha256(*parts: str) -> str:
    return hashlib.sha256(json.dumps(parts).encode("ascii")).hexdigest()
