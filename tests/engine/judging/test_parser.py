"""Reading verdicts, structured and free."""

import json
from pathlib import Path

import pytest

from engine.judging.parser import read_verdict


def winner(text: str) -> str | None:
    reading = read_verdict(text)
    return reading.winner if reading else None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"explanation": "B is wrong.", "verdict": "A"}', "a"),
        ('```json\n{"verdict": "B", "explanation": "x"}\n```', "b"),
        ('Here you are: {"explanation": "Output (a) is better? No.", "verdict": "tie"} Done.', "tie"),
        ('{"explanation": "uses {braces} and \\"quotes\\"", "verdict": "Answer B"}', "b"),
        ('{"verdict": "a"}', "a"),
        ('{"explanation": "…", "verdict": "C"}', None),
        ('{"explanation": "…", "verdict": null}', None),
        ('{"explanation": "…", "verdict": ["A"]}', None),
        ('{"explanation": "A is better", "verd', "a"),
        ("A", "a"),
        ("(b)", "b"),
        ("**Answer B**", "b"),
        ("[[A]]", "a"),
        ("Tie", "tie"),
        ("Output (a) is better.", "a"),
        ("Both are fine, but answer B is clearly better than answer A.", "b"),
        ("Therefore, **Response A** is the better one.", "a"),
        ("I prefer Answer B.", "b"),
        ("My verdict: A", "a"),
        ("B wins because it is complete.", "b"),
        ("It's a tie.", "tie"),
        ("Both answers are equally good.", "tie"),
        ("At first answer A seems better. But it invents a date.\nAnswer B is better.", "b"),
        ("Answer A is not better.", None),
        ("A better answer would name the author.", None),
        ("Both texts concern the question.", None),
        ("Answer A is better. Answer B is better.\nHard to say!", None),
        ("", None),
        ("   \n", None),
        ("{" * 5000, None),
        ("answer A " * 5000, None),
    ],
)
def test_a_verdict_is_read_or_not_guessed(text: str, expected: str | None) -> None:
    assert winner(text) == expected


def test_the_explanation_is_the_judges_own() -> None:
    reading = read_verdict('{"explanation": "Only A is complete.", "verdict": "A"}')
    assert reading is not None
    assert reading.explanation == "Only A is complete."
    free = read_verdict("Only A is complete.\nAnswer A is better.")
    assert free is not None
    assert free.explanation.startswith("Only A is complete.")


def test_published_free_text_verdicts_are_read_as_their_authors_read_them(shared: Path) -> None:
    file = shared / "oracles/judge/llmbar/raw_completions.jsonl"
    agree: dict[str, list[bool]] = {}
    unread = 0
    for line in file.read_text(encoding="utf-8").splitlines():
        item = json.loads(line)
        for column, text, names in (
            ("winner", "completion", {"1": "a", "2": "b"}),
            ("winner_swapped", "completion_swapped", {"1": "b", "2": "a"}),
        ):
            if item[column] not in names:
                continue
            read = winner(item[text] or "")
            unread += read is None
            agree.setdefault(item["judge"], []).append(read == names[item[column]])
    shares = {judge: sum(values) / len(values) for judge, values in agree.items()}
    # Nearly all of PaLM2's differences are texts that begin with "Output (b) is better" under a column
    # that holds the other one.
    assert shares.pop("PaLM2") > 0.92
    assert min(shares.values()) > 0.99, shares
    assert unread == 0
