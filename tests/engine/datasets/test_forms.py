"""Every form is told from its rows and becomes the same kind of conversation."""

from __future__ import annotations

import json

import pytest

from tests.engine.datasets.conftest import Importer, chat, jsonl, plain

CALLS = [
    {
        "id": "c1",
        "type": "function",
        "function": {"name": "look", "arguments": '{"at": 123456789012345678901234}'},
    },
    {
        "id": "c2",
        "type": "function",
        "function": {"name": "go", "arguments": {"n": 123456789012345678901234, "x": 1.0}},
    },
]
TOOLS = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]


def messages(importer: Importer, row: dict, form: str, **options: object) -> list[dict]:
    imported = importer([row], **options)
    assert imported.report.format == form
    assert imported.heard.decisions["dataset.form"] == form
    return imported.store.page()[0].as_dict()["messages"]


def test_openai_chat(importer: Importer) -> None:
    row = chat(
        ("system", "Be brief."), ("user", "Hi"), ("assistant", "Yo"), ("user", "Bye"), ("assistant", "Ciao")
    )
    assert messages(importer, row, "openai-chat") == row["messages"]


def test_openai_chat_keeps_tool_calls_and_formats_exactly(importer: Importer) -> None:
    row = chat(
        ("user", "Where am I?"),
        {"role": "assistant", "content": None, "tool_calls": CALLS},
        {"role": "tool", "content": "Bern", "tool_call_id": "c1", "name": "look"},
        {"role": "tool", "content": "", "tool_call_id": "c2"},
        ("assistant", "In Bern."),
        tools=TOOLS,
        response_format={"type": "json_object"},
        split="valid",
    )
    example = importer([row]).store.page()[0]
    assert example.as_dict() == {**row, "split": "dev"}
    assert example.messages[1].tool_calls == CALLS


def test_an_answer_may_be_a_tool_call_alone(importer: Importer) -> None:
    row = chat(("user", "Go"), {"role": "assistant", "content": None, "tool_calls": CALLS})
    assert importer([row]).store.page()[0].answer.tool_calls == CALLS


def test_content_in_parts_is_joined_and_developer_is_system(importer: Importer) -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    found = messages(importer, chat(("developer", "D"), ("user", parts), ("assistant", "c")), "openai-chat")
    assert found == [
        {"role": "system", "content": "D"},
        {"role": "user", "content": "ab"},
        {"role": "assistant", "content": "c"},
    ]


def test_input_output_with_split(importer: Importer) -> None:
    imported = importer([{"input": "a", "output": "b", "split": "test"}, {"input": "c", "output": {"k": 1}}])
    assert imported.report.format == "input-output"
    assert imported.pairs == [("a", "b"), ("c", '{"k":1}')]


def test_prompt_completion_of_texts_and_of_messages(importer: Importer) -> None:
    as_messages = {
        "prompt": [{"role": "system", "content": "S"}, {"role": "user", "content": "q"}],
        "completion": [{"role": "assistant", "content": "a"}],
    }
    assert len(messages(importer, as_messages, "prompt-completion")) == 3
    assert importer([{"prompt": "q", "completion": 7}]).pairs == [("q", "7")]


def test_alpaca_joins_instruction_and_input(importer: Importer) -> None:
    rows = [
        {"instruction": "Translate.", "input": "Hund", "output": "dog"},
        {"instruction": "Say hi.", "input": "", "output": "hi", "system": "S", "history": [["a", "b"]]},
    ]
    imported = importer(json.dumps(rows), "data.json")
    assert imported.report.format == "alpaca"
    assert imported.pairs == [("Translate.\n\nHund", "dog"), ("Say hi.", "hi")]
    assert [message.role for message in imported.store.page()[1].messages] == [
        "system", "user", "assistant", "user", "assistant"
    ]  # fmt: skip


