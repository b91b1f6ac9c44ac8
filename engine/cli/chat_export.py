"""What ``bakeoff chat`` writes besides conversations: dataset examples, and votes as verdicts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.cli.session import Session
from engine.cli.visible import visible
from engine.errors import BakeoffError
from engine.files import write_bytes

if TYPE_CHECKING:
    from engine.inference.chat.conversation import Conversation

Result = tuple[Any, str]


def export_verdicts(session: Session, file: Path, name: str | None) -> Result:
    """Write votes as verdicts: of one conversation, or of all that can be read; the others are told.

    Raises:
        BakeoffError: Nobody has voted, the file exists, or its folder does not.
    """
    from engine.inference.chat import store
    from engine.inference.chat.votes import verdicts, write_verdicts

    kept, damaged = store.saved(session.workspace) if name is None else ([], [])
    if name is not None:
        kept = [store.load(session.workspace, name)]
    for error in damaged:
        session.say(visible(f"Its votes are missing: {error.sentence()}"))
    rows = verdicts(kept)
    if not rows:
        raise BakeoffError("chat.no_votes", "There are no votes yet.", fix="Vote in a chat with: /vote 1")
    _require_new(file)
    write_verdicts(rows, file)
    text = f"{len(rows)} verdicts in {file}; see who is best with: bakeoff rank --verdicts {file}"
    document = {"file": str(file), "verdicts": len(rows), "damaged": [error.file for error in damaged]}
    return document, text


def export_examples(conversation: Conversation, file: Path, pane: int | None) -> Result:
    """Write dataset examples, and tell how many answers are not in them because they are none.

    Raises:
        BakeoffError: There is nothing to write, the file exists, or its folder does not.
    """
    rows, passed_over = conversation.examples(pane), conversation.not_in_examples(pane)
    left_out = f" Left out: {passed_over} empty, refused, withheld or stopped answers." if passed_over else ""
    if not rows:
        raise BakeoffError(
            "chat.no_examples",
            "There is no answer to export.{left_out}",
            fix="Vote for answers first, or name a pane that has answered.",
            left_out=left_out,
        )
    _require_new(file)
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    write_bytes(file, lines.encode("utf-8"))
    document = {"file": str(file), "examples": len(rows), "left_out": passed_over}
    return document, f"{len(rows)} examples in {file}.{left_out}"


def _require_new(file: Path) -> None:
    if file.exists():
        raise BakeoffError(
            "file.exists", "{file} already exists.", fix="Choose another name.", file=str(file)
        )
    if not file.parent.is_dir():
        raise BakeoffError(
            "file.no_folder",
            "There is no folder {folder} for {file}.",
            fix="Make it first, or name another one.",
            folder=str(file.parent),
            file=str(file),
        )
