"""Renders chat templates in a child process (`engine.models.rendering_child`) that cannot harm this one.

One child serves the whole process. A rendering that takes too long or too much ends the child, not us; the next
rendering gets a new one.
"""

from __future__ import annotations

import atexit
import json
import marshal
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Final

from engine.models import rendering_child
from engine.models.errors import TemplateError

#: Longest template, in characters; the longest in use have about 40,000.
_LONGEST_TEMPLATE: Final = 200_000
#: After this many renderings that were ended by force, a template is not tried again.
_CHANCES: Final = 3
#: What the clock allows where the system cannot limit a process's computing and memory: seconds and bytes.
_CLOCK: Final = 5.0
_MEMORY: Final = 256 << 20

_FIX: Final = "Use another model, or give this one a chat template that you trust."

#: What a rendering was ended for, and how that is told.
_FORCED: Final = {
    "time": ("template.too_slow", "The chat template takes too long for this conversation."),
    "memory": ("template.too_large", "The chat template needs too much memory for this conversation."),
    "crash": ("template.crashed", "The process that rendered the chat template ended unexpectedly."),
}
#: Status of a child that the system ended for computing too long.
_OVERTIME: Final = (-signal.SIGPROF,) if hasattr(signal, "SIGPROF") else ()


class Renderer:
    """Renders templates, one at a time; may be called from several threads.

    Args:
        watched: Whether this process watches the child's time and memory, because the system does not.
    """

    def __init__(self, *, watched: bool = not sys.platform.startswith("linux")) -> None:
        self._watched = watched
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._owner = 0
        self._numbers: dict[str, int] = {}
        #: Template -> how often it was ended by force, and for what.
        self._ended: dict[str, list[str]] = {}
        self._busy_since: float | None = None
        #: What the watch has ended the child for; empty while it has not.
        self._killed_for = ""

    def render(self, template: str, variables: dict[str, Any]) -> str:
        """The text that ``template`` makes of ``variables``, which are JSON values.

        Raises:
            TemplateError: The template cannot be read, fails, takes too long or needs too much memory.
        """
        return self.render_all(template, [variables])[0]

    def render_all(self, template: str, asked: Sequence[dict[str, Any]]) -> list[str]:
        """The texts of several renderings, asked for at once: of time each has its own, of memory all have one share.

        Raises:
            TemplateError: As for `render`, if any of them fails.
        """
        if len(template) > _LONGEST_TEMPLATE:
            raise TemplateError(
                "template.too_long",
                "The chat template has {length} characters, which no honest one has.",
                fix=_FIX,
                length=len(template),
            )
        with self._lock:
            reasons = self._ended.get(template, [])
            if len(reasons) >= _CHANCES:
                raise _too_much(reasons[-1])
            outcome, told = self._answered(template, list(asked))
            if outcome in _FORCED:
                if len(asked) == 1:  # whose fault it was among several shows when they are asked for alone
                    self._ended.setdefault(template, []).append(outcome)
                raise _too_much(outcome)
        if outcome == "done":
            return _texts(told)
        complaint = _brief(told.decode("utf-8", "replace"))
        if outcome == "syntax":
            raise TemplateError(
                "template.syntax", "The chat template is damaged: {reason}.", fix=_FIX, reason=complaint
            )
        if outcome == "forbidden":
            raise TemplateError(
                "template.forbidden",
                "The chat template does what no chat template may: {reason}.",
                fix=_FIX,
                reason=complaint,
            )
        raise TemplateError(
            "template.fails",
            "The chat template cannot render this conversation: {reason}.",
            fix="Check the order of roles (system, then user and assistant in turn). Where it is right, give the "
            "model a chat template that you trust.",
            reason=complaint,
        )

    def close(self) -> None:
        """End the child."""
        child, self._child = self._child, None
        self._numbers = {}
        if child is not None and self._owner == os.getpid():
            for stream in (child.stdin, child.stdout):
                with suppress(OSError):
                    _open(stream).close()
            child.kill()
            child.wait()

    def _answered(self, template: str, asked: list[dict[str, Any]]) -> tuple[str, bytes]:
        """How it ended, and the texts or the complaint."""
        child = self._running()
        known = self._numbers.get(template)
        number = len(self._numbers) if known is None else known
        request = _packed((number, template if known is None else None, asked))
        try:
            self._busy_since = time.monotonic()
            requests, answers = _open(child.stdin), _open(child.stdout)
            requests.write(rendering_child.LENGTH.pack(len(request)) + request)
            requests.flush()
            self._numbers[template] = number
            head = answers.read(rendering_child.LENGTH.size)
            answer = (
                answers.read(rendering_child.LENGTH.unpack(head)[0])
                if len(head) == rendering_child.LENGTH.size
                else b""
            )
        except OSError:
            answer = b""
        except BaseException:
            # Interrupted between question and answer: the answer would be taken for the next one's.
            self.close()
            raise
        finally:
            self._busy_since = None
        outcomes = {
            rendering_child.DONE: "done",
            rendering_child.FAILED: "failed",
            rendering_child.SYNTAX: "syntax",
            rendering_child.FORBIDDEN: "forbidden",
        }
        outcome = outcomes.get(answer[:1])
        if outcome is None:
            if answer[:1] == rendering_child.MEMORY:
                self.close()
                return "memory", b""
            with suppress(subprocess.TimeoutExpired):
                child.wait(1.0)
            status, reason = child.returncode, self._killed_for
            self.close()
            return reason or ("time" if status in _OVERTIME else "crash"), b""
        return outcome, answer[1:]

    def _running(self) -> subprocess.Popen[bytes]:
        """The child, started where there is none or it is another process's (this one being a fork)."""
        if self._child is None or self._owner != os.getpid() or self._child.poll() is not None:
            self.close()
            self._child = subprocess.Popen(
                # -P: the modules beside it have names of Python's own.
                [sys.executable, "-P", str(Path(rendering_child.__file__))],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
            self._owner, self._killed_for = os.getpid(), ""
            _open(self._child.stdout).read(1)  # it is ready: its start counts for no template
            if self._watched:
                threading.Thread(
                    target=self._watch, args=(self._child,), name="template-watch", daemon=True
                ).start()
        return self._child

    def _watch(self, child: subprocess.Popen[bytes]) -> None:
        """Kill the child when a rendering takes too long or too much."""
        import psutil

        with suppress(psutil.Error):
            process = psutil.Process(child.pid)
            while child.poll() is None:
                time.sleep(0.1)
                since = self._busy_since
                late = since is not None and time.monotonic() - since > _CLOCK
                if late or process.memory_info().rss > _MEMORY:
                    self._killed_for = "time" if late else "memory"
                    child.kill()
                    return


def _packed(request: tuple[int, str | None, list[dict[str, Any]]]) -> bytes:
    """The request in bytes; what is no plain JSON value goes as its text.

    Raises:
        TemplateError: The conversation contains itself, or is nested without end.
    """
    number, text, asked = request
    try:
        try:
            return marshal.dumps(request)
        except ValueError:
            return marshal.dumps((number, text, json.loads(json.dumps(asked, default=str))))
    except (TypeError, ValueError, RecursionError) as error:
        raise TemplateError(
            "template.fails",
            "The chat template cannot be given this conversation: {reason}.",
            fix="Give it messages of text, numbers, lists and objects.",
            reason=_brief(str(error)),
        ) from error


def _texts(answer: bytes) -> list[str]:
    texts, place = [], 0
    while place < len(answer):
        start = place + rendering_child.LENGTH.size
        place = start + rendering_child.LENGTH.unpack_from(answer, place)[0]
        texts.append(answer[start:place].decode("utf-8", "surrogatepass"))
    return texts


def _open(stream: IO[bytes] | None) -> IO[bytes]:
    if stream is None:
        raise OSError("the stream was not opened")
    return stream


def _too_much(reason: str) -> TemplateError:
    code, text = _FORCED[reason]
    return TemplateError(code, text, fix=_FIX)


def _brief(reason: str) -> str:
    return reason.strip().split("\n")[0][:200].rstrip(". ")


#: The one that everybody shares.
RENDERER: Final = Renderer()
atexit.register(RENDERER.close)
