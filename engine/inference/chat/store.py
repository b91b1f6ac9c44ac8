"""Conversations on disk: one JSON file each, replaced as a whole after every change."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable
from pathlib import Path

from pydantic import ValidationError

from engine.files import write_json
from engine.inference.chat.conversation import Conversation, Pane
from engine.inference.chat.errors import ChatError
from engine.jobs.locks import ProcessLock
from engine.workspace import Workspace


def begin(panes: list[Pane]) -> Conversation:
    """A new conversation; it is on disk when it is saved first."""
    now = time.time()
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime(now))
    return Conversation(id=f"{stamp}-{secrets.token_hex(3)}", created=now, panes=panes)


def save(workspace: Workspace, conversation: Conversation) -> Path:
    """Write it; a kill at any instant leaves this or the state before."""
    file = workspace.conversations / f"{conversation.id}.json"
    file.parent.mkdir(exist_ok=True)
    write_json(file, conversation.model_dump(mode="json"))
    return file


def load(workspace: Workspace, name: str) -> Conversation:
    """The conversation with this id.

    Raises:
        ChatError: There is none, or its file is damaged.
    """
    file = workspace.conversations / f"{name}.json"
    if Path(name).name != name or not file.is_file():
        known = [one.id for one in saved(workspace)]
        raise ChatError(
            "chat.unknown",
            "There is no conversation '{name}'.",
            fix="Known are: {known}.",
            name=name,
            known=", ".join(known[:10]) or "none yet",
        )
    return _read(file)


def saved(workspace: Workspace, damaged: Callable[[ChatError], None] = lambda _: None) -> list[Conversation]:
    """All conversations that can be read, newest first; ``damaged`` hears of the others."""
    found = []
    for file in sorted(workspace.conversations.glob("*.json")):
        try:
            found.append(_read(file))
        except ChatError as error:
            damaged(error)
    return sorted(found, key=lambda one: one.created, reverse=True)


def hold(workspace: Workspace, conversation: Conversation) -> ProcessLock:
    """Keep others from going on with a conversation at the same time, until the lock is given back.

    Raises:
        ChatError: Somebody does.
    """
    workspace.conversations.mkdir(exist_ok=True)
    lock = ProcessLock(workspace.conversations / f".{conversation.id}.lock")
    if not lock.acquire():
        raise ChatError(
            "chat.held",
            "Somebody else is going on with the conversation '{name}' at this moment.",
            fix="End it there first, or begin a new one.",
            name=conversation.id,
        )
    return lock


def _read(file: Path) -> Conversation:
    try:
        found = Conversation.model_validate(json.loads(file.read_text(encoding="utf-8")))
        if found.id != file.stem:
            raise ValueError("it is another one's")
        return found
    except (OSError, ValueError, ValidationError, RecursionError) as error:
        raise ChatError(
            "chat.damaged",
            "The conversation in {file} cannot be read.",
            fix="Restore the file, or remove it.",
            file=str(file),
        ) from error
