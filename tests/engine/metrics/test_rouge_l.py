"""ROUGE-L, against the reference implementation and by hand."""

import pytest
from rouge_score.rouge_scorer import RougeScorer

from engine.metrics import metric_named

ROUGE = metric_named("rouge_l")


def test_it_is_the_f1_of_the_longest_common_subsequence() -> None:
    # LCS "the cat the mat" = 4 words, precision 4/6, recall 4/5.
    assert ROUGE.score("the cat on the mat", "the small cat sat the mat") == pytest.approx(
        2 * (4 / 6) * (4 / 5) / (4 / 6 + 4 / 5)
    )


@pytest.mark.parametrize(
    "answer",
    [
        "Rain delays the opening by a week.",
        "The opening is delayed, by 7 days!",
        "well_known e-mail",
        "",
        "???",
    ],
)
def test_it_agrees_with_rouge_score_on_english(answer: str) -> None:
    expected = "The opening of the well_known hall is delayed by a week: rain."
    peer = RougeScorer(["rougeL"], use_stemmer=False).score(expected, answer)["rougeL"].fmeasure
    assert ROUGE.score(expected, answer) == pytest.approx(peer)


@pytest.mark.parametrize(("expected", "half"), [("добрый день", "добрый вечер"), ("会議", "会話")])
def test_other_scripts_count_as_well(expected: str, half: str) -> None:
    assert ROUGE.score(expected, expected + ".") == 1
    assert ROUGE.score(expected, half) == pytest.approx(0.5)


def test_texts_without_words_are_equal_only_when_the_same() -> None:
    assert ROUGE.score("?", " ? ") == 1
    assert ROUGE.score("?", "!") == 0
