"""How fast the window is: `python -m tests.bench.bench_window [start|memory|frames|grid|garbage]`.

Without a screen (Qt's software rendering):

- start: from the start of `python -m desktop.app` to the end of the event in which its window is painted first;
  cold is after the system has dropped its cache of files, where it lets us.
- memory: of that process, 10 seconds later, untouched.
- frames: how long an input waits for the window, and how long its chart takes, while two chats stream 60 tokens a
  second each and a training that has 20,000 steps behind it tells 100 events a second. They come from
  `tests.bench.fake_engine`, in processes at nice 10, through the engine's own files and pipes.
- grid: frames while answers are scrolled, from the turn of the wheel until they are painted: with nothing else to do,
  and while their verdicts are counted beside, all of them or those that a judge adds twice a second.
- garbage: pauses for it while half a million objects come in, by Python itself and by `desktop.collecting`.

Frames while scrolling a million rows, and searches in them, are measured by `tests.bench.bench_datasets`.
"""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

os.environ["QT_QPA_PLATFORM"] = "offscreen"

import numpy as np
import psutil
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QPaintEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QPlainTextEdit

from desktop.collecting import Collector
from desktop.pages.train.chart import Chart
from desktop.shell.window import MainWindow
from desktop.theme.look import Look
from desktop.theme.tokens import Tokens
from engine.jobs.directory import JobDirectory, Request, create, new_job_id
from engine.judging.ledger import CatalogueLedger
from engine.models.library import find_model
from engine.training.spec import TrainSpec
from engine.workspace import Workspace, open_workspace
from engine.workspace.adoption import Adoption, NewExport, NewModel, adopt
from tests.answered import fill, prompts, said
from tests.bench import fake_engine
from tests.bench.at_the_window import MODEL, scrolled, tell, the_application, training
from tests.bench.event_loop import Waits, until, work

STARTS = 7
COLD_STARTS = 3
IDLE_SECONDS = 10.0
TOKENS_A_SECOND = 60.0
SECONDS = 15.0
#: Of the grid; each pair of neighbours is judged in both orders.
PROMPTS = 3_000
ANSWERERS = 12
#: Of Python, that a large dataset in the window is made of.
OBJECTS = 500_000
#: Libraries that are not there yet when the window is painted.
LATER = ("pyqtgraph", "alembic", "pyarrow", "sqlalchemy", "torch", "transformers")

#: Runs the window in a process of its own, which tells when it was painted. It is told when it was started.
_PROGRAM = """
import sys, time
began = float(sys.argv.pop(1))
from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QApplication, QWidget
import desktop.app

class Watched(QApplication):
    depth, painted, told = 0, False, False
    def notify(self, receiver, event):
        if self.told:
            return super().notify(receiver, event)
        self.depth += 1
        done = super().notify(receiver, event)
        self.depth -= 1
        if event.type() == QEvent.Type.Paint and isinstance(receiver, QWidget):
            self.painted = self.painted or type(receiver.window()).__name__ == "MainWindow"
        if self.painted and not self.depth:
            self.told = True
            print(time.time() - began, time.process_time(), *(m for m in LATER if m in sys.modules), flush=True)
        return done

desktop.app.QApplication = Watched
desktop.app.main()
"""


@contextmanager
def started(workspace: Path) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """The window in a process of its own, and what it told at its first paint."""
    program = f"LATER = {LATER!r}{_PROGRAM}"
    home = workspace.parent
    process = subprocess.Popen(
        [sys.executable, "-c", program, repr(time.time()), "--workspace", str(workspace)],
        env={**os.environ, "HOME": str(home), "XDG_CONFIG_HOME": str(home / "config")},
        stdout=subprocess.PIPE,
        encoding="utf-8",
    )
    assert process.stdout is not None
    try:
        yield process, process.stdout.readline().split()
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def drop_caches() -> bool:
    """Let the system forget what it has read of files; False where it does not let us."""
    os.sync()
    try:
        Path("/proc/sys/vm/drop_caches").write_text("3", encoding="ascii")
    except OSError:
        return False
    return True


def measure_start(folder: Path) -> None:
    """Time to the first paint."""
    workspace = folder / "start"
    with started(workspace):
        pass  # makes the workspace, and Python's compiled files
    print(f"{'to the first paint':44}{'best':>10}{'median':>10}{'CPU s':>10}{'goal':>16}")
    for what, times in (("warm", STARTS), ("cold", COLD_STARTS)):
        told = []
        for _ in range(times):
            if what == "cold" and not drop_caches():
                print(f"{what:44}not measured: only root can have the system drop its cache of files")
                return
            with started(workspace) as (_, one):
                told.append(one)
        taken, used = ([float(one[at]) for one in told] for at in (0, 1))
        goal = "< 1.0 s" if what == "warm" else "-"
        print(f"{what:44}{min(taken):>8.2f} s{np.median(taken):>8.2f} s{min(used):>10.2f}{goal:>16}")
        early = sorted({name for one in told for name in one[2:]})
        print(f"{'  loaded before it, though it could wait':44}{', '.join(early) or 'nothing':>10}")


