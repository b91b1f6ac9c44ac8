"""What a judge's own verdicts say about it."""

from engine.judging.health import judge_health
from engine.judging.reference import ReferenceJudge
from engine.metrics import metric_named
from tests.engine.judging.arena import KEY, MARKS, MemoryLedger, field, judge_of, judged, prompts
from tests.fake_openai import FakeOpenAI, Truth


def test_a_good_judge_has_no_warnings() -> None:
    ledger, contestants = MemoryLedger(), field(8)
    with FakeOpenAI(Truth(key=KEY, strengths=MARKS, certain=True)) as server:
        judged(judge_of(server), contestants, prompts(8), ledger)
    health = judge_health(ledger.verdicts, contestants)
    assert (health.verdicts, health.swap_consistency, health.first_position_rate) == (96, 1.0, 0.5)
    assert (health.tie_rate, health.unread_rate) == (0.0, 0.0)
    assert not [warning for warning in health.warnings if "longer" not in warning]


def test_a_judge_that_looks_at_the_order_is_told_from_one_that_does_not() -> None:
    ledger, contestants = MemoryLedger(), field(8)
    with FakeOpenAI(Truth(key=KEY, strengths=MARKS, first_bonus=50.0)) as server:
        judged(judge_of(server), contestants, prompts(8), ledger)
    health = judge_health(ledger.verdicts, contestants)
    assert (health.swap_consistency, health.first_position_rate) == (0.0, 1.0)
    assert any("order" in warning for warning in health.warnings)
    assert any("shown first" in warning for warning in health.warnings)


def test_unread_verdicts_and_a_taste_for_length_are_told() -> None:
    ledger, contestants = MemoryLedger(), field(8)
    # "splendid" is the longest mark, "poor" and "plain" the shortest: here length and quality coincide.
    with FakeOpenAI(Truth(key=KEY, strengths=MARKS, certain=True, failures=["prose"] * 12)) as server:
        judged(judge_of(server), contestants, prompts(8), ledger, parallel=1)
    health = judge_health(ledger.verdicts, contestants)
    assert health.unread_rate == 12 / (36 * 2 + 12)
    assert health.longer_rate is not None
    assert health.longer_rate > 0.8
    assert any("could not be used" in warning for warning in health.warnings)
    assert any("longer answer" in warning for warning in health.warnings)


def test_a_judge_that_sees_no_order_has_no_position_measures() -> None:
    ledger, contestants = MemoryLedger(), field(8)
    judged(ReferenceJudge(metric_named("rouge_l")), contestants, prompts(8), ledger)
    health = judge_health(ledger.verdicts, contestants)
    assert health.swap_consistency is None
    assert health.first_position_rate is None
    assert health.verdicts == 48


def test_without_verdicts_nothing_is_claimed() -> None:
    health = judge_health([], [])
    assert (health.verdicts, health.tie_rate, health.unread_rate, health.warnings) == (0, None, None, ())
