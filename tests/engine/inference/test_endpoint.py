"""Calls to an endpoint, against a real local server."""

import logging
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from engine.errors import BakeoffError
from engine.inference.budget import Budget, BudgetReachedError
from engine.inference.completion import Completion
from engine.inference.endpoint import Endpoint
from engine.inference.endpoint_failures import EndpointError, EndpointStoppedError, RetryPolicy
from engine.inference.pricing import PriceError, PriceList
from engine.progress import SilentReporter
from tests.fake_openai import FakeOpenAI, Truth

KEY = "sk-test-0123456789abcdef"
QUICK = RetryPolicy(first_wait=0.01)
SCHEMA = {
    "type": "object",
    "properties": {"x": {"type": "string"}},
    "required": ["x"],
    "additionalProperties": False,
}


class Listener(SilentReporter):
    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.decisions: list[tuple[str, str, str]] = []

    def event(self, type: str, /, **data: Any) -> None:
        self.events.append((type, data))

    def decision(self, subject: str, choice: Any, reason: str, /, **data: Any) -> None:
        self.decisions.append((subject, choice, reason))


@pytest.fixture
def server():
    with FakeOpenAI(Truth(key=KEY)) as fake:
        yield fake


def endpoint(server: FakeOpenAI, **options: Any) -> Endpoint:
    return Endpoint(
        "openai", server.base_url, options.pop("key", KEY), **{"retries": QUICK, "timeout": 5.0, **options}
    )


def ask(one: Endpoint, text: str = "hello", model: str = "gpt-4o", **options: Any) -> Completion:
    return one.complete([{"role": "user", "content": text}], model, **options)


def test_an_answer_comes_with_its_bill(server: FakeOpenAI) -> None:
    one = endpoint(server)
    completion = ask(one, "Guten Tag, Frau Müller", max_tokens=50)
    assert completion.text == "Guten Tag, Frau Müller"
    assert completion.finish_reason == "stop"
    assert completion.refusal is None
    assert completion.attempts == 1
    assert completion.model_snapshot == "gpt-4o-2024-08-06"
    assert completion.input_tokens == server.usage.input_tokens["gpt-4o"]
    assert completion.cost_usd == pytest.approx(server.usage.cost("gpt-4o", 2.5, 10.0))
    assert one.budget.spent_usd == pytest.approx(completion.cost_usd)
    assert one.models() == sorted(server.truth.models)


def test_the_request_says_what_was_asked_for_and_nothing_else(server: FakeOpenAI) -> None:
    ask(endpoint(server), "x", max_tokens=7, temperature=0.5, schema=SCHEMA, seed=3)
    ask(endpoint(server), "y", temperature=None)
    first, second = server.usage.bodies
    assert (first["max_tokens"], first["temperature"], first["seed"]) == (7, 0.5, 3)
    assert first["response_format"]["json_schema"]["schema"] == SCHEMA
    assert first["response_format"]["json_schema"]["strict"] is True
    assert set(second) == {"model", "messages", "max_tokens"}


def test_tools_and_the_form_of_the_answer_are_sent_along(server: FakeOpenAI) -> None:
    tool = {"type": "function", "function": {"name": "look_up", "parameters": {"type": "object"}}}
    ask(endpoint(server), tools=[tool], response_format={"type": "json_object"})
    assert server.usage.bodies[-1]["tools"] == [tool]
    assert server.usage.bodies[-1]["response_format"] == {"type": "json_object"}


def test_an_answer_at_its_limit_says_so(server: FakeOpenAI) -> None:
    completion = ask(endpoint(server), "word " * 100, max_tokens=5)
    assert completion.finish_reason == "length"
    assert completion.output_tokens == 5


@pytest.mark.parametrize(
    ("failure", "most_lost"),
    [
        ("429", 0),
        ("500", 0),
        ("503", 0),
        ("html:502", 0),
        ("drop", 1),
        ("cut", 1),
        ("cut-json", 1),
        ("wrong-json", 1),
    ],
)
def test_a_passing_failure_is_repeated_and_booked_at_its_worst(
    server: FakeOpenAI, failure: str, most_lost: int
) -> None:
    server.truth.failures = [failure, failure]
    listener = Listener()
    one = endpoint(server, reporter=listener)
    completion = ask(one, max_tokens=100)
    assert completion.text == "hello"
    assert completion.attempts == 3
    assert [name for name, _ in listener.events] == ["endpoint.retry", "endpoint.retry"]
    paid = server.usage.cost("gpt-4o", 2.5, 10.0)
    if most_lost:
        assert completion.cost_usd > paid
    else:
        assert completion.cost_usd == pytest.approx(paid)
    assert one.budget.spent_usd == pytest.approx(completion.cost_usd)


