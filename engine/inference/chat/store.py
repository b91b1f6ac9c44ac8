"""Conversations on disk: one JSON file each, replaced as a whole after every change."""

from __future__ import annotations

import json
import secrets
import time
from pathlib import Path

from pydantic import ValidationError

from engine.files import write_json
from engine.inference.chat.conversation import Conversation, Pane
from engine.inference.chat.errors import ChatError
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


def saved(workspace: Workspace) -> list[Conversation]:
    """All conversations that can be read, newest first."""
    found = []
    for file in workspace.conversations.glob("*.json"):
        try:
            found.append(_read(file))
        except ChatError:
            continue  # one that is damaged is told when it is asked for
    return sorted(found, key=lambda one: one.created, reverse=True)


def _read(file: Path) -> Conversation:
    try:
        return Conversation.model_validate(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, ValidationError) as error:
        raise ChatError(
            "chat.damaged",
            "The conversation in {file} cannot be read.",
            fix="Restore the file, or remove it.",
            file=str(file),
        ) from error
