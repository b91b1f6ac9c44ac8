"""Conversations on disk: one JSON file each, replaced as a whole after every change.

Whoever goes on with one holds a lock on it, so that two processes do not overwrite each other's turns.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from engine.errors import Words
from engine.files import write_json
from engine.inference.chat.conversation import Conversation, Pane
from engine.inference.chat.errors import ChatError
from engine.locks import ProcessLock
from engine.workspace import Workspace


def begin(panes: list[Pane]) -> Conversation:
    """A new conversation; it is on disk when it is saved first."""
    now = time.time()
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime(now))
    return Conversation(id=f"{stamp}-{secrets.token_hex(3)}", created=now, panes=panes)


@contextmanager
def begun(workspace: Workspace, panes: list[Pane]) -> Iterator[Conversation]:
    """A new conversation (see `begin`) that nobody else can go on with while the block runs."""
    conversation = begin(panes)
    with _held(workspace, conversation.id):
        try:
            yield conversation
        finally:
            if not is_saved(workspace, conversation):
                with suppress(OSError):  # its name is nobody's any more
                    _lock(workspace, conversation.id).path.unlink()


@contextmanager
def resumed(workspace: Workspace, name: str) -> Iterator[Conversation]:
    """The conversation with this id (see `load`), which nobody else can go on with while the block runs.

    Raises:
        ChatError: There is none, its file is damaged, or another process has it open.
    """
    _require_known(workspace, name)
    with _held(workspace, name):
        yield load(workspace, name)


@contextmanager
def _held(workspace: Workspace, name: str) -> Iterator[None]:
    lock = _lock(workspace, name)
    if not lock.acquire():
        raise ChatError(
            "chat.open",
            "The conversation '{name}' is open in another process.",
            fix="Go on there, or close it there first.",
            name=name,
        )
    try:
        yield
    finally:
        lock.release()


def save(workspace: Workspace, conversation: Conversation) -> Path:
    """Write it; a kill at any instant leaves this or the state before."""
    file = _file(workspace, conversation.id)
    write_json(file, conversation.model_dump(mode="json"))
    return file


def is_saved(workspace: Workspace, conversation: Conversation) -> bool:
    """Whether it is on disk."""
    return _file(workspace, conversation.id).is_file()


def load(workspace: Workspace, name: str) -> Conversation:
    """The conversation with this id.

    Raises:
        ChatError: There is none, or its file is damaged.
    """
    _require_known(workspace, name)
    return _read(_file(workspace, name))


def saved(workspace: Workspace) -> tuple[list[Conversation], list[ChatError]]:
    """All conversations that can be read, newest first, and why others cannot be."""
    found, damaged = list[Conversation](), list[ChatError]()
    for file in sorted(workspace.conversations.glob("*.json")):
        try:
            found.append(_read(file))
        except ChatError as error:
            damaged.append(error)
    return sorted(found, key=lambda one: one.created, reverse=True), damaged


def _lock(workspace: Workspace, name: str) -> ProcessLock:
    return ProcessLock(workspace.conversations / f".{name}.lock")


def _file(workspace: Workspace, name: str) -> Path:
    return workspace.conversations / f"{name}.json"


def _require_known(workspace: Workspace, name: str) -> None:
    if Path(name).name == name and _file(workspace, name).is_file():
        return
    known = [one.id for one in saved(workspace)[0]]
    raise ChatError(
        "chat.unknown",
        "There is no conversation '{name}'.",
        fix="Known are: {known}.",
        name=name,
        known=", ".join(known[:10]) or Words("none yet"),
    )


def _read(file: Path) -> Conversation:
    try:
        conversation = Conversation.model_validate(json.loads(file.read_text(encoding="utf-8")))
        _name_answerers(conversation)
    except (OSError, ValueError) as error:
        raise ChatError(
            "chat.damaged",
            "The conversation in {file} cannot be read.",
            fix="Restore the file, or remove it.",
            file=str(file),
        ) from error
    if conversation.id != file.stem:
        # It would be saved elsewhere: over another conversation, or outside the workspace.
        raise ChatError(
            "chat.renamed",
            "The file {file} says that it is the conversation '{name}'.",
            fix="Give it the name that it had, or remove it.",
            file=str(file),
            name=conversation.id,
        )
    return conversation


def _name_answerers(conversation: Conversation) -> None:
    """Let answers kept before they named the file that gave them take it from their panes, which had one file then.

    Raises:
        ValueError: An answer is of no pane.
    """
    for turn in conversation.turns:
        for number, answer in turn.answers.items():
            if not 0 <= number < len(conversation.panes):
                raise ValueError(f"no pane {number}")
            if not answer.sha256:
                pane = conversation.panes[number]
                answer.sha256, answer.quantisation = pane.sha256, pane.quantisation