def measure_memory(folder: Path) -> None:
    """Memory of a window that nobody touches."""
    with started(folder / "idle") as (process, _):
        time.sleep(IDLE_SECONDS)
        memory = psutil.Process(process.pid).memory_full_info()
    print(f"{'memory of the idle window':44}{'USS':>10}{'RSS':>10}{'':>10}{'goal':>16}")
    print(f"{'':44}{memory.uss / 1e6:>7.0f} MB{memory.rss / 1e6:>7.0f} MB{'':>10}{'< 200 MB':>16}")


class Pauses:
    """How long each collection of garbage takes."""

    def __init__(self) -> None:
        self.taken: list[float] = []
        self._began = 0.0
        gc.callbacks.append(self._note)

    def close(self) -> None:
        """Note no more."""
        gc.callbacks.remove(self._note)

    def _note(self, phase: str, _info: dict[str, int]) -> None:
        now = time.thread_time()
        if phase == "start":
            self._began = now
        else:
            self.taken.append((now - self._began) * 1000)


class FakeTalkers(subprocess.Popen[Any]):
    """Starts `tests.bench.fake_engine` where a model would be started."""

    def __init__(self, words: Sequence[str], **options: Any) -> None:
        if words[-1] == "engine.inference.talking.child":
            told = [str(Path(fake_engine.__file__)), "talk", str(TOKENS_A_SECOND)]
            words = ["nice", "-n", "10", sys.executable, "-P", *told]
        super().__init__(words, **options)


def prepare(workspace: Workspace) -> JobDirectory:
    """Two models with files that nobody reads, and a training to be."""
    models = []
    for name in ("one", "two"):
        (workspace.models / name).mkdir()
        models.append(
            NewModel(
                id=name, name=name, kind="base", folder=f"models/{name}", weights_sha256=name * 20, info=MODEL
            )
        )
    _adopt(workspace, "models", Adoption(models=models))
    exports = []
    for name in ("one", "two"):
        file = workspace.exports / f"{name}.gguf"
        file.write_bytes(b"GGUF")
        found = {"bytes": 4, "written_ns": file.stat().st_mtime_ns}
        made_of = find_model(workspace, name).identity
        exports.append(
            NewExport(
                id=name,
                model_id=name,
                made_of=made_of,
                quantisation="q8_0",
                file=workspace.relative(file),
                sha256="0" * 64,
                info=found,
            )
        )
    _adopt(workspace, "exports", Adoption(exports=exports))
    spec = TrainSpec(base="one", dataset="data", name="one-data").model_dump(mode="json")
    request = Request(new_job_id("train"), "train", "Train one on data", spec, time.time(), "compute")
    return create(workspace.jobs, request)


def _adopt(workspace: Workspace, job: str, what: Adoption) -> None:
    adopt(workspace.catalogue, job_id=job, kind="model_add", title="", study=None, summary={}, what=what)


def measure_frames(folder: Path) -> None:
    """What the window does while others tell it much."""
    subprocess.Popen = FakeTalkers  # type: ignore[misc]
    workspace = open_workspace(folder / "frames")
    job = prepare(workspace)
    look = Look(the_application(), "light")
    collector = Collector(look.hands)
    window = MainWindow(workspace, look)
    window.first_paint.over.connect(collector.start)
    window.resize(1360, 860)
    window.show()
    drawn: list[float] = []
    drawing: list[float] = []
    _note_drawings(drawn, drawing)
    waits, pauses = Waits(), Pauses()
    print(f"{'an input waits, ms':44}{'p50':>10}{'p95':>10}{'max':>10}{'goal':>16}")
    with training(job):
        until(lambda: any(one.state == "running" for one in window.services.feed.jobs))
        window.go("chat")
        _ask(window)
        for key, what in (("chat", "Chat on the screen, two streams"), ("train", "Train on the screen")):
            window.go(key)
            if key == "train":
                until(lambda: drawn)
            work(3000)
            waits.restart()
            drawn.clear()
            drawing.clear()
            began, used = time.perf_counter(), time.process_time()
            ended = began + SECONDS
            while time.perf_counter() < ended:
                _ask(window)  # once more, where all have answered
                work(200)
            spent = time.process_time() - used
            tell(what, waits.taken, "< 16 ms (p95)")
            print(f"{'  processor time of the window':44}{spent / SECONDS * 100:>9.0f}%")
            if pauses.taken:
                tell("  garbage, collected meanwhile", pauses.taken, "-")
                pauses.taken.clear()
            if drawn:
                tell(f"  the chart, drawn {len(drawn) / SECONDS:.1f} times a second", drawn, "60 ms, 5 /s")
                tell("  of that, processor time", drawing, "-")
    waits.close()
    pauses.close()
    window.close()
    collector.close()


