"""One rendering for training and generation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tokenizers import AddedToken, Tokenizer

from engine.models.errors import TemplateError
from engine.models.template import ChatTemplate, load_template
from engine.progress import SilentReporter
from engine.weights.model_folder import copy_tokenizer
from tests.tiny import tiny_model
from tests.tiny_families import exportable_model

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


TOOL_TEMPLATE = (
    "{%% for m in messages %%}<|im_start|>{{ m.role }}\n{{ m.content or '' }}"
    "{%% for call in m.tool_calls or [] %%}{{ %s }}{%% endfor %%}<|im_end|>{%% endfor %%}"
    "{%% if add_generation_prompt %%}<|im_start|>assistant\n{%% endif %%}"
)


@pytest.mark.parametrize("given", ['{"city": "Bern"}', {"city": "Bern"}])
@pytest.mark.parametrize(
    "expression",
    [
        "call.function.arguments | tojson",
        "call.function | tojson",
        "call.function.arguments if call.function.arguments is string else call.function.arguments | tojson",
        "'args: ' + call.function.arguments",
        "call.function.arguments",
    ],
)
def test_arguments_of_tool_calls_are_encoded_once(tmp_path: Path, expression: str, given: Any) -> None:
    """OpenAI's form has them as JSON text, templates want either that or the object."""
    call = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": given}}
    conversation = [
        {"role": "user", "content": "Where?"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
    ]
    folder = tiny_model(tmp_path / "tiny", chat_template=TOOL_TEMPLATE % expression)
    template = load_template(folder, SilentReporter())
    rendered = template.render(conversation)
    answer = template.tokenizer.decode(rendered.ids[rendered.prompt_length :])
    assert '{"city": "Bern"}' in answer
    assert call["function"]["arguments"] == given


@pytest.mark.parametrize("content", ["m.content", "m['content'] + ''", "m.content ~ ''"])
def test_an_answer_that_only_calls_tools_needs_no_text(tmp_path: Path, content: str) -> None:
    """OpenAI's form has null there, and templates put it together with other texts."""
    call = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    conversation = [
        {"role": "user", "content": "Where?"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "content": "there", "tool_call_id": "c1"},
        {"role": "assistant", "content": "There."},
    ]
    text = (TOOL_TEMPLATE % "call.function.arguments | tojson").replace("m.content or ''", content)
    template = load_template(tiny_model(tmp_path / "tiny", chat_template=text), SilentReporter())
    for shown in (conversation, conversation[:2]):
        rendered = template.render(shown)
        assert "None" not in template.tokenizer.decode(rendered.ids)
    plain = load_template(tiny_model(tmp_path / "plain", chat_template=None), SilentReporter())
    assert "There." in plain.tokenizer.decode(plain.render(conversation).ids)


def test_arguments_that_are_no_json_stay_as_they_are(tmp_path: Path) -> None:
    call = {"function": {"name": "look", "arguments": "not json"}}
    folder = tiny_model(tmp_path / "tiny", chat_template=TOOL_TEMPLATE % "call.function.arguments | tojson")
    template = load_template(folder, SilentReporter())
    text = template.prompt_text([{"role": "assistant", "content": None, "tool_calls": [call]}])
    assert '"not json"' in text


def change_json(file: Path, **values: Any) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text()), **values}))


def answer_of(template: ChatTemplate) -> str:
    rendered = template.render(CONVERSATION)
    assert rendered.ids[: rendered.prompt_length] == template.prompt_ids(CONVERSATION[:-1])
    text = template.tokenizer.decode(rendered.ids[rendered.prompt_length :])
    assert isinstance(text, str)
    return text


PHI = (
    "{% for m in messages %}{{ '<|' + m.role + '|>\n' + m.content + '<|end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% else %}{{ eos_token }}{% endif %}"
)


def test_a_special_token_that_no_configuration_names_ends_an_answer(tmp_path: Path) -> None:
    """Phi-3 ends a turn with a special token that is neither its end of text nor in its list."""
    folder = tiny_model(tmp_path / "tiny", chat_template=PHI)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.add_special_tokens([AddedToken("<|end|>", special=True)])
    tokenizer.save(str(folder / "tokenizer.json"))
    template = load_template(folder, SilentReporter())
    assert template.tokenizer.convert_tokens_to_ids("<|end|>") in template.stop_ids
    assert answer_of(template) == "Ja.<|end|>"


