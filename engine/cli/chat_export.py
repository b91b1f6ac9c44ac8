"""What ``bakeoff chat`` writes besides conversations: dataset examples, and votes as verdicts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.cli.session import Session
from engine.errors import BakeoffError
from engine.files import replace, temporary_name, write_bytes

if TYPE_CHECKING:
    from engine.inference.chat.conversation import Conversation

Result = tuple[Any, str]


def export_verdicts(session: Session, file: Path, name: str | None) -> Result:
    """Write votes as verdicts: of one conversation, or of all.

    Raises:
        BakeoffError: Nobody has voted, or the file exists.
    """
    from engine.inference.chat import store
    from engine.inference.chat.votes import verdicts, write_verdicts

    def tell(error: BakeoffError) -> None:
        session.say(f"  Warning: {error.sentence()}")

    rows = verdicts([store.load(session.workspace, name)] if name else store.saved(session.workspace, tell))
    if not rows:
        raise BakeoffError("chat.no_votes", "There are no votes yet.", fix="Vote in a chat with: /vote 1")
    _require_new(file)
    temporary = temporary_name(file)
    try:
        write_verdicts(rows, temporary)
        replace(temporary, file)
    finally:
        temporary.unlink(missing_ok=True)
    text = f"{len(rows)} verdicts in {file}; see who is best with: bakeoff rank --verdicts {file}"
    return {"file": str(file), "verdicts": len(rows)}, text


def export_examples(conversation: Conversation, file: Path, pane: int | None) -> Result:
    """Write dataset examples.

    Raises:
        BakeoffError: There is nothing to write, or the file exists.
    """
    rows = conversation.examples(pane)
    if not rows:
        raise BakeoffError(
            "chat.no_examples",
            "There is no answer to export.",
            fix="Vote for answers first, or name a pane that has answered.",
        )
    _require_new(file)
    write_bytes(file, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode())
    return {"file": str(file), "examples": len(rows)}, f"{len(rows)} examples in {file}."


def _require_new(file: Path) -> None:
    if not file.parent.is_dir():
        raise BakeoffError(
            "file.no_folder",
            "There is no folder {file}.",
            fix="Make it first, or name another.",
            file=str(file.parent),
        )
    if file.exists():
        raise BakeoffError(
            "file.exists", "{file} already exists.", fix="Choose another name.", file=str(file)
        )
