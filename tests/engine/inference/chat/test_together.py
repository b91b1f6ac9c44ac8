"""Panes that answer at the same time: endpoints beside each other, this machine's models one after another."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.inference.budget import Budget
from engine.inference.chat import store
from engine.inference.chat.answering import Answering, LocalAnswering, PaidAnswering
from engine.inference.chat.conversation import Answer, Pane
from engine.inference.chat.session import ChatSession
from engine.inference.chat.together import answer_together
from engine.inference.endpoint import Endpoint
from engine.inference.sampling import Sampling
from engine.inference.talking.client import Loading
from engine.workspace import Workspace, open_workspace
from tests.engine.inference.llama.models import tiny_gguf
from tests.fake_openai.server import FakeOpenAI


class Waiting:
    """Says its one word when it is let, and notes who speaks at the same time."""

    def __init__(self, meet: Callable[[], object]) -> None:
        self._meet = meet
        self.speaks = False

    def answer(
        self,
        messages: list[dict[str, Any]],
        sampling: Sampling,
        max_new_tokens: int | None,
        stopped: Callable[[], bool],
    ) -> Iterator[str | Answer]:
        self.speaks = True
        yield "word"
        self._meet()
        while not stopped() and max_new_tokens is None:
            time.sleep(0.01)
        self.speaks = False
        stop = "stopped" if stopped() else "stop"
        yield Answer(
            text="word",
            stop=stop,
            prompt_tokens=1,
            tokens=1,
            first_seconds=0.0,
            seconds=0.0,
            sampling=sampling,
        )

    def close(self) -> None:
        """Nothing runs."""


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return open_workspace(tmp_path / "ws")


def session(workspace: Workspace, kinds: str, *answering: Answering, most: int | None = 8) -> ChatSession:
    """With a pane per letter: ``l`` of this machine, ``a`` of an endpoint."""
    panes = [
        Pane(name=f"{number}", kind="local" if kind == "l" else "api") for number, kind in enumerate(kinds)
    ]
    conversation = store.begin(panes)
    conversation.max_new_tokens = most
    made = ChatSession(workspace, conversation, answering)
    made.put("What is this?")
    return made


def test_endpoints_answer_beside_each_other_and_beside_this_machine(workspace: Workspace) -> None:
    everybody = threading.Barrier(3)  # passed only where three speak at the same time
    talk = session(workspace, "ala", *(Waiting(lambda: everybody.wait(20)) for _ in range(3)))
    heard = list(answer_together(talk, range(3)))
    assert [one.what for one in heard if one.pane == 1][:2] == ["", "word"]
    assert set(store.load(workspace, talk.conversation.id).turns[0].answers) == {0, 1, 2}


def test_models_of_this_machine_take_turns(workspace: Workspace) -> None:
    order = list[int]()
    others: list[Waiting] = []
    for number in range(3):
        others.append(
            Waiting(lambda number=number: order.append(number * 10 + sum(one.speaks for one in others)))
        )
    talk = session(workspace, "lll", *others)
    list(answer_together(talk, [2, 0, 1]))
    assert order == [21, 1, 11]


def test_one_is_stopped_the_others_go_on_and_who_has_not_begun_says_nothing(workspace: Workspace) -> None:
    talk = session(workspace, "lal", *(Waiting(lambda: None) for _ in range(3)), most=None)
    stops = {0: False, 1: False, 2: True}
    heard = []
    for one in answer_together(talk, range(3), lambda pane: stops[pane]):
        heard.append((one.pane, one.what))
        if one.what == "word":
            stops[one.pane] = True
    assert {pane for pane, _ in heard} == {0, 1}
    assert {answer.stop for answer in talk.conversation.turns[0].answers.values()} == {"stopped"}


def test_who_listens_no_longer_ends_them(workspace: Workspace) -> None:
    talk = session(workspace, "aa", *(Waiting(lambda: None) for _ in range(2)), most=None)
    hearing = answer_together(talk, range(2))
    next(hearing)
    hearing.close()  # type: ignore[attr-defined]
    assert not [one for one in threading.enumerate() if one.name == "chat-pane"]


def test_what_breaks_in_a_pane_is_not_swallowed(workspace: Workspace) -> None:
    def fail() -> None:
        raise RuntimeError("broken")

    talk = session(workspace, "aa", Waiting(fail), Waiting(lambda: None), most=None)
    with pytest.raises(RuntimeError, match="broken"):
        list(answer_together(talk, range(2)))


def test_each_answer_is_booked_with_its_own_cost(workspace: Workspace) -> None:
    with FakeOpenAI() as fake:
        fake.truth.latency = 0.2
        budget = Budget(1.0)
        paid = [
            PaidAnswering(Endpoint("fake", fake.base_url, "sk-test", budget=budget), model)
            for model in ("gpt-4o", "gpt-4o-mini")
        ]
        talk = session(workspace, "aa", *paid)
        list(answer_together(talk, range(2)))
        one, other = (talk.conversation.turns[0].answers[pane].cost_usd for pane in range(2))
        assert one > other > 0
        assert one + other == pytest.approx(budget.spent_usd)
        talk.close()


def test_a_model_that_is_being_loaded_can_be_stopped(workspace: Workspace, tmp_path: Path) -> None:
    folder, file = tiny_gguf(tmp_path)
    local = LocalAnswering(Loading(file, folder))
    talk = session(workspace, "l", local)
    answers = [one for one in talk.answer(0, stopped=lambda: True) if isinstance(one.what, Answer)]
    assert [(one.what.stop, one.what.text) for one in answers if isinstance(one.what, Answer)] == [
        ("stopped", "")
    ]
    assert local.process_id is None
    answer = list(talk.answer(0))[-1].what
    assert isinstance(answer, Answer)
    assert answer.tokens > 0
    local.close()
