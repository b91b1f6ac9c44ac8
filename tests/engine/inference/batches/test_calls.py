"""Calls in batches, against a real local server."""

import json
from collections.abc import Iterator
from pathlib import Path
from time import process_time
from typing import Any

import pytest

from engine.inference.batches.calls import BatchCalls, Call
from engine.inference.budget import Budget
from engine.inference.completion import Completion
from engine.inference.endpoint import Endpoint
from engine.inference.endpoint_failures import EndpointError, RetryPolicy
from engine.inference.pricing import PriceError, PriceList, most_prompt_tokens
from engine.progress import SilentReporter
from tests.fake_openai import FakeOpenAI, Truth

KEY = "sk-test-0123456789abcdef"


class WaitEndedError(Exception):
    """Somebody asked for an end."""


class Impatient(SilentReporter):
    """Interrupts at its second look."""

    def __init__(self) -> None:
        self.looks = 0

    def check(self) -> None:
        self.looks += 1
        if self.looks > 1:
            raise WaitEndedError


@pytest.fixture
def server() -> Iterator[FakeOpenAI]:
    with FakeOpenAI(Truth(key=KEY)) as fake:
        yield fake


def batch(server: FakeOpenAI, folder: Path, model: str = "gpt-4o", **options: Any) -> BatchCalls:
    one = Endpoint(
        options.pop("name", "openai"),
        server.base_url,
        KEY,
        **{"retries": RetryPolicy(first_wait=0.01), "timeout": 5.0, **options},
    )
    return BatchCalls(one, model, folder, max_tokens=50, first_look=0.01)


def calls(count: int) -> list[Call]:
    return [
        Call(f"c{place}", [{"role": "user", "content": f"Say {place}, Grüße!"}]) for place in range(count)
    ]


def texts(answers: dict[str, Completion | EndpointError]) -> dict[str, str]:
    return {name: one.text for name, one in answers.items() if isinstance(one, Completion)}


def test_all_are_answered_the_first_alone_and_the_others_together_for_half(
    server: FakeOpenAI, tmp_path: Path
) -> None:
    one = batch(server, tmp_path / "batches")
    answers = one.complete(calls(9))
    assert texts(answers) == {f"c{place}": f"Say {place}, Grüße!" for place in range(9)}
    assert (server.usage.requests, server.usage.batched) == (1, 8)
    first = answers["c0"]
    assert isinstance(first, Completion)
    others = server.usage.cost("gpt-4o", 2.5, 10.0) - first.cost_usd
    assert one.endpoint.budget.spent_usd == pytest.approx(first.cost_usd + others / 2)
    assert sum(one.cost_usd for one in answers.values()) == pytest.approx(first.cost_usd + others / 2)


def test_what_was_answered_is_not_sent_again(server: FakeOpenAI, tmp_path: Path) -> None:
    before = batch(server, tmp_path).complete(calls(5))
    again = batch(server, tmp_path).complete([*calls(5)[1:], Call("new", calls(1)[0].messages)])
    assert (server.usage.requests, server.usage.batched) == (2, 4)
    assert texts(again) == {**texts({k: v for k, v in before.items() if k != "c0"}), "new": "Say 0, Grüße!"}


def test_a_model_that_refuses_parameters_is_asked_without_them(server: FakeOpenAI, tmp_path: Path) -> None:
    assert len(texts(batch(server, tmp_path, "o3").complete(calls(4)))) == 4
    assert all("max_tokens" not in body for body in server.usage.bodies[-3:])
    assert all(body["max_completion_tokens"] == 50 for body in server.usage.bodies[-3:])


@pytest.mark.parametrize("broken", [["drop"], ["500", "503"], ["500", "drop"]])
def test_a_lost_answer_begins_no_second_batch(server: FakeOpenAI, tmp_path: Path, broken: list[str]) -> None:
    server.truth.failures = ["ok", *broken]
    assert len(texts(batch(server, tmp_path).complete(calls(4)))) == 4
    assert (len(server.batches.batches), server.usage.batched) == (1, 3)