@pytest.mark.parametrize("file", ["generation_config.json", "config.json"])
@pytest.mark.parametrize("named", [257, [258, 257]])
def test_the_models_own_files_name_further_ends(tmp_path: Path, file: str, named: Any) -> None:
    folder = tiny_model(tmp_path / "tiny")
    change_json(folder / file, eos_token_id=named)
    assert set(load_template(folder, SilentReporter()).stop_ids) == {257, 258}


def test_a_word_is_no_end_whatever_a_configuration_says(tmp_path: Path) -> None:
    folder = tiny_model(tmp_path / "tiny")
    change_json(folder / "config.json", eos_token_id=2)
    assert load_template(folder, SilentReporter()).stop_ids == [258]


TURNS = (
    "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' }}"
    "{% if m.role == 'assistant' and loop.last and KEEPS %}{{ '<think>\n\n</think>\n\n' }}{% endif %}"
    "{{ m.content + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}PROMPT{% endif %}"
)
CLOSED = (
    "{% if enable_thinking is defined and enable_thinking is false %}"
    "{{ '<think>\n\n</think>\n\n' }}{% endif %}"
)


@pytest.mark.parametrize(
    ("keeps", "prompt", "choice"),
    [
        ("true", CLOSED, "off"),  # Qwen3
        ("false", CLOSED, "off"),
        ("true", "{{ '<think>\n' }}", "ended at once"),  # Qwen3 Thinking
        ("false", "{{ '<think>\n' }}", "ended at once"),  # DeepSeek-R1
    ],
)
def test_an_empty_thought_belongs_to_the_prompt_and_is_not_trained(
    tmp_path: Path, keeps: str, prompt: str, choice: str
) -> None:
    text = TURNS.replace("KEEPS", keeps).replace("PROMPT", prompt)
    notes = Notes()
    folder = tiny_model(tmp_path / "tiny", chat_template=text)
    template = load_template(folder, notes)
    assert notes.decisions["thinking"] == choice
    assert template.prompt_text(CONVERSATION[:-1]).endswith("assistant\n<think>\n\n</think>\n\n")
    assert answer_of(template) == "Ja.<|im_end|>"
    # A fine-tune carries the settled text, which says the same without being settled again.
    (folder / "chat_template.jinja").write_text(template.text)
    again = Notes()
    assert load_template(folder, again).text == template.text
    assert "thinking" not in again.decisions


def test_a_template_that_tells_the_date_tells_the_same_one_every_day(tmp_path: Path) -> None:
    dated = "{{ 'Today: ' + strftime_now('%d %b %Y, %H:%M:%S.%f') + '\n' }}" + TURNS.replace(
        "KEEPS", "false"
    ).replace("PROMPT", "")
    notes = Notes()
    template = load_template(tiny_model(tmp_path / "tiny", chat_template=dated), notes)
    assert notes.decisions["date"] == "2024-07-26"
    assert template.prompt_text(CONVERSATION[:-1]).startswith("Today: 26 Jul 2024, 00:00:00.000000\n")
    assert "strftime_now(" not in template.text


@pytest.mark.parametrize("adds", [True, False])
def test_the_plain_template_begins_as_the_tokenizer_does(tmp_path: Path, adds: bool) -> None:
    from tokenizers.processors import TemplateProcessing

    folder = tiny_model(tmp_path / "tiny", chat_template=None)
    if adds:
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        tokenizer.post_processor = TemplateProcessing(
            single="<|endoftext|> $A", special_tokens=[("<|endoftext|>", 256)]
        )
        tokenizer.save(str(folder / "tokenizer.json"))
    ids = load_template(folder, SilentReporter()).prompt_ids(CONVERSATION[:-1])
    assert ids.count(256) == int(adds)
    assert (ids[0] == 256) == adds


def test_an_adapter_answers_the_tokens_that_it_has_learned(tmp_path: Path) -> None:
    """Its tokenizer's files are those of its base; without the base's config they are read in another way."""
    base, adapter = exportable_model(tmp_path / "base"), tmp_path / "adapter"
    adapter.mkdir()
    copy_tokenizer(base, adapter)
    learned = load_template(base, SilentReporter()).render(CONVERSATION)
    answered = load_template(adapter, SilentReporter(), fallback=base)
    assert answered.render(CONVERSATION) == learned
    assert answered.prompt_ids(CONVERSATION[:-1]) == learned.ids[: learned.prompt_length]
    assert load_template(adapter, SilentReporter()).render(CONVERSATION) != learned, (
        "its files alone say otherwise"
    )