def test_sharegpt_with_system_and_function_calls(importer: Importer) -> None:
    row = {
        "system": "S",
        "tools": json.dumps(TOOLS),
        "conversations": [
            {"from": "human", "value": "look"},
            {"from": "function_call", "value": '{"name": "look", "arguments": {"x": 1}}'},
            {"from": "observation", "value": "nothing"},
            {"from": "gpt", "value": "There is nothing."},
        ],
    }
    found = messages(importer, row, "sharegpt")
    assert [message["role"] for message in found] == ["system", "user", "assistant", "tool", "assistant"]
    assert found[2]["tool_calls"] == [
        {"type": "function", "function": {"name": "look", "arguments": {"x": 1}}}
    ]


def test_snips_becomes_slots(importer: Importer) -> None:
    rows = [
        {
            "data": [
                {"text": "play "},
                {"text": "jazz", "entity": "genre"},
                {"text": " and "},
                {"text": "folk", "entity": "genre"},
            ]
        },
        {"data": [{"text": "stop"}]},
    ]
    imported = importer(json.dumps({"PlayMusic": rows}, indent=1), "train_PlayMusic.json")
    assert imported.report.format == "snips"
    assert imported.pairs == [("play jazz and folk", '{"genre":["jazz","folk"]}'), ("stop", "{}")]


def test_nlupp_becomes_intents_and_slots(importer: Importer) -> None:
    rows = [
        {"text": "at six", "slots": {"time": {"text": "six", "span": [3, 6], "value": {"hour": 6}}}},
        {"text": "why", "intents": ["why"]},
        {"text": "I come"},
    ]
    imported = importer(json.dumps(rows), "fold0.json")
    assert imported.report.format == "nlupp"
    assert [json.loads(answer or "") for _, answer in imported.pairs] == [
        {"intents": [], "slots": {"time": "six"}},
        {"intents": ["why"], "slots": {}},
        {"intents": [], "slots": {}},
    ]


@pytest.mark.parametrize(
    ("expression", "answer"),
    [
        ("a", "x y"),
        ("b", '{"c":[{"d":"p"},{"d":"q","e":"r"}]}'),
        ("b.c.d", "p q"),
        ("b.c.1.e", "r"),
        ("join(b.c.d)", "pq"),
        ("lines(b.c.d)", "p\nq"),
        ("first(a)", "x"),
        ("json(a)", '["x","y"]'),
        ("json(a, n)", '{"a":["x","y"],"n":3.5}'),
        ("pairs(b.c.d, b.c.e)", '{"p":null,"q":"r"}'),
        ("m.*.t", '{"u":"1","v":"2"}'),
        ("odd.name", "whole"),
        ("t", "true"),
        ("n", "3.5"),
    ],
)
def test_mapping_expressions(importer: Importer, expression: str, answer: str) -> None:
    row = {
        "q": "?",
        "a": ["x", "y"],
        "b": {"c": [{"d": "p"}, {"d": "q", "e": "r"}]},
        "m": {"u": {"t": "1"}, "v": {"t": "2"}},
        "odd.name": "whole",
        "n": 3.5,
        "t": True,
    }
    imported = importer([row], mapping={"prompt": "q", "completion": expression})
    assert imported.report.format == "columns"
    assert imported.pairs == [("?", answer)]


def test_a_map_may_name_messages_system_and_split(importer: Importer) -> None:
    rows = [{"dialog": chat(("user", "u"), ("assistant", "a"))["messages"], "ctx": "C", "fold": "Validation"}]
    imported = importer(rows, mapping={"messages": "dialog", "system": "ctx", "split": "fold"})
    example = imported.store.page()[0]
    assert (example.messages[0].content, example.split) == ("C", "dev")


def test_a_map_of_split_alone_keeps_the_detected_form(importer: Importer) -> None:
    rows = [{**row, "part": "test"} for row in plain(3)]
    imported = importer(rows, mapping={"split": "part"})
    assert (imported.report.format, imported.report.counts["test"]) == ("prompt-completion", 3)


def test_system_goes_where_there_is_none(importer: Importer) -> None:
    rows = [
        chat(("system", "own"), ("user", "u1"), ("assistant", "a")),
        chat(("user", "u2"), ("assistant", "b")),
    ]
    imported = importer(rows, system="given")
    assert [example.messages[0].content for example in imported.store.examples()] == ["own", "given"]


