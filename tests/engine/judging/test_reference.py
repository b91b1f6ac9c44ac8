"""The reference judge."""

import pytest

from engine.judging.errors import JudgingError
from engine.judging.reference import ReferenceJudge, words_of_explanation
from engine.judging.verdicts import Contestant, Prompt, Question
from engine.metrics import metric_named
from tests.engine.judging.arena import MemoryLedger, judged, prompts


def ask(judge: ReferenceJudge, expected: str | None, first: str, second: str) -> str | None:
    one, other = Contestant("1", "one", "one", {"p": first}), Contestant("2", "two", "two", {"p": second})
    return judge.judge(Question(Prompt("p", (), expected), one, other)).winner


def test_the_answer_closer_to_the_expected_one_wins() -> None:
    assert ask(ReferenceJudge(metric_named("label")), "renew", "Renew.", "lost card") == "a"
    assert ask(ReferenceJudge(metric_named("label")), "renew", "lost", "renew") == "b"
    assert ask(ReferenceJudge(metric_named("label")), "renew", "lost", "other") == "tie"
    assert ask(ReferenceJudge(metric_named("json_fields")), '{"a": 1, "b": 2}', '{"a": 1}', "broken {") == "a"


def test_scores_within_the_margin_are_a_tie() -> None:
    rouge = metric_named("rouge_l")
    expected, close, closer = "one two three four five", "one two three four", "one two three four six"
    difference = rouge.score(expected, close) - rouge.score(expected, closer)
    assert 0.02 < difference < 0.1
    assert ask(ReferenceJudge(rouge), expected, close, closer) == "a"
    assert ask(ReferenceJudge(rouge, margin=0.1), expected, close, closer) == "tie"
    assert ask(ReferenceJudge(rouge, margin=difference), expected, close, closer) == "tie"


def test_an_example_without_expected_answer_is_named() -> None:
    with pytest.raises(JudgingError, match="example p has none"):
        ask(ReferenceJudge(metric_named("label")), None, "a", "b")


def test_all_pairs_are_judged_free_of_charge_and_once() -> None:
    asked = prompts(10)
    right = {prompt.id: str(prompt.expected) for prompt in asked}
    half = {
        prompt.id: text if index % 2 else "wrong"
        for index, (prompt, text) in enumerate(zip(asked, right.values(), strict=True))
    }
    none = {prompt.id: "nothing" for prompt in asked}
    field = [
        Contestant(name, name, name, answers) for name, answers in (("n", none), ("r", right), ("h", half))
    ]
    ledger = MemoryLedger()
    result = judged(ReferenceJudge(metric_named("label")), field, asked, ledger)
    assert result.summary.as_dict() == {
        "comparisons": 30,
        "calls": 25,
        "cached": 0,
        "ties": 10,
        "failed": 0,
        "swap_consistency": None,
        "cost_usd": 0.0,
        "stopped": "done",
    }
    wins = dict.fromkeys("nrh", 0)
    for one in result.comparisons:
        if one.winner != "tie":
            wins[one.contestant_a if one.winner == "a" else one.contestant_b] += 1
    assert wins == {"r": 15, "h": 5, "n": 0}
    again = judged(ReferenceJudge(metric_named("label")), field, asked, ledger)
    assert (again.summary.calls, again.summary.cached) == (0, 25)
    assert again.comparisons == result.comparisons
    assert len(ledger.verdicts) == 30


def test_another_metric_or_margin_is_another_judge() -> None:
    label, rouge = ReferenceJudge(metric_named("label")), ReferenceJudge(metric_named("rouge_l"))
    assert (
        len(
            {
                label.prompt_sha256,
                rouge.prompt_sha256,
                ReferenceJudge(metric_named("rouge_l"), 0.5).prompt_sha256,
            }
        )
        == 3
    )


def test_what_it_says_is_read_again() -> None:
    one, other = Contestant("1", "one", "one", {"p": "renew"}), Contestant("2", "two", "two", {"p": "x"})
    said = ReferenceJudge(metric_named("label"), margin=1e-5).judge(
        Question(Prompt("p", (), "renew"), one, other)
    )
    read = words_of_explanation(said.explanation)
    assert read == said.explanation
    assert read.told(lambda text: f"<{text}>") == "<<Exact label> 1.000 against 0.000, margin 1e-05.>"
    assert words_of_explanation("The first one is better, margin 3.") is None