def test_one_that_does_not_begin_costs_nothing(server: FakeOpenAI, tmp_path: Path) -> None:
    server.truth.failures = ["ok", *["500"] * 6]
    one = batch(server, tmp_path, budget=Budget(1.0))
    with pytest.raises(EndpointError) as failed:
        one.complete(calls(4))
    assert (failed.value.code, server.usage.batched) == ("endpoint.fault", 0)
    paid = server.usage.cost("gpt-4o", 2.5, 10.0)
    assert one.endpoint.budget.free_usd == pytest.approx(1.0 - paid)
    assert len(texts(batch(server, tmp_path).complete(calls(4)))) == 4
    assert server.usage.requests == 2


def test_an_interrupted_wait_goes_on_with_the_same_batch_and_its_true_cost(
    server: FakeOpenAI, tmp_path: Path
) -> None:
    journal, folder = tmp_path / "budget.jsonl", tmp_path / "batches"
    server.truth.batch_looks = 10_000
    with pytest.raises(WaitEndedError):
        batch(server, folder, budget=Budget(1.0, journal=journal), reporter=Impatient()).complete(calls(6))
    most = Budget(1.0, journal=journal).spent_usd
    server.batches._looks["batch_1"] = 0
    for _ in range(2):
        budget = Budget(1.0, journal=journal)
        answers = batch(server, folder, budget=budget).complete(calls(6)[1:])
        assert len(texts(answers)) == 5
        assert (server.usage.batched, len(server.batches.batches)) == (5, 1)
        paid = server.usage.cost("gpt-4o", 2.5, 10.0)
        assert paid / 2 < budget.spent_usd < paid < most


def test_one_whose_id_was_never_read_is_found_by_its_token(server: FakeOpenAI, tmp_path: Path) -> None:
    server.truth.batch_looks = 10_000
    with pytest.raises(WaitEndedError):
        batch(server, tmp_path, reporter=Impatient()).complete(calls(4))
    file = tmp_path / "0002.json"
    noted = json.loads(file.read_text())
    file.write_text(json.dumps({**noted, "id": ""}))
    server.batches._looks["batch_1"] = 0
    assert len(texts(batch(server, tmp_path).complete(calls(4)[1:]))) == 3
    assert len(server.batches.batches) == 1


def test_one_that_never_came_to_be_is_sent_anew(server: FakeOpenAI, tmp_path: Path) -> None:
    file = tmp_path / "0001.json"
    file.write_text(json.dumps({"token": "t", "id": "", "calls": {"c1": 9}, "reservation": [1, 0.1]}))
    assert len(texts(batch(server, tmp_path).complete(calls(3)))) == 3
    assert server.usage.batched == 2


def test_the_budget_is_kept_and_what_has_no_room_is_left_out(server: FakeOpenAI, tmp_path: Path) -> None:
    one = calls(9)
    most = 2.5 / 1e6 * most_prompt_tokens(one[0].messages) + 50 * 10.0 / 1e6
    # The first at the full price; three of the others at half of it, if all were as dear as they can be.
    budget = Budget(most * 2.6)
    answers = batch(server, tmp_path, budget=budget).complete(one)
    assert set(answers) == {f"c{place}" for place in range(server.usage.batched + 1)}
    assert 3 <= server.usage.batched < 8
    assert budget.spent_usd <= most * 2.6
    assert batch(server, tmp_path / "other", budget=Budget(most / 9)).complete(one) == {}


def test_a_model_that_costs_nothing_needs_no_money(server: FakeOpenAI, tmp_path: Path) -> None:
    free = PriceList({"gpt-4o": {"input": 0, "output": 0}})
    budget = Budget(0.0)
    assert len(texts(batch(server, tmp_path, budget=budget, prices=free).complete(calls(5)))) == 5
    assert budget.spent_usd == 0.0


def test_twenty_thousand_calls_are_put_together_in_seconds(tmp_path: Path) -> None:
    with FakeOpenAI(Truth()) as nobody:
        one = batch(nobody, tmp_path)
    began = process_time()
    (made,) = one._affordable(calls(20_000))
    assert (len(made.lines), made.size) == (20_000, sum(map(len, made.lines)))
    assert process_time() - began < 10.0


