"""The judging loop, against a real local server."""

import threading
import time
from typing import Any

import pytest

from engine.inference.budget import Budget
from engine.inference.endpoint_failures import EndpointError
from engine.inference.pricing import PriceError, PriceList
from engine.judging.model_judge import local_judge
from engine.judging.prompt import judge_prompt
from engine.judging.verdicts import Comparison, Contestant, comparisons
from engine.progress import SilentReporter
from engine.ranking import Verdict, VerdictTable, rank
from tests.engine.judging.arena import KEY, MARKS, MemoryLedger, endpoint, field, judge_of, judged, prompts
from tests.fake_openai import FakeOpenAI, Truth

IN_ORDER = ["Quokka", "Zebra", "Aardvark", "Mongoose"]


@pytest.fixture
def server():
    with FakeOpenAI(Truth(key=KEY, strengths=dict(MARKS))) as fake:
        yield fake


def ranked(made: list[Comparison]) -> list[str]:
    table = VerdictTable.from_rows(Verdict(one.name_a, one.name_b, one.winner, one.prompt_id) for one in made)
    return [row.name for row in rank(table).contestants]


def test_the_truth_comes_out_in_the_right_order(server: FakeOpenAI) -> None:
    server.truth.tie_rate = 0.1
    result = judged(judge_of(server), field(15), prompts(15))
    assert ranked(result.comparisons) == IN_ORDER
    assert result.summary.comparisons == 90
    assert result.summary.calls == server.usage.calls.total() == 180
    assert result.summary.failed == 0
    assert result.summary.stopped == "done"
    assert result.summary.cost_usd == pytest.approx(server.usage.cost("gpt-4o", 2.5, 10.0))
    assert server.usage.most_at_once > 1


def test_asking_in_both_orders_takes_the_position_out(server: FakeOpenAI) -> None:
    # The first place is worth more than two steps of quality: whoever is asked once wins by the order.
    server.truth.first_bonus = 3.5
    server.truth.certain = True
    result = judged(judge_of(server), field(10), prompts(10))
    assert result.summary.swap_consistency == pytest.approx(1 / 6)
    assert result.summary.ties == 50
    wins = {(one.name_a, one.winner) for one in result.comparisons if one.winner != "tie"}
    assert wins <= {("Quokka", "a"), ("Mongoose", "b")}


def test_free_text_verdicts_serve_as_well(server: FakeOpenAI) -> None:
    server.truth.structured = False
    server.truth.certain = True
    result = judged(judge_of(server), field(4), prompts(4))
    assert ranked(result.comparisons) == IN_ORDER
    assert result.summary.failed == 0


def test_no_name_of_anybody_reaches_the_judge(server: FakeOpenAI) -> None:
    judged(judge_of(server), field(5), prompts(5))
    sent = str(server.usage.bodies)
    assert "splendid" in sent
    for contestant in field(5):
        for name in (contestant.name, contestant.id, contestant.entrant):
            assert name not in sent


def test_identical_answers_are_a_tie_without_a_call(server: FakeOpenAI) -> None:
    one, other = field(5)[0], field(5)[1]
    answers = {name: f"  {text}\n" for name, text in one.answers.items()}
    twin = Contestant("id-twin", "twin", "twin", answers)
    ledger = MemoryLedger()
    result = judged(judge_of(server), [one, twin], prompts(5), ledger)
    assert server.usage.requests == 0
    assert (result.summary.comparisons, result.summary.ties, result.summary.calls) == (5, 5, 0)
    assert result.summary.swap_consistency is None
    assert result.summary.cost_usd == 0
    assert len(comparisons(ledger.verdicts)) == 5
    again = judged(judge_of(server), [one, twin], prompts(5), ledger)
    assert (again.summary.cached, len(ledger.verdicts)) == (0, 10)
    assert other.id != twin.id


