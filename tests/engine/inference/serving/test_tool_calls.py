"""Tool calls are found in the form in which the model's own template shows them, streamed or not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from engine.inference.llama.replies import Reply
from engine.inference.serving.models import Offer
from engine.inference.serving.server import ModelServer, new_key
from engine.inference.serving.tool_calls import CallForm, CallWatch, calls_in, form_of
from engine.progress import SilentReporter

HEAD = "{% for m in messages %}{{ '<|' + m.role + '|>' + (m.content or '') }}"
TAIL = "<|end|>{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
CALLS = "{% for c in m.tool_calls or [] %}"
MARKED = (
    HEAD + CALLS + "{{ '\n<tool_call>\n' + (c.function | tojson) + '\n</tool_call>' }}{% endfor %}" + TAIL
)
LISTED = (
    HEAD
    + "{% if m.tool_calls %}{{ '[TOOL_CALLS] [' }}"
    + CALLS
    + """{{ '{"name": "' + c.function.name + '", "arguments": ' + (c.function.arguments | tojson) + '}' }}"""
    + "{% endfor %}{{ ']' }}{% endif %}"
    + TAIL
)
BARE = (
    HEAD
    + CALLS
    + """{{ '{"name": "' + c.function.name + '", "parameters": ' + (c.function.arguments | tojson) + '}' }}"""
    + "{% endfor %}"
    + TAIL
)
SPECIAL = {"<|end|>", "<|assistant|>", "<|user|>", "[TOOL_CALLS]"}
TOOLS: Any = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]
ONE = '{"name": "look", "arguments": {"city": "Bern"}}'


def called(calls: list[dict[str, Any]]) -> list[tuple[str, Any]]:
    return [(call["function"]["name"], json.loads(call["function"]["arguments"])) for call in calls]


@pytest.mark.parametrize(
    ("template", "form"),
    [
        (MARKED, CallForm("<tool_call>", "</tool_call>")),
        (LISTED, CallForm("", "")),
        (BARE, CallForm("", "")),
        (HEAD + TAIL, None),
        ("{{ raise_exception('no') }}", None),
    ],
)
def test_the_template_tells_the_form(template: str, form: CallForm | None) -> None:
    assert form_of(template, SPECIAL) == form


@pytest.mark.parametrize(
    ("form", "text", "words", "calls"),
    [
        (CallForm("<tool_call>", "</tool_call>"), f"Well.\n<tool_call>\n{ONE}\n</tool_call>", "Well.", 1),
        (
            CallForm("<tool_call>", "</tool_call>"),
            f"<tool_call>{ONE}</tool_call>\n<tool_call>{ONE}</tool_call>",
            "",
            2,
        ),
        (CallForm("", ""), f" [{ONE}, {ONE}]", "", 2),
        (CallForm("", ""), ONE.replace("arguments", "parameters"), "", 1),
        (CallForm("", ""), "No tools needed.", "No tools needed.", 0),
        (CallForm("", ""), '{"name": "other", "arguments": {}}', '{"name": "other", "arguments": {}}', 0),
        (CallForm("<tool_call>", "</tool_call>"), "<tool_call>{broken", "<tool_call>{broken", 0),
        (
            CallForm("<tool_call>", "</tool_call>"),
            f"With <tool_call> I call.\n<tool_call>{ONE}</tool_call>\nWait.",
            "With <tool_call> I call.\n\nWait.",
            1,
        ),
        (CallForm("", ""), f"{ONE} Wait.", "Wait.", 1),
        *(
            (CallForm("", ""), text, text, 0)
            for text in ('{"name": ["look"]}', '{"name": {}}', '{"function": 5}', "[]", "[5]", '"look"', "")
        ),
    ],
)
def test_calls_of_known_tools_are_read(form: CallForm, text: str, words: str, calls: int) -> None:
    found = calls_in(text, form, {"look"})
    assert found[0] == words
    assert called(found[1]) == [("look", {"city": "Bern"})] * calls
    assert len({call["id"] for call in found[1]}) == calls


def test_arguments_that_are_left_out_or_null_are_none() -> None:
    for text in ('{"name": "look"}', '{"name": "look", "arguments": null}'):
        assert called(calls_in(text, CallForm("", ""), {"look"})[1]) == [("look", {})]


def test_text_is_held_back_only_while_it_may_be_a_call() -> None:
    watch = CallWatch(CallForm("<tool_call>", "</tool_call>"))
    assert [watch.add(piece) for piece in ("a < b ", "<to", "ol", " x", "<tool_call>{")] == [
        "a < b ",
        "",
        "",
        "<tool x",
        "",
    ]
    bare = CallWatch(CallForm("", ""))
    assert [bare.add(piece) for piece in (" ", "Well", " {")] == ["", " Well", " {"]
    held = CallWatch(CallForm("", ""))
    assert [held.add(piece) for piece in ("{", "x")] == ["", ""]


class Scripted:
    """Says what it is told to, a few letters at a time."""

    alive = True
    text = ""

    def reply(self, *words: Any, **options: Any) -> Iterator[str | Reply]:
        for start in range(0, len(self.text), 7):
            yield self.text[start : start + 7]
        yield Reply(self.text, "stop", 5, 0, 9, 0.1, 0.2)

    def close(self) -> None:
        """Nothing to free."""


@pytest.mark.parametrize("stream", [False, True])
def test_openais_client_gets_calls(stream: bool) -> None:
    model = Scripted()
    form = CallForm("<tool_call>", "</tool_call>")
    offer = Offer("one", "x", True, lambda: model, form)
    asked: Any = {"model": "one", "messages": [{"role": "user", "content": "Where?"}], "tools": TOOLS}
    with (
        ModelServer([offer], new_key(), SilentReporter()) as server,
        openai.OpenAI(base_url=server.base_url, api_key=server.key, max_retries=0) as client,
    ):
        for text, words, count, finish in (
            (f"I look.\n<tool_call>\n{ONE}\n</tool_call>", "I look.", 1, "tool_calls"),
            ("It is < 3 km away, <tool", "It is < 3 km away, <tool", 0, "stop"),
            (
                f"<tool_call> is it: <tool_call>{ONE}</tool_call> Wait.",
                "<tool_call> is it:  Wait.",
                1,
                "tool_calls",
            ),
        ):
            model.text = text
            if not stream:
                choice = client.chat.completions.create(**asked).choices[0]
                content, calls, ended = (
                    choice.message.content,
                    choice.message.tool_calls or [],
                    choice.finish_reason,
                )
            else:
                content, calls, ended = "", [], None
                for chunk in client.chat.completions.create(**asked, stream=True):
                    content += chunk.choices[0].delta.content or ""
                    calls += chunk.choices[0].delta.tool_calls or []
                    ended = chunk.choices[0].finish_reason or ended
            assert (content or "").strip() == words
            assert [call.function.name for call in calls] == ["look"] * count
            assert [json.loads(call.function.arguments) for call in calls] == [{"city": "Bern"}] * count
            assert ended == finish