def test_calls_that_failed_and_those_that_came_too_late_are_told(server: FakeOpenAI, tmp_path: Path) -> None:
    server.truth.failures = ["ok", "ok", "ok", "500"]
    answers = batch(server, tmp_path / "a").complete(calls(5))
    assert len(texts(answers)) == 4
    (failed,) = [one for one in answers.values() if isinstance(one, EndpointError)]
    assert (failed.code, failed.cost_usd) == ("endpoint.batch_call", 0.0)
    assert "The server had an error" in failed.message

    server.truth.batch_end = "expired"
    late = batch(server, tmp_path / "b").complete(calls(9))
    assert sorted(texts(late)) == [f"c{place}" for place in range(5)]
    assert {one.code for one in late.values() if isinstance(one, EndpointError)} == {"endpoint.batch_call"}
    assert set(late) == {f"c{place}" for place in range(9)}


def test_a_call_without_a_line_is_told(server: FakeOpenAI, tmp_path: Path) -> None:
    one = batch(server, tmp_path)
    one.complete(calls(4))
    stored = tmp_path / "0002.jsonl"
    lines = stored.read_bytes().splitlines()
    stored.write_bytes(b"\n".join([lines[0], b"{half a li", b""]))
    answers = batch(server, tmp_path).complete(calls(4)[1:])
    assert len(texts(answers)) == 1
    codes = [one.code for one in answers.values() if isinstance(one, EndpointError)]
    assert codes == ["endpoint.batch_unanswered"] * 2


def test_a_refused_batch_costs_nothing(server: FakeOpenAI, tmp_path: Path) -> None:
    server.truth.batch_end = "failed"
    budget = Budget(1.0)
    with pytest.raises(EndpointError, match="The file is too odd") as refused:
        batch(server, tmp_path, budget=budget).complete(calls(4))
    assert (refused.value.code, refused.value.fatal) == ("endpoint.batch_refused", True)
    assert budget.spent_usd == pytest.approx(server.usage.cost("gpt-4o", 2.5, 10.0))
    assert budget.free_usd == pytest.approx(1.0 - budget.spent_usd)


def test_an_endpoint_without_batches_says_so(server: FakeOpenAI, tmp_path: Path) -> None:
    server.truth.batches = False
    with pytest.raises(EndpointError, match="takes no batches") as refused:
        batch(server, tmp_path).complete(calls(4))
    assert (refused.value.code, refused.value.fatal) == ("endpoint.no_batches", True)


def test_an_unknown_model_is_told_before_anything_is_sent(server: FakeOpenAI, tmp_path: Path) -> None:
    with pytest.raises(EndpointError, match="no model"):
        batch(server, tmp_path, "gpt-4.1").complete(calls(4))
    assert not server.batches.files
    with pytest.raises(PriceError):
        batch(server, tmp_path, "mystery")


def test_no_answer_while_waiting_ends_nothing(server: FakeOpenAI, tmp_path: Path) -> None:
    class Away(SilentReporter):
        """Takes the server away at the first look, and brings it back at the second."""

        told = 0

        def event(self, type: str, /, **data: Any) -> None:
            if type == "batch.sent":
                server.truth.key = "another"
            if type == "endpoint.retry":
                self.told += 1
                server.truth.key = KEY

    # A wrong key ends the wait, as nothing would change by waiting.
    away = Away()
    with pytest.raises(EndpointError) as refused:
        batch(server, tmp_path, reporter=away).complete(calls(4))
    assert refused.value.code == "endpoint.key"
    server.truth.key = KEY
    server.truth.batch_faults = 2
    quiet = Away()
    assert len(texts(batch(server, tmp_path, reporter=quiet).complete(calls(4)[1:]))) == 3
    assert quiet.told == 2
    assert len(server.batches.batches) == 1


def test_many_calls_need_several_batches(
    server: FakeOpenAI, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.inference.batches.calls.MOST_CALLS", 4)
    assert len(texts(batch(server, tmp_path).complete(calls(12)))) == 12
    assert len(server.batches.batches) == 3
    monkeypatch.setattr("engine.inference.batches.calls.MOST_BYTES", 500)
    assert len(texts(batch(server, tmp_path / "b").complete(calls(5)))) == 5
    assert len(server.batches.batches) > 4


def test_what_is_under_way_can_be_cancelled(server: FakeOpenAI, tmp_path: Path) -> None:
    server.truth.batch_looks = 10_000
    one = batch(server, tmp_path, reporter=Impatient())
    with pytest.raises(WaitEndedError):
        one.complete(calls(4))
    one.cancel()
    assert server.batches.cancelled == ["batch_1"]
    # Another endpoint's prices know no discount for batches.
    assert batch(server, tmp_path / "x", name="lab")._price.input == 2.5
