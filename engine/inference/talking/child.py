"""A process that holds one model and answers over stdio, a JSON document a line.

Native code that crashes here takes nothing else down. The first line on stdin says what to load; then come questions
(``{"ask": {...}, "number": 1}``) and wishes to stop one (``{"stop": 1}``). On stdout go ``{"ready": true}``, pieces
of answers, the whole of each, and failures. When stdin closes, whoever started this is gone, and it ends at once.
That is surer than a signal on the parent's death, which Linux sends already at the end of the thread that started it.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

from engine.errors import BakeoffError, reason_of
from engine.inference.constraints import Constraint
from engine.inference.sampling import Sampling
from engine.models.auto import forgo_torch
from engine.progress import SilentReporter


class _Child:
    """Reads stdin in a thread of its own, so that stopping and ending are heard while the model computes."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._asked: queue.Queue[dict[str, Any]] = queue.Queue()
        self._stopped = 0

    def run(self) -> None:
        """Load, and answer until stdin closes."""
        from engine.inference.llama.replies import Talker
        from engine.models.template import load_template

        threading.Thread(target=self._hear, daemon=True).start()
        wanted = self._asked.get()
        try:
            fallback = Path(wanted["fallback"]) if wanted["fallback"] else None
            template = load_template(Path(wanted["folder"]), SilentReporter(), fallback=fallback)
            talker = Talker(Path(wanted["file"]), template, context=wanted["context"])
        except Exception as error:
            self._tell(0, error=_described(error))
            return
        self._tell(0, ready=True)
        with closing(talker):
            while True:
                asked = self._asked.get()
                try:
                    self._answer(talker, asked["number"], asked["ask"])
                except Exception as error:
                    self._tell(asked["number"], error=_described(error))

    def _answer(self, talker: Any, number: int, asked: dict[str, Any]) -> None:
        constraint = asked["constraint"]
        for piece in talker.reply(
            asked["messages"],
            Sampling.model_validate(asked["sampling"]),
            max_new_tokens=asked["max_new_tokens"],
            tools=asked["tools"],
            constraint=Constraint.model_validate(constraint) if constraint else None,
            stops=asked["stops"],
            stopped=lambda: self._stopped >= number,
        ):
            if isinstance(piece, str):
                self._tell(number, piece=piece)
            else:
                self._tell(number, reply=asdict(piece))

    def _tell(self, number: int, **what: Any) -> None:
        self._out.write(json.dumps({"number": number, **what}) + "\n")
        self._out.flush()

    def _hear(self) -> None:
        for line in sys.stdin:
            document = json.loads(line)
            if "stop" in document:
                self._stopped = document["stop"]
            else:
                self._asked.put(document)
        os._exit(0)


def _described(error: Exception) -> dict[str, Any]:
    if isinstance(error, BakeoffError):
        return error.record()
    reason = reason_of(error)
    return {
        "code": "answers.failed",
        "message": f"The model failed to answer: {reason}.",
        "fix": "Ask again.",
    }


def main() -> None:
    """Run the process; what libraries print goes to stderr."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    forgo_torch()
    _Child(out).run()


if __name__ == "__main__":
    main()
