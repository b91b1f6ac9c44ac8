"""One rendering for training and generation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.models.errors import TemplateError
from engine.models.template import load_template
from engine.progress import SilentReporter
from tests.tiny import tiny_model

CONVERSATION = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Grüße?"},
    {"role": "assistant", "content": "Ja."},
]


class Notes(SilentReporter):
    """Remembers decisions."""

    def __init__(self) -> None:
        self.decisions: dict[str, Any] = {}

    def decision(self, subject: str, choice: Any, reason: str, /, **data: Any) -> None:
        self.decisions[subject] = choice


def test_training_sees_the_prompt_exactly_as_generation_does(tmp_path: Path) -> None:
    template = load_template(tiny_model(tmp_path / "tiny"), SilentReporter())
    rendered = template.render(CONVERSATION)
    assert rendered.ids[: rendered.prompt_length] == template.prompt_ids(CONVERSATION[:-1])


def test_the_answer_with_its_stop_token_is_trained_and_nothing_after_it(tmp_path: Path) -> None:
    template = load_template(tiny_model(tmp_path / "tiny"), SilentReporter())
    rendered = template.render(CONVERSATION)
    assert template.tokenizer.decode(rendered.ids[rendered.prompt_length :]) == "Ja.<|im_end|>"
    assert rendered.ids[-1] in template.stop_ids


def test_only_the_last_answer_is_trained(tmp_path: Path) -> None:
    template = load_template(tiny_model(tmp_path / "tiny"), SilentReporter())
    longer = [*CONVERSATION, {"role": "user", "content": "Sure?"}, {"role": "assistant", "content": "Yes."}]
    rendered = template.render(longer)
    assert template.tokenizer.decode(rendered.ids[rendered.prompt_length :]) == "Yes.<|im_end|>"


def test_without_a_template_a_plain_one_is_used_and_said(tmp_path: Path) -> None:
    notes = Notes()
    template = load_template(tiny_model(tmp_path / "tiny", chat_template=None), notes)
    assert notes.decisions["chat_template"] == "plain"
    rendered = template.render(CONVERSATION)
    assert rendered.ids[-1] in template.stop_ids
    assert template.tokenizer.decode(rendered.ids[rendered.prompt_length :]).startswith("Ja.")


def test_a_template_without_system_role_gets_it_in_the_user_message(tmp_path: Path) -> None:
    strict = (
        "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no system') }}{% endif %}"
        "{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
    )
    notes = Notes()
    template = load_template(tiny_model(tmp_path / "tiny", chat_template=strict), notes)
    assert "system_role" in notes.decisions
    assert "Be brief.\n\nGrüße?" in template.prompt_text(CONVERSATION[:-1])


def test_a_template_that_changes_the_prompt_is_refused(tmp_path: Path) -> None:
    moody = "{{ messages | length }}{% for m in messages %}{{ m.content }}{% endfor %}"
    template = load_template(tiny_model(tmp_path / "tiny", chat_template=moody), SilentReporter())
    with pytest.raises(TemplateError) as caught:
        template.render(CONVERSATION)
    assert caught.value.code == "template.prompt_changes"


def test_a_hostile_template_cannot_reach_python(tmp_path: Path) -> None:
    hostile = "{{ ''.__class__.__mro__[1].__subclasses__() }}"
    with pytest.raises(TemplateError):
        load_template(tiny_model(tmp_path / "tiny", chat_template=hostile), SilentReporter()).render(
            CONVERSATION
        )
