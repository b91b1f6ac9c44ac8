"""Panes that answer for real: a GGUF file in its process, and a model behind an endpoint."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.errors import BakeoffError
from engine.inference.budget import Budget
from engine.inference.chat import store
from engine.inference.chat.answering import Answering, LocalAnswering, PaidAnswering
from engine.inference.chat.conversation import Answer, Pane
from engine.inference.chat.session import ChatSession, Heard
from engine.inference.endpoint import Endpoint
from engine.inference.endpoint_failures import EndpointError
from engine.inference.talking.client import Loading
from engine.workspace import Workspace, open_workspace
from tests.engine.inference.llama.models import tiny_gguf
from tests.fake_openai.server import FakeOpenAI


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
        asked = iter([True] * 99)
        stopped = finished(list(talk.answer(0, stopped=lambda: next(asked))))
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