def test_nothing_paid_for_is_asked_twice(server: FakeOpenAI) -> None:
    ledger = MemoryLedger()
    first = judged(judge_of(server), field(6), prompts(6), ledger)
    stored = list(ledger.verdicts)
    asked = server.usage.requests
    again = judged(judge_of(server), field(6)[::-1], prompts(6), ledger)
    assert server.usage.requests == asked
    assert (again.summary.calls, again.summary.cached, again.summary.cost_usd) == (0, 72, 0.0)
    assert again.comparisons == first.comparisons
    assert ledger.verdicts == stored


def test_the_same_texts_under_another_name_are_not_asked_again_even_at_the_same_time(
    server: FakeOpenAI,
) -> None:
    server.truth.latency = 0.01
    one, other = field(6)[:2]
    twins = [Contestant(f"id-{number}", f"twin {number}", "twin", one.answers) for number in range(3)]
    ledger = MemoryLedger()
    result = judged(judge_of(server), [one, other, *twins], prompts(6), ledger, parallel=8)
    # Four contestants with the same answers against one: six prompts in two orders are asked.
    assert server.usage.requests == result.summary.calls == 12
    assert result.summary.cached == 36
    assert result.summary.comparisons == len(comparisons(ledger.verdicts)) == 60
    assert sum(verdict.cost_usd for verdict in ledger.verdicts) == pytest.approx(result.summary.cost_usd)


@pytest.mark.parametrize("failure", ["refusal", "filter", "empty", "prose", "wrong-verdict", "400"])
def test_an_unusable_verdict_is_stored_never_scored_and_asked_again_next_time(
    server: FakeOpenAI, failure: str
) -> None:
    server.truth.failures = [failure] * 3
    ledger = MemoryLedger()
    result = judged(judge_of(server), field(5), prompts(5), ledger, parallel=1)
    failed = [verdict for verdict in ledger.verdicts if verdict.state == "failed"]
    assert len(failed) == result.summary.failed == 3
    assert all(verdict.winner is None and verdict.reason for verdict in failed)
    assert result.summary.comparisons == len(comparisons(ledger.verdicts)) == 27
    asked = server.usage.requests
    again = judged(judge_of(server), field(5), prompts(5), ledger)
    # Each of the three needs its first order again, and its second for the first time.
    assert server.usage.requests == asked + 6
    assert (again.summary.comparisons, again.summary.failed) == (30, 0)


def test_a_job_that_was_interrupted_goes_on_with_what_it_asked_failed_or_not(server: FakeOpenAI) -> None:
    server.truth.failures = ["refusal"] * 3
    ledger = MemoryLedger()
    with pytest.raises(InterruptedError):
        judged(judge_of(server), field(5), prompts(5), ledger, parallel=1, reporter=Interrupter(10))
    before = list(ledger.verdicts)
    rest = judged(judge_of(server), field(5), prompts(5), ledger, earlier=before, parallel=1)
    # Three pairs failed in their first order, and are neither asked nor stored again.
    assert server.usage.requests == len(ledger.verdicts) == 60 - 3
    whole = rest.summary
    assert (whole.calls, whole.cached, whole.failed, whole.comparisons) == (57, 0, 3, 27)
    assert whole.cost_usd == pytest.approx(sum(verdict.cost_usd for verdict in ledger.verdicts))


def test_a_failure_is_shared_by_the_same_texts_and_noted_once_for_each_pair(server: FakeOpenAI) -> None:
    server.truth.failures = ["refusal"]
    one, other = field(1)[:2]
    twin = Contestant("id-twin", "twin", "twin", other.answers)
    ledger = MemoryLedger()
    for _ in range(2):
        asked = ledger.verdicts[:1]
        judged(judge_of(server), [one, other, twin], prompts(1), ledger, earlier=asked, parallel=1)
        failed = [verdict for verdict in ledger.verdicts if verdict.state == "failed"]
        assert (server.usage.requests, len(failed)) == (1, 2)


