"""Which columns hold question and answer."""

import pytest

from engine.datasets.columns import columns_of, likely_columns


@pytest.mark.parametrize(
    ("columns", "prompt", "answer"),
    [
        (("question", "answer"), "question", "answer"),
        (("id", "text", "label"), "text", "label"),
        (("Text", "Category", "split"), "Text", "Category"),
        (("label", "review"), "review", "label"),
        (("customer_message", "intent_name"), "customer_message", "intent_name"),
        (("source", "target", "prompt", "completion"), "prompt", "completion"),
        (("mail", "reply"), "mail", "reply"),
        (("query", "what we said"), "query", "what we said"),
    ],
)
def test_names_that_people_give_are_known(columns: tuple[str, ...], prompt: str, answer: str) -> None:
    assert likely_columns(columns) == {"prompt": prompt, "completion": answer}


@pytest.mark.parametrize(
    "columns", [(), ("a", "b"), ("text",), ("label", "class", "id"), ("x", "y", "label")]
)
def test_where_it_is_not_likely_nothing_is_said(columns: tuple[str, ...]) -> None:
    assert likely_columns(columns) == {}


def test_what_a_form_uses_is_told_as_far_as_it_is_there() -> None:
    assert columns_of("alpaca", ("Instruction", "input", "output")) == {
        "prompt": "Instruction",
        "completion": "output",
    }
    assert columns_of("openai-chat", ("messages", "tools")) == {"messages": "messages"}
    assert columns_of("columns", ("a", "b")) == columns_of("", ("prompt",)) == {}
