"""An engine that computes nothing: says what the real one says, at a fixed pace, for benchmarks of the window.

`talk PACE` answers over stdio like `engine.inference.talking.child`; `train JOB PACE` writes the events of a training
into a job directory, as `engine.training.run` does. PACE is tokens or events a second. Both end when stdin closes.
"""

from __future__ import annotations

import json
import math
import os
import random
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

#: What is said, over and over; a token is a word.
_TEXT = (
    "A merge of two models averages their weights, layer by layer, along the arc between them; where the two agree "
    "nothing is lost, and where they differ the result lies between.\n\nWhether it is better than both is measured, "
    "not known: ask the same of all three, let somebody judge in both orders, and look at the intervals. "
)
#: Tokens of an answer.
TOKENS = 600


def paced(pace: float) -> Iterator[int]:
    """Numbers from 0, ``pace`` of them a second; what was late comes at once."""
    began, number = time.monotonic(), 0
    while True:
        wait = began + number / pace - time.monotonic()
        if wait > 0:
            time.sleep(wait)
        yield number
        number += 1


def talk(pace: float) -> None:
    """Answer every question with the same words."""
    json.loads(sys.stdin.readline())  # what to load
    _tell(number=0, ready=True)
    while line := sys.stdin.readline():
        asked = json.loads(line)
        if "ask" in asked:
            _answer(asked["number"], pace)


def _answer(number: int, pace: float) -> None:
    began, pieces, words = time.monotonic(), [], _TEXT.split()
    for token in paced(pace):
        if token == TOKENS:
            break
        pieces.append(words[token % len(words)] + " ")
        _tell(number=number, piece=pieces[-1])
    reply = {
        "text": "".join(pieces),
        "stop": "stop",
        "prompt_tokens": 40,
        "cached_tokens": 0,
        "tokens": TOKENS,
        "first_seconds": 0.05,
        "seconds": time.monotonic() - began,
    }
    _tell(number=number, reply=reply)


def _tell(**what: object) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def train(folder: Path, pace: float, done: int, total: int) -> None:
    """Train; ``done`` steps lie behind it."""
    from engine.jobs.context import JobContext
    from engine.jobs.directory import JobDirectory
    from engine.jobs.events import EventWriter
    from engine.locks import ProcessLock
    from engine.workspace import open_workspace

    job = JobDirectory(folder)
    lock = ProcessLock(job.lock)
    if not lock.acquire():
        sys.exit("somebody holds the job")
    now = time.time()
    job.change(state="running", pid=os.getpid(), started=now, heartbeat=now)
    writer = EventWriter(job.events)
    context = JobContext(job, open_workspace(folder.parent.parent), writer)
    chance = random.Random(0)

    def step(number: int) -> None:
        context.event(
            "train.step",
            step=number,
            loss=round(0.4 + 2.6 * math.exp(-number / 4000) + chance.gauss(0, 0.12), 6),
            learning_rate=2e-4 * (1 - number / total),
            grad_norm=round(abs(chance.gauss(1.2, 0.3)), 4),
            tokens_per_second=round(chance.gauss(2400, 60), 1),
        )
        if number % 200 == 0:
            context.event(
                "train.evaluation", step=number, loss=round(0.5 + 2.5 * math.exp(-number / 4000), 6)
            )

    for number in range(1, done + 1):
        step(number)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    print("ready", flush=True)
    for number in paced(pace):
        step(done + number + 1)
        context.progress(done + number + 1, total, "steps")


def _end_with_parent() -> None:
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    if sys.argv[1] == "talk":
        talk(float(sys.argv[2]))
    else:
        train(Path(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5]))
