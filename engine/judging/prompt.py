"""What a judge is asked: the judge prompt from ``resources/judge``, filled for one question."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from engine.judging.verdicts import Message, Question
from engine.resources import resource

_SEPARATOR: Final = "\n=====\n"
_FIELD: Final = re.compile(r"\{\{(\w+)\}\}")

#: What a judge has to answer; the explanation stands first, so that the verdict follows from it.
VERDICT_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "explanation": {"type": "string", "description": "What decides between the answers"},
        "verdict": {"type": "string", "enum": ["A", "B", "tie"]},
    },
    "required": ["explanation", "verdict"],
    "additionalProperties": False,
}


@dataclass(frozen=True)
class JudgePrompt:
    """A judge prompt: a system message and a template of the user message.

    Attributes:
        text: The whole file.
        shows_expected: Whether the judge sees the dataset's answer.
    """

    text: str
    shows_expected: bool

    @cached_property
    def sha256(self) -> str:
        """Identifies the prompt; verdicts under different prompts are never mixed."""
        return hashlib.sha256(self.text.encode("utf-8")).hexdigest()

    def messages(self, question: Question) -> list[Message]:
        """The messages that ask ``question``; contestants appear as A and B only."""
        system, template = self.text.split(_SEPARATOR)
        first, second = question.answers
        values = {
            "request": render_messages(question.prompt.messages),
            "answer_a": first,
            "answer_b": second,
            "expected": (question.prompt.expected or "") if self.shows_expected else "",
        }
        # An answer that imitates the marks around it cannot know the boundary.
        values["boundary"] = _sha256(sorted(values.values()))[:8]
        # Filled in one pass: what an answer says is never filled again.
        user = _FIELD.sub(lambda match: values[match.group(1)], template)
        return [{"role": "system", "content": system.strip()}, {"role": "user", "content": user.strip()}]

    def key(self, question: Question, judge: Sequence[str]) -> str:
        """Identifies the question to this judge: the same key is never paid twice.

        Args:
            judge: What identifies the judge, for example endpoint, URL and model.
        """
        first, second = question.answers
        expected = question.prompt.expected if self.shows_expected else None
        prompt = [dict(message) for message in question.prompt.messages]
        return _sha256(["pairwise", prompt, first, second, list(judge), self.sha256, expected])


def judge_prompt(*, shows_expected: bool = False) -> JudgePrompt:
    """The shipped judge prompt, with or without the dataset's answer in it."""
    name = "pairwise-expected.txt" if shows_expected else "pairwise.txt"
    return JudgePrompt(resource("judge", name).read_text(encoding="utf-8"), shows_expected)


def render_messages(messages: Sequence[Message]) -> str:
    """A conversation as text: a lone user message as it is, otherwise each message under its role."""
    only = messages[0] if len(messages) == 1 else {}
    if only.get("role") == "user" and isinstance(only.get("content"), str):
        return str(only["content"])
    return "\n\n".join(f"[{message.get('role', 'user')}]\n{_content(message)}" for message in messages)


def _content(message: Message) -> str:
    content = message.get("content") or ""
    text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
    if message.get("tool_calls"):
        text = f"{text}\n{json.dumps(message['tool_calls'], ensure_ascii=False)}".strip()
    return text


def _sha256(value: Any) -> str:
    # ASCII, so that half surrogate pairs have a hash as well.
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode("ascii")).hexdigest()
