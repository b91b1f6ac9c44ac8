"""The forecast, against what then happens."""

from engine.inference.pricing import PriceList
from engine.judging.forecast import forecast_judging
from engine.judging.pairs import Goal, PairChooser
from engine.judging.reference import ReferenceJudge
from engine.judging.standing import undecided_among
from engine.judging.verdicts import Contestant
from engine.metrics import metric_named
from tests.engine.judging.arena import KEY, MARKS, MemoryLedger, field, judge_of, judged, prompts
from tests.fake_openai import FakeOpenAI, Truth


def chooser(contestants: list[Contestant], count: int, **options) -> PairChooser:
    rule = undecided_among(contestants)
    return PairChooser(
        contestants, prompts(count), Goal("ranking"), undecided=rule, everything=True, **options
    )


def test_the_bill_lies_between_nothing_and_what_was_forecast() -> None:
    contestants, ledger, price = field(6), MemoryLedger(), PriceList().require("gpt-4o")
    with FakeOpenAI(Truth(key=KEY, strengths=MARKS)) as server:
        judge = judge_of(server)
        plan = forecast_judging(chooser(contestants, 6), judge, ledger, price)
        assert server.usage.requests == 0
        summary = judged(judge, contestants, prompts(6), ledger).summary
    assert (plan.comparisons, plan.calls, plan.identical, plan.cached) == (36, 72, 0, 0)
    assert summary.calls == plan.calls
    assert 0.3 < summary.cost_usd / plan.expected_usd < 2
    assert summary.cost_usd < plan.most_usd


def test_what_is_judged_already_and_what_is_identical_costs_nothing() -> None:
    contestants, ledger, price = field(6), MemoryLedger(), PriceList().require("gpt-4o")
    twin = Contestant("id-twin", "twin", "twin", contestants[0].answers)
    with FakeOpenAI(Truth(key=KEY, strengths=MARKS)) as server:
        judge = judge_of(server)
        judged(judge, contestants, prompts(6), ledger)
        plan = forecast_judging(chooser([*contestants, twin], 6), judge, ledger, price)
    # The twin's answers are the first contestant's: its other pairs have been asked under another name.
    assert (plan.comparisons, plan.identical, plan.calls, plan.cached) == (60, 6, 0, 108)
    assert plan.most_usd == 0


def test_the_reference_judge_is_free() -> None:
    plan = forecast_judging(
        chooser(field(6), 6, max_comparisons=10), ReferenceJudge(metric_named("rouge_l")), MemoryLedger()
    )
    assert (plan.comparisons, plan.calls, plan.most_usd) == (10, 10, 0.0)
    assert "nothing" in plan.explanation