@pytest.mark.parametrize("failure", ["429", "500", "drop", "cut", "cut-json", "wrong-json"])
def test_passing_failures_leave_no_trace_in_the_verdicts(server: FakeOpenAI, failure: str) -> None:
    server.truth.failures = [failure, "ok"] * 6
    result = judged(judge_of(server), field(3), prompts(3), parallel=1)
    assert (result.summary.comparisons, result.summary.failed) == (18, 0)
    assert len(server.usage.failures) == 6


def test_the_budget_is_never_passed_and_what_it_bought_is_kept(server: FakeOpenAI) -> None:
    server.truth.failures = ["ok", "drop", "ok", "500", "cut-json", "ok", "429"] * 10
    ledger, limit = MemoryLedger(), 0.06  # enough for both orders of a pair, in whichever order answers come
    money = Budget(limit)
    result = judged(judge_of(server, budget=money), field(20), prompts(20), ledger, parallel=6)
    paid = server.usage.cost("gpt-4o", 2.5, 10.0)
    assert result.summary.stopped == "budget"
    assert 0.3 * limit < paid <= money.spent_usd <= limit
    assert 0 < result.summary.comparisons < 120
    server.truth.failures = []
    bought = sum(verdict.state == "ok" for verdict in ledger.verdicts)
    assert bought > 0
    more = judged(judge_of(server, budget=Budget(5.0)), field(20), prompts(20), ledger)
    assert more.summary.stopped == "done"
    assert more.summary.comparisons == 120
    assert more.summary.calls == 240 - bought


def test_a_budget_of_nothing_asks_nothing(server: FakeOpenAI) -> None:
    result = judged(judge_of(server, budget=Budget(0.0)), field(3), prompts(3))
    assert (server.usage.requests, result.summary.stopped, result.summary.comparisons) == (0, "budget", 0)


def test_the_number_of_comparisons_can_be_limited(server: FakeOpenAI) -> None:
    result = judged(judge_of(server), field(9), prompts(9), most=10)
    assert (result.summary.comparisons, result.summary.calls, result.summary.stopped) == (
        10,
        20,
        "max_comparisons",
    )


@pytest.mark.parametrize("failure", ["quota", "403", "402"])
def test_what_would_fail_again_ends_the_run_at_once(server: FakeOpenAI, failure: str) -> None:
    server.truth.failures = ["ok"] * 6 + [failure] * 50
    ledger = MemoryLedger()
    with pytest.raises(EndpointError) as caught:
        judged(judge_of(server), field(9), prompts(9), ledger)
    assert caught.value.fatal
    assert len(ledger.verdicts) == 6
    assert server.usage.requests <= 6 + 4
    server.truth.failures = []
    result = judged(judge_of(server), field(9), prompts(9), ledger)
    assert (result.summary.comparisons, result.summary.cached) == (54, 6)


def test_a_wrong_key_and_a_closed_port_end_in_one_sentence(server: FakeOpenAI) -> None:
    with pytest.raises(EndpointError, match="does not accept the API key"):
        judged(judge_of(server, key="sk-wrong-0000000"), field(3), prompts(3))
    with FakeOpenAI() as gone:
        pass
    with pytest.raises(EndpointError, match="cannot be reached"):
        judged(judge_of(gone), field(3), prompts(3))


def test_an_endpoint_that_keeps_failing_is_left_alone_after_a_while(server: FakeOpenAI) -> None:
    server.truth.failures = ["500"] * 10_000
    ledger = MemoryLedger()
    with pytest.raises(EndpointError, match="status 500"):
        judged(judge_of(server), field(20), prompts(20), ledger)
    assert 8 <= len(ledger.verdicts) < 16
    assert {verdict.state for verdict in ledger.verdicts} == {"failed"}
    assert comparisons(ledger.verdicts) == []


