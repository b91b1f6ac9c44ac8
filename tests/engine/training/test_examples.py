"""Which examples of a dataset are trained on, and what is said of the others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.datasets.example import Example, Message
from engine.models.template import load_template
from engine.progress import SilentReporter
from engine.training.errors import TrainingError
from engine.training.examples import longest_example, tokenise
from tests.tiny import tiny_model

ALTERNATING = (
    "{% for m in messages %}{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate') }}{% endif %}"
    "{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


class Notes(SilentReporter):
    """Remembers decisions."""

    def __init__(self) -> None:
        self.decisions: dict[str, Any] = {}

    def decision(self, subject: str, choice: Any, reason: str, /, **data: Any) -> None:
        self.decisions[subject] = choice


def conversation(row: int, *roles: str) -> Example:
    return Example(row, tuple(Message(role, "text") for role in roles))


def test_conversations_that_the_template_cannot_render_are_listed(tmp_path: Path) -> None:
    template = load_template(tiny_model(tmp_path / "tiny", chat_template=ALTERNATING), SilentReporter())
    rows = [
        conversation(1, "user", "assistant"),
        conversation(2, "user", "user", "assistant"),
        conversation(3, "user", "assistant"),
        conversation(7, "assistant", "assistant"),
    ]
    with pytest.raises(TrainingError) as caught:
        tokenise(rows, template, 512, SilentReporter())
    assert caught.value.code == "training.template"
    assert "2 examples (rows 2, 7)" in caught.value.message
    assert "roles must alternate" in caught.value.message


@pytest.mark.parametrize(("context", "longest"), [(512, 512), (4096, 2048), (2048, 2048), (0, 2048)])
def test_no_example_is_longer_than_the_base_was_made_for(context: int, longest: int) -> None:
    notes = Notes()
    assert longest_example(2048, context, notes) == longest
    assert notes.decisions == ({"max_length": longest} if longest < 2048 else {})
