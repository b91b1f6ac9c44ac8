"""What contestants are asked on a dataset: the prompts, their tokens, and how long an answer may be."""

from __future__ import annotations

import math
from itertools import islice
from typing import Any, Final

from engine.datasets.example import Example
from engine.datasets.library import OpenDataset
from engine.datasets.selection import select
from engine.errors import Words
from engine.inference.constraints import Constraint, any_json, of_choices
from engine.inference.contestants import ContestantError, Participant
from engine.inference.outputs import Output
from engine.inference.prompts import Prompt
from engine.inference.spec import GenerateSpec
from engine.models.errors import TemplateError
from engine.models.template import ChatTemplate
from engine.progress import Reporter

#: Train answers that are looked at: to choose the longest answer, and to guess how one goes on.
_SAMPLE: Final = 2000


class Questions:
    """The prompts of one job.

    Attributes:
        dataset: Where they come from.
        examples: All of them, in order.

    Raises:
        ContestantError: There is none.
    """

    def __init__(self, spec: GenerateSpec, dataset: OpenDataset, reporter: Reporter) -> None:
        self._spec = spec
        self._reporter = reporter
        self.dataset = dataset
        self.examples = [
            example
            for split in spec.splits
            for example in select(
                dataset.store, split, limit=spec.limits.get(split) or spec.limit, answers=spec.answers
            )
        ]
        if not self.examples:
            raise ContestantError(
                "generate.no_prompts",
                "The dataset '{name}' has no {splits} prompts to answer.",
                fix="Import it with a larger --test-share or --dev-share.",
                name=spec.dataset,
                splits=" or ".join(spec.splits),
            )

    def unanswered(self, participant: Participant, known: dict[str, Output]) -> list[Example]:
        """Those for ``participant`` that have no answer yet: the first example of each prompt."""
        asked = self.examples
        if participant.name in self._spec.only_test:
            asked = [example for example in asked if example.split == "test"]
        distinct = {example.prompt_id: example for example in reversed(asked)}
        return [
            example
            for example in asked
            if example.prompt_id not in known and distinct[example.prompt_id] is example
        ]

    def prompt(self, example: Example, participant: Participant, template: ChatTemplate) -> Prompt:
        """What ``participant`` continues, in tokens.

        Raises:
            TemplateError: Its template cannot render the prompt.
        """
        try:
            ids = template.prompt_ids(self._messages(example, participant.shots), example.tools)
        except TemplateError as error:
            raise TemplateError(
                error.code,
                "'{name}' cannot be asked row {row}: {reason}",
                fix="{way_out}",
                name=participant.name,
                row=example.row,
                reason=error,
                way_out=error.way_out,
            ) from error
        return Prompt(example.prompt_id, ids)

    def _messages(self, example: Example, shots: int) -> list[dict[str, Any]]:
        """The prompt's messages, with ``shots`` solved train examples as earlier turns."""
        messages = messages_of(example)
        if not shots:
            return messages
        system = [message for message in messages if message["role"] == "system"]
        turns = [
            message.as_dict()
            for shown in select(self.dataset.store, "train", limit=shots, answers=self._spec.answers)
            for message in shown.messages
            if message.role != "system"
        ]
        return [*system, *turns, *(message for message in messages if message["role"] != "system")]

    def constraint(self) -> Constraint | None:
        """What answers are held to.

        Raises:
            ConstraintError: The train split has too many different answers to be choices.
        """
        wanted = self._spec.constrain
        if wanted == "json":
            return any_json()
        if wanted == "choices":
            return of_choices(example.answer_text for example in self.dataset.store.examples("train"))
        return wanted

    def train_answers(self, template: ChatTemplate) -> list[list[int]]:
        """The tokens of train answers (not of more than are needed to know them)."""
        answers = [example.answer_text for example in self._sample()]
        if not answers:
            return []
        ids: list[list[int]] = template.tokenizer(answers, add_special_tokens=False)["input_ids"]
        return ids

    def longest_answer(self, template: ChatTemplate) -> int:
        """How many tokens an answer may have."""
        if self._spec.max_new_tokens is not None:
            return self._spec.max_new_tokens
        ids = self.train_answers(template)
        if not ids:
            self._reporter.decision("max_new_tokens", 512, "the train split is empty")
            return 512
        longest = max(len(answer) for answer in ids)
        chosen = min(max(math.ceil(longest * 1.5) + 8, 16), 2048)
        self._reporter.decision(
            "max_new_tokens",
            chosen,
            Words("half as much again as the longest train answer ({longest} tokens)", longest=longest),
        )
        return chosen

    def longest_paid_answer(self) -> int:
        """How many tokens a paid answer may have: what it could cost at most has to be in the budget.

        How an endpoint's model counts is not known, but no token is shorter than a byte.
        """
        if self._spec.max_new_tokens is not None:
            return self._spec.max_new_tokens
        longest = max((len(example.answer_text.encode("utf-8")) for example in self._sample()), default=1024)
        chosen = min(max(longest, 256), 1024)
        self._reporter.decision(
            "max_new_tokens",
            chosen,
            Words(
                "a token a byte of the longest train answer ({longest} bytes), 256 to 1024", longest=longest
            ),
        )
        return chosen

    def _sample(self) -> list[Example]:
        return list(islice(self.dataset.store.examples("train"), _SAMPLE))


def messages_of(example: Example) -> list[dict[str, Any]]:
    """The prompt's messages as endpoints and templates get them."""
    return [message.as_dict() for message in example.prompt]
