"""The whole loop through the window with a real engine: from a dropped file to a chat with the winner.

On its way the worker of the training is killed until it is given up, the training is tried again, and the window is
closed and opened again. Whatever the user does is done with mouse and keyboard; what is said is read from the window.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QDoubleSpinBox,
    QFileDialog,
    QLineEdit,
    QRadioButton,
    QSpinBox,
    QTableView,
    QTextBrowser,
)

from desktop.pages.chat.new_chat import NewChat
from desktop.pages.chat.page import Prompt
from desktop.pages.chat.pane import PaneCard
from desktop.pages.ranking.chart import RankChart
from desktop.shell.window import MainWindow
from desktop.theme.look import Look
from desktop.widgets.drop_zone import DropZone
from desktop.widgets.fields import Suggested
from desktop.widgets.segments import Segments
from engine.files import sha256_file
from engine.jobs.directory import JobDirectory, Status, all_jobs
from engine.models.rendering import RENDERER
from engine.workspace import Workspace
from engine.workspace.adoption import adopted_summary
from tests.desktop.driving import (
    card,
    card_says,
    cells,
    drop,
    go,
    opened,
    press,
    press_on_card,
    said,
    says,
    show_jobs,
    shown,
    wait,
    wait_for,
    write,
)
from tests.engine.jobs.helpers import event_types, kill, require_consistent_events, runners, workers
from tests.here import add_model
from tests.tiny_families import exportable_model

TASK = "Farben-für-alle"
TUNED = f"tiny-{TASK}"
TRAINING = f"Train tiny on {TASK}"


@pytest.mark.timeout(1200)
def test_from_a_dropped_file_to_a_chat_with_the_winner(
    workspace: Workspace, look: Look, tmp_path: Path
) -> None:
    already_there = children()
    add_model(workspace, exportable_model(tmp_path / "base", learns=True), "tiny")
    with opened(workspace, look) as window:
        start_a_study(window, colours(tmp_path / "Farben für alle.jsonl"))
        lose_the_worker(window, workspace)
        try_again(window, workspace)
        training = job_of(workspace, "train")
        worker = worker_of(training, workspace)
        worker.suspend()  # else it might end while a busy machine closes the window
    before = steps_taken(training)
    worker.resume()
    wait("it trains without a window", lambda: steps_taken(training) > before)
    worker.suspend()
    with opened(workspace, look) as window:
        see_it_run(window)
        worker.resume()
        see_it_finish(window, training)
        go_on_with_the_study(window, workspace)
        see_the_ranking(window)
        file = export_the_winner(window, workspace, tmp_path / "Gewinner für alle.gguf")
        chat_with_the_winner(window, file)
    RENDERER.close()  # it renders chat templates for this process, and would live as long

    def left() -> set[int]:
        the_runner = {process.pid for process in runners(workspace)}  # it outlives the window
        return children() - already_there - the_runner

    wait("the chat's process and the last worker end", lambda: not left())


def children() -> set[int]:
    """The processes below this one; of a runner that has ended, a zombie is left until the next one starts."""
    found = set()
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if process.status() != psutil.STATUS_ZOMBIE:
                found.add(process.pid)
    return found


def colours(file: Path) -> Path:
    """A file of sixty examples, most of them with the same answer; the two answers share no letter."""
    rows = [
        {
            "prompt": f"Welche Farbe hat {n * n * 7919 % 10007}?",
            "completion": "blau" if n % 6 == 0 else "rot",
        }
        for n in range(60)
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return file


def job_of(workspace: Workspace, kind: str) -> JobDirectory:
    """The newest job of a kind."""
    return [job for job in all_jobs(workspace.jobs) if job.request().kind == kind][-1]


def worker_of(job: JobDirectory, workspace: Workspace) -> psutil.Process:
    """The process that works on a job."""
    (found,) = [one for one in workers(workspace) if str(job.path) in one.cmdline()]
    return found


def steps_taken(training: JobDirectory) -> int:
    """How many steps were taken, those of all attempts together."""
    return event_types(training).count("train.step")


def steps_drawn(window: MainWindow) -> list[int]:
    """The steps in the table beside the chart of the Train page."""
    (points,) = shown(window.page, QTableView, "What the chart shows")
    return [int(step) for curve, step, _ in cells(points) if curve == "each step"]


def start_a_study(window: MainWindow, file: Path) -> None:
    """Three actions on Home: drop a file, pick a recipe, start."""
    (zone,) = shown(window.page, DropZone)
    drop(zone, file)
    wait("the file was read", lambda: says(window.page, f"{TASK}: 60 examples"))
    recipe = wait_for(window.page, QRadioButton, "Does tuning help?")
    recipe.setFocus()
    QTest.keyClick(recipe, Qt.Key.Key_Space)
    press(window.page, "Start")
    wait("the study is shown", lambda: window.page.accessibleName() == "Study")


def lose_the_worker(window: MainWindow, workspace: Workspace) -> None:
    """Kill the worker in the middle of its training, and as often as the runner starts another one.

    Then the cards of the training and of the study that waits for it say what has happened and what can be done.
    """
    go(window, "Jobs")
    wait("the card counts steps", lambda: re.search(r"\d of \d+ steps", "\n".join(said(window.page))))
    training, study = job_of(workspace, "train"), job_of(workspace, "study")
    wait("it trains", lambda: steps_taken(training))
    for attempt in (1, 2, 3):
        wait(
            f"attempt {attempt} is at work",
            lambda attempt=attempt: training.status().attempt == attempt and training.alive(),
        )
        kill([worker_of(training, workspace)])
    show_jobs(window, "Failed")
    for title in (TRAINING, study.request().title):
        wait(f"it has failed: {title}", lambda title=title: card_says(window, title, "Failed"))
        found = card(window, title)
        assert found is not None
        assert says(found, "ended 3 times without a word (SIGKILL, often a lack of memory)")
        for button in ("Show log", "Try again"):
            assert says(found, button), "the fix names what is to be pressed"
            assert shown(found, QAbstractButton, button)


def try_again(window: MainWindow, workspace: Workspace) -> None:
    """Let the training that has failed be tried again, by the button on its card."""
    training = job_of(workspace, "train")
    before = steps_taken(training)
    press_on_card(window, TRAINING, "Try again")
    show_jobs(window, "Active")
    wait("it trains again", lambda: steps_taken(training) > before and card_says(window, TRAINING, "Running"))


def see_it_run(window: MainWindow) -> None:
    """The window that was opened again shows the training as it runs."""
    go(window, "Train")
    press(window.page, "Table")
    wait("the run is shown", lambda: "Running" in said(window.page) and steps_drawn(window))


def see_it_finish(window: MainWindow, training: JobDirectory) -> None:
    """It shows the training to its end, and each step once, however often it was taken."""
    wait("the run is over", lambda: "Done" in said(window.page))
    result = training.result()
    assert result is not None
    last = result["summary"]["steps"]
    wait("all is drawn", lambda: steps_drawn(window)[-1] == last)
    assert steps_drawn(window) == list(range(1, last + 1))
    assert steps_taken(training) > last, "the attempt that was killed has taken steps, too"
    require_consistent_events(training)


def go_on_with_the_study(window: MainWindow, workspace: Workspace) -> None:
    """The study, which has failed with its training, is tried again; what is done is not done again."""

    def done() -> dict[str, Status]:
        return {job.id: job.status() for job in all_jobs(workspace.jobs) if job.status().state == "done"}

    before = done()
    assert {"dataset_import", "train"} <= {
        JobDirectory(workspace.jobs / job).request().kind for job in before
    }
    show_jobs(window, "Failed")
    press_on_card(window, job_of(workspace, "study").request().title, "Try again")
    go(window, "Study")
    wait("the study is finished", lambda: says(window.page, "It is finished."))
    wait(
        "its result is shown", lambda: says(window.page, "tiny is the best of all, surely at the 95% level.")
    )
    assert {job: status for job, status in done().items() if job in before} == before


def see_the_ranking(window: MainWindow) -> None:
    """The tuned model stands alone at the top, the untuned one below it, each with an interval."""
    go(window, "Ranking")
    wait("the ranking is drawn", lambda: shown(window.page, RankChart))
    (chart,) = shown(window.page, RankChart)
    press(shown(window.page, Segments, "Chart or table")[0], "Table")
    rows = cells(wait_for(window.page, QTableView, "Ranking"))
    places = {name: place for name, place, *_ in rows}
    assert places[f"{TUNED}@q8_0"] == "1"
    assert places.keys() == {f"{TUNED}@q8_0", "untuned:tiny@q8_0", "fewshot:tiny@q8_0"}
    for name, place, rating, interval, *_ in rows:
        low, high = (int(end) for end in interval.split(" to "))
        assert low < int(rating) < high
        assert f"{name}: place {place}, rating {rating}, interval {interval}" in chart.accessibleDescription()


def export_the_winner(window: MainWindow, workspace: Workspace, file: Path) -> Path:
    """Two actions more: the file that the winner leaves as, whose tokens are those of the training."""
    go(window, "Study")
    press(window.page, "Export GGUF...")
    wait("a file is asked for", lambda: shown(window.page, QFileDialog))
    (dialog,) = shown(window.page, QFileDialog)
    line = dialog.findChild(QLineEdit)
    assert isinstance(line, QLineEdit)
    write(line, str(file))
    QTest.keyClick(line, Qt.Key.Key_Return)
    wait("the export is shown", lambda: window.page.accessibleName() == "Jobs")
    show_jobs(window, "Done")
    wait("the export is done", lambda: card_says(window, f"Export {TUNED} as gguf", "Done"))
    export = job_of(workspace, "export")
    assert "warning" not in event_types(export)
    assert len((export.result() or {})["summary"]["drift"]["files"]) == 2  # beside the 16-bit one
    wait("the file is known", lambda: adopted_summary(workspace.catalogue, export.id))
    return file


def chat_with_the_winner(window: MainWindow, file: Path) -> None:
    """The exported file answers in the chat as it has learned to; its pane names it."""
    go(window, "Chat")
    press(window.page, "Choose models")
    (dialog,) = shown(window.page, NewChat)
    first, *others = shown(dialog, Suggested)
    write(first.line, f"{TUNED}@q4_k_m")
    for other in others:
        write(other.line, "")
    press(dialog, "Begin")
    prompt = wait_for(window.page, Prompt, "Your message")
    press(window.page, "Settings")
    write(wait_for(window.page, QDoubleSpinBox, "Temperature"), "0")
    write(wait_for(window.page, QSpinBox, "Tokens at most"), "12")
    write(prompt, "Welche Farbe hat 3?")
    QTest.keyClick(prompt, Qt.Key.Key_Return)
    (pane,) = shown(window.page, PaneCard)
    wait("it has answered", lambda: re.search(r"\d tokens/s, \d+ tokens", "\n".join(said(pane))))
    assert f"{file.name} · sha256 {sha256_file(file)[:12]}" in said(pane)
    (heard,) = shown(pane, QTextBrowser)
    question, answer = heard.toPlainText().split("Welche Farbe hat 3?")
    assert question.strip() == ""
    assert answer.strip() in ("rot", "blau")
