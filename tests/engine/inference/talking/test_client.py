"""A model in a process of its own says what it says here; stops, failures and crashes come through."""

from __future__ import annotations

import itertools
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from engine.inference.constraints import of_choices
from engine.inference.errors import AnsweringError
from engine.inference.llama.replies import Reply, Talker
from engine.inference.sampling import GREEDY
from engine.inference.talking.client import ChildTalker, Loading
from engine.models.template import load_template
from engine.progress import SilentReporter
from tests.engine.inference.llama.models import CONTEXT, tiny_gguf

ASKED = [{"role": "user", "content": "What is this? \U0001f642"}]


@pytest.fixture(scope="module")
def loading(tmp_path_factory: pytest.TempPathFactory) -> Loading:
    folder, file = tiny_gguf(tmp_path_factory.mktemp("model"))
    return Loading(file, folder)


@pytest.fixture(scope="module")
def child(loading: Loading) -> Iterator[ChildTalker]:
    child = ChildTalker(loading)
    yield child
    child.close()
    assert not psutil.pid_exists(child.process_id)


def whole(found: list[str | Reply]) -> Reply:
    assert isinstance(found[-1], Reply)
    assert "".join(piece for piece in found if isinstance(piece, str)) == found[-1].text
    return found[-1]


def test_it_says_what_a_talker_in_this_process_says(child: ChildTalker, loading: Loading) -> None:
    with Talker(loading.file, load_template(loading.folder, SilentReporter())) as here:
        wanted = whole(list(here.reply(ASKED, GREEDY, max_new_tokens=20)))
    found = whole(list(child.reply(ASKED, GREEDY, max_new_tokens=20)))
    assert (found.text, found.stop, found.tokens) == (wanted.text, wanted.stop, wanted.tokens)
    held = whole(list(child.reply(ASKED, GREEDY, constraint=of_choices(["yes", "no"]))))
    assert held.text in {"yes", "no"}


def test_it_stops_when_told(child: ChildTalker) -> None:
    asked = itertools.count()
    reply = whole(list(child.reply(ASKED, GREEDY, stopped=lambda: next(asked) > 3)))
    assert reply.stop in {"stopped", "stop", "length"}
    assert reply.tokens < CONTEXT
    assert whole(list(child.reply(ASKED, GREEDY, max_new_tokens=5))).tokens <= 5


def test_files_of_the_current_folder_are_not_run(
    loading: Loading, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "queue.py").write_text("raise SystemExit('not ours')", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    child = ChildTalker(loading)
    assert whole(list(child.reply(ASKED, GREEDY, max_new_tokens=5))).tokens <= 5
    child.close()


def test_an_answer_that_is_left_does_not_mix_with_the_next(child: ChildTalker) -> None:
    wanted = whole(list(child.reply(ASKED, GREEDY, max_new_tokens=20)))
    left = child.reply([{"role": "user", "content": "Go on and on."}], GREEDY)
    next(left)
    left.close()
    assert whole(list(child.reply(ASKED, GREEDY, max_new_tokens=20))).text == wanted.text


def test_failures_keep_their_code(child: ChildTalker) -> None:
    with pytest.raises(AnsweringError, match=str(CONTEXT)) as failed:
        list(child.reply([{"role": "user", "content": "y" * CONTEXT}], GREEDY))
    assert failed.value.code == "answers.context_full"
    assert failed.value.fix
    assert whole(list(child.reply(ASKED, GREEDY, max_new_tokens=5))).tokens <= 5


def test_a_file_that_is_no_model_is_told(loading: Loading, tmp_path: Path) -> None:
    file = tmp_path / "no.gguf"
    file.write_bytes(b"GGUF" + bytes(100))
    with pytest.raises(AnsweringError) as failed:
        ChildTalker(Loading(file, loading.folder))
    assert failed.value.code == "gguf.damaged"
    assert str(file) in failed.value.message


def test_a_crash_is_told_while_it_answers_and_before(loading: Loading) -> None:
    child = ChildTalker(loading)
    os.kill(child.process_id, signal.SIGSTOP)  # so that it cannot have answered before
    threading.Timer(0.3, os.kill, (child.process_id, signal.SIGKILL)).start()
    with pytest.raises(AnsweringError, match="SIGKILL") as failed:
        list(child.reply(ASKED, GREEDY))
    assert failed.value.code == "answers.crashed"
    with pytest.raises(AnsweringError, match="SIGKILL"):
        list(child.reply(ASKED, GREEDY))
    child.close()
    child.close()