def test_retry_after_is_obeyed(server: FakeOpenAI) -> None:
    server.truth.failures = ["429:0.6"]
    started = time.monotonic()
    assert ask(endpoint(server)).attempts == 2
    assert time.monotonic() - started >= 0.6


def test_a_wait_without_end_is_not_waited_for(server: FakeOpenAI) -> None:
    server.truth.failures = ["429:86400"]
    with pytest.raises(EndpointError, match="86400 s") as caught:
        ask(endpoint(server))
    assert caught.value.fatal


def test_waits_grow_and_differ() -> None:
    policy = RetryPolicy(first_wait=1.0, longest_wait=5.0)
    failure = EndpointError("x", "x", retry=True)
    waits = [[policy.wait(failure, attempt) or 0 for attempt in range(1, 6)] for _ in range(50)]
    for attempt, most in enumerate([1, 2, 4, 5, 5]):
        column = [row[attempt] for row in waits]
        assert all(most / 2 <= value <= most for value in column)
        assert len(set(column)) > 10
    assert policy.wait(failure, 6) is None


@pytest.mark.parametrize(
    ("failure", "times", "sentence"),
    [
        ("500", 6, "failed with status 500"),
        ("drop", 3, "broke off"),
        ("cut-json", 3, "no chat completion"),
        ("429", 6, "asks to wait"),
    ],
)
def test_a_lasting_failure_ends_the_call_but_not_the_run(
    server: FakeOpenAI, failure: str, times: int, sentence: str
) -> None:
    server.truth.failures = [failure] * 20
    with pytest.raises(EndpointError, match=sentence) as caught:
        ask(endpoint(server))
    assert not caught.value.fatal
    assert server.usage.requests == times


@pytest.mark.parametrize(
    ("failure", "code"),
    [("quota", "endpoint.quota"), ("402", "endpoint.quota"), ("403", "endpoint.forbidden")],
)
def test_no_credit_and_no_permission_fail_at_once(server: FakeOpenAI, failure: str, code: str) -> None:
    server.truth.failures = [failure]
    with pytest.raises(EndpointError) as caught:
        ask(endpoint(server))
    assert caught.value.code == code
    assert caught.value.fatal
    assert server.usage.requests == 1


def test_a_slow_answer_is_given_up_and_asked_again(server: FakeOpenAI) -> None:
    server.truth.failures = ["slow:3"]
    completion = ask(endpoint(server, timeout=0.3))
    assert completion.attempts == 2
    # The slow answer may be paid as well.
    assert completion.cost_usd > 1024 * 10.0 / 1e6


