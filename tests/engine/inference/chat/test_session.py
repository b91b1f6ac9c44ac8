"""Panes that answer for real: a GGUF file in its process, and a model behind an endpoint."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.errors import BakeoffError
from engine.inference.budget import Budget
from engine.inference.chat import store
from engine.inference.chat.answering import Answering, LocalAnswering, PaidAnswering
from engine.inference.chat.conversation import Answer, Pane
from engine.inference.chat.opening import open_panes
from engine.inference.chat.session import ChatSession, Heard
from engine.inference.endpoint import Endpoint
from engine.inference.endpoint_failures import EndpointError
from engine.inference.talking.client import Loading
from engine.models.library import ExportedFile, find_model
from engine.progress import SilentReporter
from engine.workspace import Workspace, open_workspace
from tests.engine.inference.llama.models import tiny_gguf
from tests.engine.inference.test_endpoint import Listener
from tests.fake_openai.server import FakeOpenAI
from tests.here import add_model
from tests.tiny import tiny_model


@pytest.fixture(scope="module")
def loading(tmp_path_factory: pytest.TempPathFactory) -> Loading:
    folder, file = tiny_gguf(tmp_path_factory.mktemp("model"))
    return Loading(file, folder)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return open_workspace(tmp_path / "ws")


@pytest.fixture
def local(loading: Loading) -> Iterator[LocalAnswering]:
    one = LocalAnswering(loading)
    yield one
    one.close()


def session(workspace: Workspace, *answering: Answering) -> ChatSession:
    panes = [Pane(name=f"pane{number}", kind="local") for number in range(len(answering))]
    conversation = store.begin(panes)
    conversation.max_new_tokens = 20
    return ChatSession(workspace, conversation, answering)


def finished(heard: list[Heard]) -> Answer:
    assert isinstance(heard[-1].what, Answer), heard[-1].what
    return heard[-1].what


def test_pieces_come_and_the_answer_is_saved(workspace: Workspace, local: LocalAnswering) -> None:
    talk = session(workspace, local)
    heard = list(talk.ask("What is this?"))
    answer = finished(heard)
    assert "".join(one.what for one in heard if isinstance(one.what, str)) == answer.text
    assert 0 < answer.tokens <= 20
    kept = store.load(workspace, talk.conversation.id)
    assert kept.turns[0].answers[0] == answer
    follow = finished(list(talk.ask("And that?")))
    assert follow.cached_tokens >= answer.prompt_tokens - 1


def test_another_answer_is_drawn_and_the_vote_forgotten(workspace: Workspace, local: LocalAnswering) -> None:
    talk = session(workspace, local, local)
    talk.conversation.sampling = talk.conversation.sampling.model_copy(
        update={"temperature": 2.0, "top_k": 0}
    )
    list(talk.ask("What is this?"))
    talk.conversation.vote(1)
    first = talk.conversation.turns[0].answers[0]
    second = finished(list(talk.answer(0)))
    assert second.text != first.text
    assert second.sampling.seed == first.sampling.seed + 1
    assert talk.conversation.turns[0].vote is None


def test_a_process_that_is_killed_is_told_and_begun_anew(workspace: Workspace, local: LocalAnswering) -> None:
    talk = session(workspace, local)
    finished(list(talk.ask("What is this?")))
    assert local.process_id is not None
    os.kill(local.process_id, signal.SIGKILL)
    (heard,) = list(talk.ask("And now?"))
    assert isinstance(heard.what, BakeoffError)
    assert "SIGKILL" in heard.what.message
    assert finished(list(talk.answer(0))).tokens > 0


def test_it_stops_when_told(workspace: Workspace, local: LocalAnswering) -> None:
    talk = session(workspace, local)
    local.start()
    answer = finished(list(talk.ask("What is this?", stopped=lambda: True)))
    assert answer.stop == "stopped"
    assert answer.tokens < 20


def test_a_full_context_is_told_with_what_could_be_left_out(
    workspace: Workspace, local: LocalAnswering
) -> None:
    talk = session(workspace, local)
    while True:
        heard = list(talk.ask("y" * 50))
        if isinstance(heard[-1].what, BakeoffError):
            break
        assert len(talk.conversation.turns) < 10
    assert heard[-1].what.code == "answers.context_full"
    proposed = heard[-1].to_leave_out
    assert proposed
    talk.conversation.leave_out(0, proposed)
    assert finished(list(talk.answer(0))).tokens > 0


def test_a_context_beyond_that_of_the_model_is_told_and_not_taken(
    workspace: Workspace, tmp_path: Path
) -> None:
    file = tmp_path / "m.gguf"
    file.write_bytes(b"x")
    add_model(workspace, tiny_model(tmp_path / "m", context=256), "m")
    files = find_model(workspace, "m")
    export = ExportedFile(file, "q8_0", "0" * 64, {})
    told: list[tuple[str, object]] = []

    class Told(SilentReporter):
        def decision(self, subject: str, choice: object, reason: str, /, **data: object) -> None:
            told.append((subject, choice))

    for wanted in (100_000, 128):
        panes, answering = open_panes(
            workspace,
            ["m"],
            lambda name, old: (files, export),
            budget=Budget(None),
            context=wanted,
            reporter=Told(),
        )
        answering[0].close()
        assert panes[0].context == min(wanted, 256)
    assert told == [("context", "256 tokens")]


def paid(fake: FakeOpenAI, limit: float) -> PaidAnswering:
    return PaidAnswering(Endpoint("fake", fake.base_url, "sk-test", budget=Budget(limit)), "gpt-4o")


def test_a_model_behind_an_endpoint_streams_and_is_booked(workspace: Workspace) -> None:
    with FakeOpenAI() as fake:
        one = paid(fake, 1.0)
        talk = session(workspace, one)
        heard = list(talk.ask("What is this?"))
        answer = finished(heard)
        assert len([piece for piece in heard if isinstance(piece.what, str)]) > 1
        assert "".join(piece.what for piece in heard if isinstance(piece.what, str)) == answer.text
        assert answer.cost_usd > 0
        assert answer.tokens == fake.usage.output_tokens["gpt-4o"]
        assert answer.snapshot == "gpt-4o-2024-08-06"
        assert fake.usage.bodies[0]["top_p"] == talk.conversation.sampling.top_p
        one.close()


def test_failures_before_the_first_word_are_repeated_later_ones_told(workspace: Workspace) -> None:
    with FakeOpenAI() as fake:
        fake.truth.failures = ["429:0"]
        one = paid(fake, 1.0)
        talk = session(workspace, one)
        assert finished(list(talk.ask("What is this?"))).text
        fake.truth.failures = ["drop"]
        heard = list(talk.ask("And that?"))
        assert isinstance(heard[0].what, str)
        assert isinstance(heard[-1].what, EndpointError)
        assert 0 not in talk.conversation.turns[-1].answers
        assert (
            heard[-1].what.cost_usd > 0
        )  # it may have been paid: booked with the most that it can have cost
        one.close()


def test_an_answer_that_is_stopped_is_booked_in_full(workspace: Workspace) -> None:
    with FakeOpenAI() as fake:
        one = paid(fake, 1.0)
        talk = session(workspace, one)
        whole = finished(list(talk.ask("What is this?")))
        wish = threading.Event()
        heard = []
        for one_heard in talk.answer(0, stopped=wish.is_set):
            heard.append(one_heard)
            wish.set()
        stopped = finished(heard)
        assert stopped.stop == "stopped"
        assert stopped.tokens == 1
        assert stopped.cost_usd > whole.cost_usd
        one.close()


def test_a_budget_is_not_passed(workspace: Workspace) -> None:
    with FakeOpenAI() as fake:
        one = paid(fake, 0.00001)
        (heard,) = list(session(workspace, one).ask("What is this?"))
        assert isinstance(heard.what, BakeoffError)
        assert heard.what.code == "budget.reached"
        assert not fake.usage.requests
        one.close()


def test_who_stops_one_answer_does_not_stop_the_next(workspace: Workspace) -> None:
    with FakeOpenAI() as fake:
        one, two = paid(fake, 1.0), paid(fake, 1.0)
        talk = session(workspace, one, two)
        stopped = threading.Event()
        stopped.set()
        for heard in talk.ask("What is this?", stopped.is_set):
            if isinstance(heard.what, Answer):
                stopped.clear()
        answers = talk.conversation.turns[0].answers
        assert answers[0].stop == "stopped"
        assert answers[1].stop == "stop"
        for answering in (one, two):
            answering.close()


def test_why_a_pane_has_not_answered_is_kept(workspace: Workspace) -> None:
    with FakeOpenAI() as fake:
        one = paid(fake, 0.00001)
        talk = session(workspace, one)
        list(talk.ask("What is this?"))
        assert "budget" in store.load(workspace, talk.conversation.id).turns[0].failures[0]
        one.close()


@pytest.mark.parametrize("silence", ["hush:30", "think:30", "slow:30", "429:30"])
def test_an_endpoint_that_is_silent_can_be_stopped(workspace: Workspace, silence: str) -> None:
    with FakeOpenAI() as fake:
        fake.truth.failures = [silence]
        one = paid(fake, 1.0)
        talk = session(workspace, one)
        wish = threading.Event()
        stopper = threading.Timer(0.3, wish.set)
        began = time.monotonic()
        stopper.start()
        answer = finished(list(talk.ask("What is this?", wish.is_set)))
        assert time.monotonic() - began < 5
        assert (answer.stop, answer.text, answer.comparable) == ("stopped", "", False)
        assert fake.usage.requests == 1
        # An answer may be on its way; a request that was turned away costs nothing.
        assert (answer.cost_usd > 0) == (not silence.startswith("429"))
        assert finished(list(talk.answer(0))).stop == "stop"
        one.close()


def test_a_model_that_reasons_is_sent_only_what_it_takes(workspace: Workspace) -> None:
    with FakeOpenAI() as fake:
        listener = Listener()
        endpoint = Endpoint("fake", fake.base_url, "sk-test", budget=Budget(1.0), reporter=listener)
        one = PaidAnswering(endpoint, "o3")
        talk = session(workspace, one)
        assert finished(list(talk.ask("What is this?"))).text
        assert {"top_p", "temperature", "max_tokens"}.isdisjoint(fake.usage.bodies[-1])
        assert ("top_p", "left out") in [(subject, choice) for subject, choice, _ in listener.decisions]
        fake.truth.failures = ["spent"]
        answer = finished(list(talk.ask("And that?")))
        assert (answer.stop, answer.text, answer.tokens) == ("length", "", 20)
        assert "before a word was said" in answer.fault
        one.close()


def test_of_two_parameters_that_exclude_each_other_the_temperature_is_kept(workspace: Workspace) -> None:
    with FakeOpenAI() as fake:
        fake.truth.exclusive = True
        one = paid(fake, 1.0)
        assert finished(list(session(workspace, one).ask("What is this?"))).text
        assert "temperature" in fake.usage.bodies[-1]
        assert "top_p" not in fake.usage.bodies[-1]
        one.close()


def test_an_endpoint_that_takes_no_stream_options_is_booked_at_the_most(workspace: Workspace) -> None:
    with FakeOpenAI() as fake:
        one = paid(fake, 1.0)
        talk = session(workspace, one)
        told = finished(list(talk.ask("What is this?")))
        fake.truth.stream_options = False
        other = paid(fake, 1.0)
        talk = session(workspace, other)
        untold = finished(list(talk.ask("What is this?")))
        assert untold.text == told.text
        assert "stream_options" not in fake.usage.bodies[-1]
        assert untold.tokens == talk.conversation.max_new_tokens
        assert untold.cost_usd > told.cost_usd
        for answering in (one, other):
            answering.close()


def test_a_refusal_is_kept_and_not_shown_again(workspace: Workspace) -> None:
    with FakeOpenAI() as fake:
        fake.truth.failures = ["refusal"]
        one = paid(fake, 1.0)
        talk = session(workspace, one)
        refused = finished(list(talk.ask("Tell me.")))
        assert (refused.stop, refused.text) == ("refusal", "I cannot help with that.")
        list(talk.ask("And this?"))
        assert [message["content"] for message in fake.usage.bodies[-1]["messages"]] == ["And this?"]
        one.close()


def test_answers_name_the_file_that_gave_them(workspace: Workspace) -> None:
    with FakeOpenAI() as fake:
        one = paid(fake, 1.0)
        talk = session(workspace, one)
        talk.conversation.panes = [Pane(name="m", kind="local", sha256="aa" * 32, quantisation="q8_0")]
        list(talk.ask("What is this?"))
        talk.conversation.panes = [Pane(name="m", kind="local", sha256="bb" * 32, quantisation="q4_0")]
        list(talk.ask("And that?"))
        kept = [turn.answers[0] for turn in store.load(workspace, talk.conversation.id).turns]
        assert [(one.sha256[:2], one.quantisation) for one in kept] == [("aa", "q8_0"), ("bb", "q4_0")]
        one.close()
