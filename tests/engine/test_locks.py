"""Locks between processes: one holder, free at its death, not inherited by what it started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from engine.locks import ProcessLock, is_held

_HOLDER = """
import sys, time
from pathlib import Path
from engine.locks import ProcessLock
lock = ProcessLock(Path(sys.argv[1]))
print("got" if lock.acquire() else "refused", flush=True)
{then}
time.sleep(60)
"""
_CHILDREN = {
    "a subprocess": (
        "import subprocess\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "print(child.pid, flush=True)"
    ),
    "a spawned process": (
        "import multiprocessing\n"
        "child = multiprocessing.get_context('spawn').Process(target=time.sleep, args=(60,))\n"
        "child.start()\n"
        "print(child.pid, flush=True)"
    ),
    "a forked process": (
        "import os\n"
        "child = os.fork()\n"
        "if child == 0:\n    time.sleep(60)\n    os._exit(0)\n"
        "print(child, flush=True)"
    ),
}


def _start(path: Path, then: str = "") -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", _HOLDER.format(then=then), str(path)], stdout=subprocess.PIPE, text=True
    )


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_a_lock_has_one_holder(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    assert not is_held(path)
    first, second = ProcessLock(path), ProcessLock(path)
    assert first.acquire()
    assert is_held(path)
    assert not second.acquire()
    first.release()
    first.release()
    assert not is_held(path)
    assert second.acquire(timeout=1.0)
    second.release()


def test_another_process_is_refused_until_the_holder_dies(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    holder = _start(path)
    assert _line(holder) == "got"
    assert is_held(path)
    mine = ProcessLock(path)
    assert not mine.acquire(timeout=0.1)
    holder.kill()
    holder.wait()
    assert mine.acquire(timeout=2.0)
    mine.release()


def test_waiting_ends_as_soon_as_the_lock_is_free(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    first, second = ProcessLock(path), ProcessLock(path)
    first.acquire()
    threading.Timer(0.2, first.release).start()
    started = time.monotonic()
    assert second.acquire(timeout=10.0)
    assert time.monotonic() - started < 5.0
    second.release()


def test_two_who_look_do_not_take_each_other_for_the_holder(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    path.touch()
    seen: list[bool] = []

    def look() -> None:
        seen.extend(is_held(path) for _ in range(300))

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 1200
    assert not any(seen)


@pytest.mark.skipif(sys.platform == "win32", reason="kills by signal")
@pytest.mark.parametrize("child", ["a subprocess", "a spawned process"])
def test_a_child_does_not_keep_the_lock_after_its_parent_is_killed(tmp_path: Path, child: str) -> None:
    path = tmp_path / "x.lock"
    holder = _start(path, _CHILDREN[child])
    assert _line(holder) == "got"
    pid = int(_line(holder))
    holder.kill()
    holder.wait()
    assert psutil.pid_exists(pid)
    assert not is_held(path)
    os.kill(pid, signal.SIGKILL)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_would_keep_it_which_is_why_nothing_forks(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    holder = _start(path, _CHILDREN["a forked process"])
    assert _line(holder) == "got"
    pid = int(_line(holder))
    holder.kill()
    holder.wait()
    assert is_held(path)
    os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 5.0
    while is_held(path) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not is_held(path)


def test_the_engine_forks_nowhere() -> None:
    engine = Path(__file__).resolve().parents[3] / "engine"
    for file in engine.rglob("*.py"):
        text = file.read_text(encoding="utf-8")
        assert "os.fork" not in text, file
        assert 'get_context("fork' not in text, file