def test_a_wrong_key_fails_at_once_and_is_never_shown(
    server: FakeOpenAI, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    wrong = "sk-wrong-9876543210"
    one = endpoint(server, key=wrong)
    with pytest.raises(EndpointError, match="does not accept the API key") as caught:
        ask(one)
    assert caught.value.fatal
    everything = "".join(traceback.format_exception(caught.value)) + repr(one) + str(caught.value.as_dict())
    assert wrong not in everything
    assert wrong not in caplog.text
    assert server.usage.requests == 0


def test_a_key_that_no_header_can_carry_is_refused_unseen() -> None:
    for key in ("sk-\nabc", "sk-ключ", "two words"):
        with pytest.raises(EndpointError, match="characters that no key has") as caught:
            Endpoint("openai", "http://127.0.0.1:1/v1", key)
        assert key not in "".join(traceback.format_exception(caught.value))


def test_secrets_in_a_url_are_not_shown() -> None:
    one = Endpoint(
        "mine",
        "http://user:hush-hush@127.0.0.1:1/v1?token=hush-hush",
        None,
        retries=RetryPolicy(unsent_attempts=1),
    )
    assert one.place == "http://127.0.0.1:1/v1"
    with pytest.raises(EndpointError) as caught:
        one.models()
    assert "hush-hush" not in "".join(traceback.format_exception(caught.value))


def test_nothing_is_taken_from_the_environment(server: FakeOpenAI, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_ADMIN_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"):
        monkeypatch.setenv(name, KEY)
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", f"Authorization: Bearer {KEY}")
    with pytest.raises(EndpointError, match="does not accept"):
        ask(endpoint(server, key=None))


def test_an_unknown_model_and_no_network_are_told_apart(server: FakeOpenAI) -> None:
    with pytest.raises(EndpointError, match="has no model 'gpt-4-turbo'"):
        ask(endpoint(server), model="gpt-4-turbo")
    with FakeOpenAI() as gone:
        pass
    with pytest.raises(EndpointError, match="cannot be reached") as caught:
        ask(endpoint(gone))
    assert caught.value.fatal
    one = endpoint(gone)
    with pytest.raises(EndpointError):
        ask(one)
    assert one.budget.spent_usd == 0


@pytest.mark.parametrize("url", ["", "localhost:8080", "ftp://x/v1", "http://"])
def test_a_url_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(EndpointError, match="no http or https address"):
        Endpoint("mine", url, None)


def test_a_model_without_a_price_is_never_called(server: FakeOpenAI) -> None:
    server.truth.models.append("mystery")
    with pytest.raises(PriceError):
        ask(endpoint(server), model="mystery")
    assert server.usage.requests == 0
    priced = endpoint(server, prices=PriceList({"openai:mystery": {"input": 0, "output": 0}}))
    assert ask(priced, model="mystery").cost_usd == 0


def test_an_endpoint_without_structured_output_is_asked_without_it(server: FakeOpenAI) -> None:
    server.truth.structured = False
    listener = Listener()
    one = endpoint(server, reporter=listener)
    assert not ask(one, schema=SCHEMA).structured
    assert [subject for subject, _, _ in listener.decisions] == ["response_format"]
    asked = server.usage.requests
    ask(one, schema=SCHEMA)
    assert server.usage.requests == asked + 1


def test_a_reasoning_model_gets_its_own_parameters(server: FakeOpenAI) -> None:
    completion = ask(endpoint(server), model="o3", max_tokens=9)
    assert completion.text == "hello"
    assert server.usage.bodies[-1]["max_completion_tokens"] == 9
    assert "temperature" not in server.usage.bodies[-1]
    asked = [{"role": "user", "content": "hello"}]
    pieces = list(endpoint(server).stream(asked, "o3", temperature=0.7, top_p=0.9))
    assert isinstance(pieces[-1], Completion)
    assert "".join(piece for piece in pieces if isinstance(piece, str)) == pieces[-1].text == "hello"
    assert "top_p" not in server.usage.bodies[-1]


@pytest.mark.parametrize(
    ("failure", "text", "reason"),
    [("refusal", "", "stop"), ("filter", "", "content_filter"), ("empty", "", "stop")],
)
def test_a_refusal_is_an_answer(server: FakeOpenAI, failure: str, text: str, reason: str) -> None:
    server.truth.failures = [failure]
    completion = ask(endpoint(server))
    assert (completion.text, completion.finish_reason) == (text, reason)
    assert (completion.refusal is not None) == (failure == "refusal")


def test_a_response_without_usage_is_charged_at_the_most(server: FakeOpenAI) -> None:
    server.truth.usage = False
    completion = ask(endpoint(server), max_tokens=100)
    assert completion.output_tokens == 100
    assert completion.cost_usd > server.usage.cost("gpt-4o", 2.5, 10.0)


def test_half_a_surrogate_pair_reaches_the_other_side_as_a_mark(server: FakeOpenAI) -> None:
    assert ask(endpoint(server), "a\ud800b 🙂").text == "a\ufffdb 🙂"


def test_threads_retries_and_lost_answers_never_pass_the_budget(server: FakeOpenAI) -> None:
    # Half of all requests fail, many of them in ways that are paid on the server's side.
    server.truth.failures = ["drop", "ok", "429", "ok", "cut", "ok", "cut-json", "ok", "500", "ok"] * 20
    server.truth.latency = 0.002
    limit = 0.02
    one = endpoint(server, budget=Budget(limit), timeout=10.0)
    reached = threading.Event()

    def work(number: int) -> None:
        while not reached.is_set():
            try:
                ask(one, f"question {number} " * 20, max_tokens=150)
            except BudgetReachedError:
                reached.set()
            except EndpointError:
                continue

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(6)))
    assert reached.is_set()
    assert server.usage.calls.total() > 10
    assert server.usage.most_at_once > 1
    assert server.usage.cost("gpt-4o", 2.5, 10.0) <= one.budget.spent_usd <= limit


def test_stopping_ends_a_wait_and_refuses_new_calls(server: FakeOpenAI) -> None:
    server.truth.failures = ["429:60"]
    one = endpoint(server)
    raised: list[BakeoffError] = []

    def call() -> None:
        try:
            ask(one)
        except BakeoffError as error:
            raised.append(error)

    caller = threading.Thread(target=call)
    caller.start()
    while not server.usage.requests:
        time.sleep(0.01)
    one.stop()
    caller.join(5)
    assert isinstance(raised[0], EndpointStoppedError)
    with pytest.raises(EndpointStoppedError):
        ask(one)
