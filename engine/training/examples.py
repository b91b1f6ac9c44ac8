"""From a dataset to token ids, with everything that was left out said aloud."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from engine.datasets.example import Example
from engine.errors import Words
from engine.models.errors import TemplateError
from engine.models.template import ChatTemplate, Messages
from engine.progress import Reporter
from engine.training.errors import TrainingError

_NAMED_ROWS = 20


@dataclass(frozen=True)
class TrainingExample:
    """One tokenised example.

    Attributes:
        row: Row of the dataset's source.
        ids: Token ids of prompt and answer.
        prompt_length: How many of them are not trained.
    """

    row: int
    ids: list[int]
    prompt_length: int

    @property
    def supervised(self) -> int:
        """Number of trained tokens."""
        return len(self.ids) - self.prompt_length


def longest_example(wanted: int, context: int, reporter: Reporter) -> int:
    """The length beyond which an example is left out, in tokens.

    Args:
        wanted: What the recipe allows.
        context: Longest sequence that the base was made for; 0 when it does not say.
        reporter: Hears when the base allows less.
    """
    if 0 < context < wanted:
        reporter.decision(
            "max_length",
            context,
            Words("the base was made for no more (the recipe has {wanted})", wanted=wanted),
        )
        return context
    return wanted


def tokenise(
    examples: Iterable[Example], template: ChatTemplate, max_length: int, reporter: Reporter
) -> list[TrainingExample]:
    """Render and tokenise ``examples``.

    Raises:
        TrainingError: Some call tools that the template cannot show, or cannot be rendered at all, or none
            fits ``max_length``.
    """
    kept: list[TrainingExample] = []
    too_long: list[int] = []
    failed: dict[int, TemplateError] = {}
    unshown: list[int] = []
    waiting: deque[int] = deque()

    def conversations() -> Iterator[tuple[Messages, Any]]:
        for example in examples:
            if not template.renders_tools and _uses_tools(example):
                unshown.append(example.row)
                continue
            waiting.append(example.row)
            yield [message.as_dict() for message in example.messages], example.tools

    for rendered in template.render_many(conversations()):
        row = waiting.popleft()
        if isinstance(rendered, TemplateError):
            failed[row] = rendered
        elif len(rendered.ids) > max_length:
            too_long.append(row)
        else:
            kept.append(TrainingExample(row, rendered.ids, rendered.prompt_length))
        reporter.check()
    if unshown:
        raise TrainingError(
            "training.tools",
            "The chat template cannot show tool calls, which {count} examples have (rows {rows}).",
            fix="Choose a base whose template renders tools, or leave these rows out.",
            count=len(unshown),
            rows=_rows(unshown),
        )
    if failed:
        first = next(iter(failed.values()))
        raise TrainingError(
            "training.template",
            "The chat template fails on {count} examples (rows {rows}): {reason}",
            fix="Leave these rows out, or correct them. {way_out}",
            way_out=first.way_out,
            count=len(failed),
            rows=_rows(list(failed)),
            reason=first,
        )
    if too_long:
        reporter.decision(
            "too_long",
            Words("{count} examples left out", count=len(too_long)),
            Words("they are longer than {max_length} tokens", max_length=max_length),
            rows=too_long,
        )
    if not kept:
        raise TrainingError(
            "training.nothing",
            "There is nothing to train on: {reason}.",
            fix="Raise max_length, or check the dataset's train split.",
            reason=Words("all {count} examples are too long", count=len(too_long))
            if too_long
            else Words("the train split is empty"),
        )
    return kept


def split_off_evaluation(
    examples: list[TrainingExample], share: float, seed: int, reporter: Reporter
) -> tuple[list[TrainingExample], list[TrainingExample]]:
    """Set a seeded slice aside for the evaluation loss: between 2 and 256 examples, none of fewer than 8."""
    count = min(max(round(len(examples) * share), 2), 256) if share > 0 and len(examples) >= 8 else 0
    reporter.decision(
        "evaluation_slice",
        count,
        Words("{share:g} of {examples} examples, at least 2 of 8", share=share, examples=len(examples)),
    )
    order = list(range(len(examples)))
    random.Random(seed).shuffle(order)
    chosen = set(order[:count])
    train = [example for position, example in enumerate(examples) if position not in chosen]
    return train, [examples[position] for position in sorted(chosen)]


def _uses_tools(example: Example) -> bool:
    return bool(example.tools) or any(
        message.tool_calls or message.role == "tool" for message in example.messages
    )


def _rows(rows: list[int]) -> str:
    shown = ", ".join(str(row) for row in rows[:_NAMED_ROWS])
    return shown + (" and more" if len(rows) > _NAMED_ROWS else "")