def test_a_judge_without_a_price_is_refused_before_anything_is_sent(server: FakeOpenAI) -> None:
    server.truth.models.append("mystery")
    with pytest.raises(PriceError):
        judge_of(server, model="mystery")
    free = judge_of(server, model="mystery", prices=PriceList({"mystery": {"input": 0, "output": 0}}))
    assert judged(free, field(2), prompts(2)).summary.cost_usd == 0


class Interrupter(SilentReporter):
    """Interrupts after some progress, as a job's context does when it is paused."""

    def __init__(self, after: int) -> None:
        self._left = after

    def progress(self, done: float, total: float | None, unit: str, /, **data: Any) -> None:
        self._left -= 1

    def check(self) -> None:
        if self._left <= 0:
            raise InterruptedError


def test_an_interrupt_keeps_every_answer_that_was_paid(server: FakeOpenAI) -> None:
    server.truth.latency = 0.01
    ledger = MemoryLedger()
    threads = threading.active_count()
    with pytest.raises(InterruptedError):
        judged(judge_of(server), field(9), prompts(9), ledger, reporter=Interrupter(10))
    assert server.usage.calls.total() == len(ledger.verdicts) < 108
    assert threading.active_count() <= threads + 4 + 1  # the server's own connection threads
    result = judged(judge_of(server), field(9), prompts(9), ledger)
    assert server.usage.calls.total() == 108
    assert result.summary.comparisons == 54


def test_an_interrupt_does_not_wait_for_a_long_retry(server: FakeOpenAI) -> None:
    class Waiting(SilentReporter):
        """Interrupts once every thread waits for its next attempt."""

        waiting = 0

        def event(self, type: str, /, **data: Any) -> None:
            self.waiting += type == "endpoint.retry"

        def check(self) -> None:
            if self.waiting >= 4:
                raise InterruptedError

    server.truth.failures = ["ok"] * 8 + ["429:60"] * 20
    started, reporter = time.monotonic(), Waiting()
    with pytest.raises(InterruptedError):
        judged(judge_of(server, reporter=reporter), field(9), prompts(9), reporter=reporter)
    assert time.monotonic() - started < 20
    assert server.usage.requests == 8 + 4


def test_a_ledger_that_cannot_write_ends_the_run(server: FakeOpenAI) -> None:
    class Full(MemoryLedger):
        def add(self, verdicts) -> None:
            if len(self.verdicts) >= 5:
                raise OSError(28, "No space left on device")
            super().add(verdicts)

    ledger = Full()
    with pytest.raises(OSError, match="No space"):
        judged(judge_of(server), field(9), prompts(9), ledger)
    assert server.usage.requests <= 5 + 4


def test_every_paid_verdict_is_committed_by_itself(server: FakeOpenAI) -> None:
    ledger = MemoryLedger()
    result = judged(judge_of(server), field(4), prompts(4), ledger)
    assert ledger.commits == result.summary.calls == 48


def test_a_local_model_judges_with_the_same_prompt_and_reading(server: FakeOpenAI) -> None:
    server.truth.free_text = True
    server.truth.certain = True
    model = endpoint(server)

    def complete(messages, schema):
        return model.complete(messages, "gpt-4o")

    judge = local_judge("my-judge", "0" * 64, complete, prompt=judge_prompt())
    result = judged(judge, field(4), prompts(4), parallel=1)
    assert judge.name == "local:my-judge"
    assert ranked(result.comparisons) == IN_ORDER
    assert server.usage.most_at_once == 1


def test_finding_the_best_takes_fewer_calls_than_ranking_all(server: FakeOpenAI) -> None:
    result = judged(judge_of(server), field(60), prompts(60), goal="best")
    assert ranked(result.comparisons)[0] == "Quokka"
    assert result.summary.stopped == "done"
    assert result.summary.comparisons < 6 * 60 / 2
    beat = judged(judge_of(server), field(60), prompts(60), goal="beat:Zebra")
    assert beat.summary.comparisons < 3 * 60
    assert {"Zebra"} <= set.intersection(*({one.name_a, one.name_b} for one in beat.comparisons))