def test_columns_in_other_capitals_are_told(importer: Importer) -> None:
    imported = importer("Prompt , Completion\na,b\n", "data.csv")
    assert imported.pairs == [("a", "b")]
    assert imported.report.format == "prompt-completion"


def test_what_is_not_used_is_told(importer: Importer) -> None:
    heard = importer([{**row, "note": 1} for row in plain(2)]).heard
    assert heard.decisions["dataset.unused_columns"] == ["note"]


def test_format_overrides_the_form(importer: Importer) -> None:
    rows = [{"instruction": "i", "input": "in", "output": "out"}]
    assert importer(rows).report.format == "alpaca"
    assert importer(rows, format="Input_Output").pairs == [("in", "out")]


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"format": "xlsx"}, "dataset.unknown_format"),
        ({"format": "columns"}, "dataset.unknown_form"),
        ({"format": "alpaca"}, "dataset.no_good_row"),
        ({"format": "alpaca", "mapping": {"prompt": "text", "completion": "label"}}, "dataset.form_and_map"),
        ({"mapping": {"question": "text"}}, "dataset.unknown_role"),
        ({"mapping": {"prompt": "text"}}, "dataset.map_incomplete"),
        ({"mapping": {"prompt": "text", "messages": "label"}}, "dataset.map_conflict"),
        ({"mapping": {"prompt": "text", "completion": "lable"}}, "dataset.unknown_column"),
        ({"mapping": {"prompt": "text", "completion": "upper(label)"}}, "dataset.bad_converter"),
        ({"mapping": {"prompt": "text", "completion": "pairs(label)"}}, "dataset.bad_converter"),
        ({"test_share": 0.9, "dev_share": 0.2}, "dataset.bad_shares"),
        ({"test_share": -0.1}, "dataset.bad_shares"),
    ],
)
def test_options_that_cannot_be_meant(importer: Importer, options: dict, code: str) -> None:
    assert importer.refused([{"text": "t", "label": "l"}], **options).code == code


def test_an_unknown_form_names_the_columns_and_the_map_to_write(importer: Importer) -> None:
    error = importer.refused("text,category\nhello,greeting\n", "data.csv")
    assert "text, category" in error.message
    assert "--map prompt=text --map completion=category" in error.fix


def test_published_names_of_roles_do_not_need_a_file(importer: Importer) -> None:
    """A form is what most rows have; the others are faults."""
    imported = importer(jsonl([*plain(5), {"question": "?"}]))
    assert imported.rejected == {6: "row.missing_column"}


def test_mapped_messages_keep_tools_and_response_format(importer: Importer) -> None:
    row = chat(("user", "Hi"), ("assistant", "Yo"), tools=TOOLS, response_format={"type": "json_object"})
    renamed = {"dialog": row.pop("messages"), **row, "id": 7}
    imported = importer([renamed], mapping={"messages": "dialog"})
    example = imported.store.page()[0]
    assert (example.tools, example.response_format) == (TOOLS, {"type": "json_object"})
    assert imported.heard.decisions["dataset.unused_columns"] == ["id"]


def test_keys_of_messages_that_are_left_out_are_told_once(importer: Importer) -> None:
    openai = chat(
        {"role": "user", "content": "Hi", "weight": None},
        {"role": "assistant", "content": "Yo", "weight": 0},
        ("user", "Bye"),
        {"role": "assistant", "content": "Ciao", "weight": 1, "refusal": "no"},
    )
    imported = importer([openai] * 2)
    assert imported.report.examples == 2
    assert imported.heard.decisions["dataset.message_keys"] == ["refusal", "weight"]
    spoken = [{"from": "human", "value": "Hi", "mood": "good"}, {"from": "gpt", "value": "Yo"}]
    assert importer([{"conversations": spoken}]).heard.decisions["dataset.message_keys"] == ["mood"]
    assert "dataset.message_keys" not in importer([chat(("user", "Hi"), ("assistant", "Yo"))]).heard.decisions
