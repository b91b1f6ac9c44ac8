"""A monkey at the window: 5,000 events of mouse, keyboard and files by a seed, on the sample workspace.

No exception, no warning of Qt, no event that holds the window, and nothing that is left when it has been closed.
What is kept inside is said in `tests.desktop.monkey.fence`: no job is begun, and nothing leaves the machine.

``BAKEOFF_MONKEY_SEED`` plays another game, ``BAKEOFF_MONKEY_EVENTS`` a longer one. What fails prints both,
and ``BAKEOFF_MONKEY_TELL`` says what was done, which dialogs came, and which events took longest.
A press and a release, of a button or a key, are an event each, as is every move; a text counts as one key.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QSettings
from PySide6.QtWidgets import QApplication
from shiboken6 import isValid

from desktop.shell.pages import PAGES
from desktop.shell.window import MainWindow
from desktop.theme.look import Look
from engine.locks import ProcessLock
from engine.workspace import Workspace, open_workspace
from tests.desktop.conftest import Until
from tests.desktop.monkey.fence import fence
from tests.desktop.monkey.player import Monkey
from tests.desktop.monkey.witness import Witness
from tests.sample import make

_SEED = int(os.environ.get("BAKEOFF_MONKEY_SEED") or 4)
_EVENTS = int(os.environ.get("BAKEOFF_MONKEY_EVENTS") or 5_000)


@pytest.fixture
def sample(tmp_path: Path) -> Iterator[Workspace]:
    """The sample workspace; its running jobs are held."""
    made = make(tmp_path / "town-desk")
    workspace = open_workspace(made.workspace.root)
    with ExitStack() as stack:
        for job in made.running:
            stack.enter_context(ProcessLock(job.lock))
        yield workspace
    workspace.catalogue.close()


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """What a monkey may bring: good files and others."""
    folder = tmp_path / "brought"
    folder.mkdir()
    rows = [{"prompt": f"What is {n}?", "completion": f"It is {n}."} for n in range(40)]
    texts = {
        "good.jsonl": "".join(json.dumps(row) + "\n" for row in rows),
        "goed ü 漢.csv": "question,answer\n" + "".join(f"q {n},a {n}\n" for n in range(30)),
        "odd.json": json.dumps({"data": [1, 2, {"x": None}]}),
        "bad.jsonl": "no json\n" * 20,
        "empty.csv": "",
        "recipe.yml": "merge_method: slerp\nbase_model: alder-360m\n",
        "broken.yml": "a: [",
        "picture.png": "\x89PNG",
        "model.gguf": "GGUF",
    }
    made = []
    for name, text in texts.items():
        made.append(folder / name)
        made[-1].write_text(text, encoding="utf-8")
    return [*made, folder, folder / "gone.jsonl"]


def test_a_monkey_does_no_harm(
    sample: Workspace, files: list[Path], tmp_path: Path, look: Look, until: Until
) -> None:
    threads, children = set(threading.enumerate()), set(psutil.Process().children(recursive=True))
    shown = {one for one in QApplication.topLevelWidgets() if one.isVisible()}
    witness = Witness()
    (tmp_path / "saved").mkdir()
    settings = QSettings(str(tmp_path / "place.ini"), QSettings.Format.IniFormat)
    log = (tmp_path / "monkey.log").open("w", encoding="utf-8", buffering=1)
    with log, fence(sample) as answers, witness.watching():
        window = MainWindow(sample, look, settings)
        window.resize(1100, 700)
        monkey = Monkey(window, look, answers, witness, files, tmp_path / "saved", log, _SEED)
        try:
            window.show()
            window.activateWindow()
            until(lambda: window.page.model.loaded)
            monkey.play(_EVENTS)
        finally:
            window.close()
            there = [one for one in QApplication.topLevelWidgets() if one.isVisible() and one not in shown]
            left = [f"{type(one).__name__} '{one.windowTitle()}'" for one in there]
            window.deleteLater()
            QCoreApplication.sendPostedEvents(window, QEvent.Type.DeferredDelete.value)
            look.force("light")
        if not witness.faults:  # after one there may be more left than there would be
            assert not left, f"{left} are still on the screen\n{monkey.story}"
            assert not isValid(window)
            until(lambda: set(threading.enumerate()) <= threads)
            until(lambda: set(psutil.Process().children(recursive=True)) <= children)
    if os.environ.get("BAKEOFF_MONKEY_TELL"):
        print(monkey.done, monkey.dialogs, answers.left, *monkey.slowest, sep="\n")
    if witness.faults:
        pytest.fail(monkey.story, pytrace=False)
    if _EVENTS >= 5_000:  # else it may not have come around
        assert monkey.pages == {entry.key for entry in PAGES}
        assert len({name.partition(":")[0] for name in monkey.dialogs}) >= 5, monkey.dialogs
