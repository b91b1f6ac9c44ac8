"""A fence around the window: nothing leaves the machine, no job is begun, and files are chosen without a dialog.

Inside it:

- a job that is asked for waits in its queue, as no runner is started;
- the models of a conversation answer from this process;
- every address is refused, as on a machine without a network;
- folders, links and other workspaces that would be opened elsewhere are noted;
- dialogs that choose files, which could rename and remove any file of the machine, answer by themselves;
- what is dragged out of the window is dropped on it.

Clock, machine and keyring are held still (`tests.desktop.still`). Everything else is what the user has.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from time import sleep
from typing import Any, Final
from unittest.mock import patch

from PySide6.QtCore import QTimer, QUrl
from PySide6.QtGui import QDesktopServices, QDrag
from PySide6.QtWidgets import QFileDialog

from engine.inference.llama.replies import Reply
from engine.jobs.client import JobClient
from engine.workspace import Workspace
from tests.desktop.still import still

_OUR_KEYS: Final = ("_API_KEY", "_BASE_URL", "_PROXY", "_proxy", "HF_TOKEN")


@dataclass
class Answers:
    """What the dialogs and drags of the fence do; whoever plays sets it.

    Attributes:
        choose: Called for a file or folder; empty: the dialog is cancelled. It gets the kind, ``open``, ``save`` or
            ``folder``.
        drop: Called with a drag of the window.
    """

    choose: Callable[[str], str] = lambda _kind: ""
    drop: Callable[[QDrag], None] = lambda _drag: None
    left: list[str] = field(default_factory=list)


@contextmanager
def fence(workspace: Workspace) -> Iterator[Answers]:
    """Keep everything inside, as the module says."""
    answers = Answers()
    with ExitStack() as stack:
        stack.enter_context(still(workspace))  # it puts the environment back, too
        for name in [name for name in os.environ if name.endswith(_OUR_KEYS)]:
            del os.environ[name]

        def instead(owner: Any, name: str, value: Any) -> None:
            stack.enter_context(patch.object(owner, name, value))

        def opened(url: QUrl) -> bool:
            answers.left.append(url.toString())
            return True

        instead(JobClient, "ensure_runner", lambda _self, _job=None: None)
        instead(QDesktopServices, "openUrl", opened)
        instead(socket.socket, "connect", _refuse)
        instead(socket.socket, "connect_ex", _refuse)
        stack.enter_context(patch("socket.getaddrinfo", _unknown))
        stack.enter_context(
            patch("desktop.shell.places.open_window", lambda root: answers.left.append(str(root)))
        )
        stack.enter_context(patch("engine.jobs.client.spawn_module", _no_process))
        stack.enter_context(patch("engine.inference.chat.answering.ChildTalker", Parrot))
        for name, kind in (("getOpenFileName", "open"), ("getSaveFileName", "save")):
            instead(QFileDialog, name, staticmethod(lambda *_, kind=kind, **__: (answers.choose(kind), "")))
        instead(QFileDialog, "getExistingDirectory", staticmethod(lambda *_, **__: answers.choose("folder")))
        instead(QFileDialog, "open", lambda dialog, *_: _answer(dialog, answers))
        instead(QFileDialog, "exec", _not_here)
        instead(QDrag, "exec", lambda drag, *_: answers.drop(drag))
        yield answers


class Parrot:
    """In the place of a process with a model: says the prompt back, a word at a time."""

    process_id = None

    def __init__(self, loading: Any, stopped: Callable[[], bool] = lambda: False) -> None:
        del loading, stopped

    def reply(
        self, messages: Sequence[dict[str, Any]], *_how: Any, stopped: Callable[[], bool], **_more: Any
    ) -> Iterator[str | Reply]:
        """The last message, piece by piece."""
        words = [f"{word} " for word in str(messages[-1]["content"]).split()[:40]]
        said = ""
        for word in words:
            if stopped():
                break
            said += word
            yield word
            sleep(0.01)
        yield Reply(
            text=said,
            stop="stop" if len(said) == sum(map(len, words)) else "stopped",
            prompt_tokens=len(words),
            cached_tokens=0,
            tokens=len(words),
            first_seconds=0.01,
            seconds=0.01 * len(words),
        )

    def close(self) -> None:
        """There is nothing to end."""


def _answer(dialog: QFileDialog, answers: Answers) -> None:
    """What a file dialog that does not wait says, after a moment."""
    save = dialog.acceptMode() == QFileDialog.AcceptMode.AcceptSave

    def tell() -> None:
        chosen = answers.choose("save" if save else "open")
        if chosen:
            dialog.fileSelected.emit(chosen)
            dialog.filesSelected.emit([chosen])
        dialog.deleteLater()

    QTimer.singleShot(0, dialog, tell)


def _refuse(_self: socket.socket, address: Any) -> int:
    raise ConnectionRefusedError(f"there is no network here, and nobody at {address}")


def _unknown(host: Any, *_how: Any, **_more: Any) -> Any:
    raise socket.gaierror(socket.EAI_NONAME, f"there is no network here, and nobody knows {host}")


def _no_process(module: str, *_words: Any, **_how: Any) -> Any:
    raise AssertionError(f"{module} would be started")


def _not_here(dialog: QFileDialog, *_how: Any) -> int:
    raise AssertionError(f"{dialog.windowTitle()} waits inside of an event")