def measure_grid(folder: Path) -> None:
    """Scrolling the grid of answers while a thread counts what a judge says on them."""
    workspace = open_workspace(folder / "grid")
    names = tuple(f"model-{number:02}" for number in range(ANSWERERS))
    fill(workspace, folder, PROMPTS, names)
    ledger = CatalogueLedger(workspace.catalogue, "d1", "test")
    asked = prompts(workspace)
    pairs = [pair for one, other in pairwise(names) for pair in ((one, other), (other, one))]
    ledger.add([said(prompt, *pair, "a") for prompt in asked[:-100] for pair in pairs])
    left = iter([said(prompt, *pair, "b") for prompt in asked[-100:] for pair in pairs])
    look = Look(the_application(), "light")
    collector = Collector(look.hands)
    window = MainWindow(workspace, look)
    window.first_paint.over.connect(collector.start)
    window.resize(1360, 860)
    window.show()
    window.go("compare")
    page: Any = window.page
    until(lambda: page.model.state.grid is not None and page.model.measures.means)
    grid = page.model.state.grid
    view = page._grid.answers
    heading = f"scrolling {PROMPTS:,} x {ANSWERERS} answers, ms a frame"
    print(f"{heading:44}{'p50':>10}{'p95':>10}{'max':>10}{'goal':>16}")
    tell("nothing else to do", scrolled(view, lambda: None, SECONDS), "< 16 ms (p95)")

    def recounted() -> None:
        if not page.model._reading:
            page.model._known.grid = None
            page.model.refresh()

    tell(
        f"{len(asked) * len(pairs):,} verdicts counted over and over", scrolled(view, recounted, SECONDS), "-"
    )
    added = time.monotonic()

    def judged() -> None:
        nonlocal added
        if time.monotonic() > added + 0.5:
            added = time.monotonic()
            ledger.add(list(islice(left, 16)))  # which the window hears of by itself

    before = page.model.state.grid
    tell("32 verdicts come in a second", scrolled(view, judged, SECONDS), "< 16 ms (p95)")
    assert page.model.state.grid is not before is not grid
    window.close()
    collector.close()


def measure_garbage(folder: Path) -> None:
    """Pauses for garbage while a thread brings in what a large dataset is made of, and lets it go again."""
    look = Look(the_application(), "light")
    print(f"{'collecting garbage, ms of processor time':44}{'pauses':>10}{'in all':>10}{'longest':>10}")
    for who in ("Python", "the window"):
        window = MainWindow(open_workspace(folder / "garbage"), look)
        collector = Collector(look.hands) if who == "the window" else None
        if collector is not None:
            window.first_paint.over.connect(collector.start)
        window.show()
        work(1500)
        pauses, there = Pauses(), []
        for at in range(OBJECTS // 10_000):
            QTest.mouseMove(window.windowHandle(), QPoint(100 + at, 100))
            there += [{"prompt": [number], "completion": (number, [])} for number in range(2_500)]
            work(50)
        _tell_pauses("by Python itself" if collector is None else "by the window", pauses)
        if collector is not None:
            work(11_000)
            _tell_pauses("  once nobody has touched it for 10 s", pauses)
        there.clear()
        pauses.close()
        window.close()
        if collector is not None:
            collector.close()


def _tell_pauses(what: str, pauses: Pauses) -> None:
    taken = pauses.taken or [0.0]
    print(f"{what:44}{len(pauses.taken):>10}{sum(taken):>10.0f}{max(taken):>10.1f}", flush=True)
    pauses.taken.clear()


def _ask(window: MainWindow) -> None:
    """Open a conversation with both models, or ask them once more where both have answered."""
    page: Any = window._pages["chat"]
    talk = page.model.talk
    if talk.conversation is None:
        until(lambda: len(page.model.state.models) == 2)
        page.open(("one", "two"))
        until(lambda: talk.conversation is not None)
    if not talk.busy:
        prompts = page.findChildren(QPlainTextEdit)
        prompt = next(one for one in prompts if one.accessibleName() == "Your message")
        prompt.setPlainText("What does a merge do?")
        QTest.keyClick(prompt, Qt.Key.Key_Return)
        until(lambda: talk.busy)


def _note_drawings(drawn: list[float], used: list[float]) -> None:
    """Note how long each drawing of a chart takes: putting it together, and the painting after it."""
    draw, paint = Chart.draw, Chart.paintEvent
    before = (0.0, 0.0)

    def timed_draw(chart: Chart, tokens: Tokens) -> None:
        nonlocal before
        began = time.perf_counter(), time.thread_time()
        draw(chart, tokens)
        before = time.perf_counter() - began[0], time.thread_time() - began[1]

    def timed_paint(chart: Chart, event: QPaintEvent) -> None:
        nonlocal before
        began = time.perf_counter(), time.thread_time()
        paint(chart, event)
        if before != (0.0, 0.0):
            drawn.append((before[0] + time.perf_counter() - began[0]) * 1000)
            used.append((before[1] + time.thread_time() - began[1]) * 1000)
        before = (0.0, 0.0)

    Chart.draw, Chart.paintEvent = timed_draw, timed_paint  # type: ignore[method-assign]


MEASURES = {
    "start": measure_start,
    "memory": measure_memory,
    "frames": measure_frames,
    "grid": measure_grid,
    "garbage": measure_garbage,
}


def main() -> None:
    """Measure what is named, or everything."""
    with tempfile.TemporaryDirectory() as folder:
        for name in sys.argv[1:] or MEASURES:
            MEASURES[name](Path(folder))


if __name__ == "__main__":
    main()
