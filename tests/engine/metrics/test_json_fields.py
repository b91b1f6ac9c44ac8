"""Field accuracy of JSON answers."""

import pytest

from engine.metrics import metric_named

JSON = metric_named("json_fields")
EXPECTED = '{"room": "Blue", "people": 4, "when": {"day": "Monday", "hour": 9}}'


@pytest.mark.parametrize(
    ("answer", "score"),
    [
        (EXPECTED, 1),
        ('{"when":{"hour":9.0,"day":" Monday "},"people":4,"room":"Blue"}', 1),
        ('{"room": "Red", "people": 4, "when": {"day": "Monday", "hour": 9}}', 3 / 4),
        ('{"room": "Blue", "people": 4, "when": {"day": "Monday"}}', 3 / 4),
        ('{"room": "Blue", "people": 4, "when": {"day": "Monday", "hour": 9}, "extra": 1}', 4 / 5),
        ('{"room": "Blue", "people": "4", "when": "Monday"}', 1 / 5),
        ("{}", 0),
        ("[]", 0),
        ("null", 0),
    ],
)
def test_right_fields_are_counted_over_the_fields_of_both(answer: str, score: float) -> None:
    assert JSON.score(EXPECTED, answer) == pytest.approx(score)


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "The room is blue",
        EXPECTED[:-1],
        f"Here it is: {EXPECTED}",
        '{"room": NaN}',
        "[" * 100_000,
        "9" * 5000 + "x",
    ],
)
def test_what_cannot_be_parsed_scores_nothing(answer: str) -> None:
    assert JSON.score(EXPECTED, answer) == 0


@pytest.mark.parametrize("fence", ["```json\n{}\n```", "```\n{}\n```", "Sure!\n\n```json\n{}\n```\nDone."])
def test_a_code_fence_is_tolerated(fence: str) -> None:
    assert JSON.score(EXPECTED, fence.replace("{}", EXPECTED)) == 1


def test_a_list_is_a_field_whose_order_does_not_matter() -> None:
    expected = '{"tags": ["a", "b", "b"], "n": 1}'
    assert JSON.score(expected, '{"n": 1, "tags": ["b", "a", "b"]}') == 1
    assert JSON.score(expected, '{"n": 1, "tags": ["a", "b"]}') == 0.5
    assert JSON.score(expected, '{"n": 1, "tags": ["a", "a", "b"]}') == 0.5


def test_the_items_of_a_whole_list_are_its_fields() -> None:
    assert JSON.score('[{"x": 1}, {"y": 2}]', '[{"y": 2}, {"x": 1}]') == 1
    assert JSON.score('[{"x": 1}, {"y": 2}]', '[{"y": 2}]') == 0.5
    assert JSON.score("[]", "[]") == 1


def test_a_dot_in_a_key_is_no_path_and_true_is_no_number() -> None:
    assert JSON.score('{"a": {"b": 1}}', '{"a.b": 1}') == 0
    assert JSON.score('{"a": 1}', '{"a": true}') == 0
    assert JSON.score('{"a": null}', "{}") == 0
