"""A check-up of a stored dataset: lengths, labels, duplicates, leakage, and what to do about them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from engine.datasets.example import Example
from engine.datasets.leakage import find_leakage
from engine.datasets.options import SPLITS
from engine.datasets.store import DatasetStore
from engine.errors import Words, templates

#: Answers are labels when there are at most so many different ones, each used three times on average.
_LABELS: Final = 200
_LABEL_LENGTH: Final = 100
#: Below so many test prompts, intervals are wide.
_FEW: Final = 30


def check_dataset(store: DatasetStore) -> dict[str, Any]:
    """Examine a dataset: the JSON of ``bakeoff dataset check``.

    Returns:
        ``lengths`` in characters (min, median, p95, max, mean) of prompts and answers; ``labels`` with the
        distribution and ``majority_label_floor`` (what always giving train's most frequent label scores on
        test) where answers are few distinct texts, else None; ``duplicates``, ``near_duplicates``,
        ``conflicts``, ``leakage``, ``rejected``; ``warnings`` and ``suggestions`` in sentences.
    """
    counter = _Counter()
    for example in store.examples():
        counter.add(example)
    labels = counter.labels(len(store))
    leakage = find_leakage({store.name: store})
    report: dict[str, Any] = {
        "name": store.name,
        "examples": len(store),
        "counts": store.counts,
        "lengths": {"prompt": _spread(counter.prompts), "answer": _spread(counter.answers)},
        "labels": labels,
        "majority_label_floor": counter.floor() if labels else None,
        "system": counter.system,
        "with_tools": counter.tools,
        "broken_arguments": counter.broken_arguments,
        "duplicates": store.manifest["duplicates"],
        "near_duplicates": store.manifest["near_duplicates"],
        "conflicts": store.manifest["conflicts"],
        "rejected": store.manifest["rejected"],
        "leakage": [finding.as_dict() for finding in leakage],
    }
    warnings = [warning for warning in store.manifest["warnings"] if not warning.startswith("Leakage")]
    report["warnings"] = warnings + [finding.sentence() for finding in leakage]
    suggestions = _suggestions(report, counter)
    report["suggestions"] = suggestions
    report["words"] = (store.manifest.get("words") or {}) | templates([*report["warnings"], *suggestions])
    return report


class _Counter:
    """Runs through the examples once and keeps numbers only."""

    def __init__(self) -> None:
        self.prompts: list[int] = []
        self.answers: list[int] = []
        self.system = self.tools = self.broken_arguments = 0
        self.padded = 0
        self._seen: dict[str, Counter[str]] = {split: Counter() for split in SPLITS}
        self._free_text = False

    def add(self, example: Example) -> None:
        self.prompts.append(sum(len(message.content or "") for message in example.prompt))
        answer = example.answer.content or ""
        self.answers.append(len(answer))
        self.system += example.messages[0].role == "system"
        self.tools += example.tools is not None
        self.padded += answer != answer.strip()
        for message in example.messages:
            self.broken_arguments += sum(_is_broken(call) for call in message.tool_calls or ())
        if self._free_text:
            return
        self._seen[example.split][answer] += 1
        if len(answer) > _LABEL_LENGTH or len(self._every()) > _LABELS:
            self._free_text = True
            self._seen.clear()

    def labels(self, examples: int) -> dict[str, int] | None:
        """How often each answer is given, most frequent first; None where answers are no labels."""
        if self._free_text:
            return None
        every: Counter[str] = sum(self._seen.values(), Counter())
        if len(every) < 2 or len(every) * 3 > examples:
            return None
        return dict(sorted(every.items(), key=lambda item: (-item[1], item[0])))

    def floor(self) -> float | None:
        """Exact match on test of train's most frequent label; None without train or test."""
        train, test = self._seen["train"], self._seen["test"]
        if not train or not test:
            return None
        majority = min(train, key=lambda label: (-train[label], label))
        return round(test[majority] / test.total(), 4)

    def unseen(self) -> list[str]:
        """Labels of dev or test that train lacks."""
        train = self._seen.get("train", Counter())
        return sorted(
            {label for split in ("dev", "test") for label in self._seen.get(split, ())} - set(train)
        )

    def _every(self) -> set[str]:
        return set().union(*self._seen.values())


def _is_broken(call: dict[str, Any]) -> bool:
    """Whether a call's arguments are text that is not JSON."""
    arguments = call["function"].get("arguments")
    if isinstance(arguments, str):
        try:
            json.loads(arguments)
        except ValueError:
            return True
    return False


def _spread(lengths: Sequence[int]) -> dict[str, float]:
    if not lengths:
        return {}
    ordered = sorted(lengths)
    last = len(ordered) - 1
    return {
        "min": ordered[0],
        "median": ordered[round(last * 0.5)],
        "p95": ordered[round(last * 0.95)],
        "max": ordered[-1],
        "mean": round(sum(ordered) / len(ordered), 1),
    }


def _suggestions(report: dict[str, Any], counter: _Counter) -> list[str]:
    found: list[str] = []
    test = report["counts"]["test"]
    if 0 < test < _FEW:
        found.append(
            Words(
                "With {test} test prompts intervals are wide; 100 or more tell models apart better.",
                test=test,
            )
        )
    if report["system"] == 0:
        found.append(
            Words(
                "No example has an instruction; one line with --system says what is wanted, also to untuned models."
            )
        )
    elif report["system"] < report["examples"]:
        found.append(
            Words(
                "Only {count} examples have a system message; --system gives one to the others.",
                count=report["system"],
            )
        )
    if report["labels"]:
        rare = [label for label, count in report["labels"].items() if count < 5]
        if rare:
            found.append(
                Words(
                    "{count} labels have fewer than 5 examples (for example '{label}').",
                    count=len(rare),
                    label=rare[0],
                )
            )
        unseen = counter.unseen()
        if unseen:
            found.append(
                Words(
                    "{count} labels of dev or test are not in train (for example '{label}').",
                    count=len(unseen),
                    label=unseen[0],
                )
            )
    if counter.padded:
        found.append(
            Words(
                "{count} answers begin or end with white space, which the models will learn.",
                count=counter.padded,
            )
        )
    if report["duplicates"]:
        found.append(
            Words(
                "{count} rows repeat another one; they count double in training.", count=report["duplicates"]
            )
        )
    if report["broken_arguments"]:
        found.append(
            Words("{count} tool calls have arguments that are not JSON.", count=report["broken_arguments"])
        )
    longest, usual = report["lengths"]["prompt"]["max"], report["lengths"]["prompt"]["p95"]
    if longest > 10 * max(usual, 100):
        found.append(
            Words(
                "The longest prompt has {longest} characters, twenty to one have under {usual}: look at it.",
                longest=longest,
                usual=usual,
            )
        )
    return found
