"""What leaves conversations: dataset examples, and votes as verdicts."""

from __future__ import annotations

import json
from pathlib import Path

from engine.errors import BakeoffError, Words
from engine.files import write_bytes
from engine.inference.chat import store
from engine.inference.chat.conversation import Conversation
from engine.inference.chat.errors import ChatError
from engine.inference.chat.votes import verdicts, write_verdicts
from engine.workspace import Workspace


def write_votes(workspace: Workspace, file: Path, name: str | None) -> tuple[int, list[ChatError]]:
    """Write votes as verdicts, of one conversation or of all that can be read.

    Args:
        workspace: Where the conversations are.
        file: A new one.
        name: Of the conversation; None: of all.

    Returns:
        How many verdicts, and why others could not be read.

    Raises:
        ChatError: Nobody has voted, or there is no such conversation.
        BakeoffError: The file exists, or its folder does not.
    """
    kept, damaged = store.saved(workspace) if name is None else ([], [])
    if name is not None:
        kept = [store.load(workspace, name)]
    rows = verdicts(kept)
    if not rows:
        raise ChatError("chat.no_votes", "There are no votes yet.", fix="Say which answer is better first.")
    require_new(file)
    write_verdicts(rows, file)
    return len(rows), damaged


def gather_votes(workspace: Workspace) -> tuple[Path, list[ChatError]]:
    """The votes of all conversations in a file of the workspace, made anew, for a ranking to read.

    Returns:
        The file, and why conversations could not be read.

    Raises:
        ChatError: Nobody has voted.
    """
    file = workspace.reports / "chat votes.csv"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    _, damaged = write_votes(workspace, file, None)
    return file, damaged


def write_examples(conversation: Conversation, file: Path, pane: int | None) -> tuple[int, int]:
    """Write dataset examples.

    Args:
        conversation: Where they come from.
        file: A new one; JSON lines.
        pane: Whose last answer; None: the answers that were voted for.

    Returns:
        How many examples, and how many answers are not among them because they are none.

    Raises:
        ChatError: There is nothing to write.
        BakeoffError: The file exists, or its folder does not.
    """
    rows, passed_over = conversation.examples(pane), conversation.not_in_examples(pane)
    if not rows:
        raise ChatError(
            "chat.no_examples",
            "There is no answer to export.{left_out}",
            fix="Vote for answers first, or name a pane that has answered.",
            left_out=left_out_words(passed_over),
        )
    require_new(file)
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    write_bytes(file, lines.encode("utf-8"))
    return len(rows), passed_over


def gather_examples(workspace: Workspace, conversation: Conversation, pane: int | None) -> Path:
    """The examples of `write_examples` in a file of the workspace, made anew, for an import to read.

    Raises:
        ChatError: There is nothing to write.
    """
    whose = "votes" if pane is None else f"pane {pane + 1}"
    file = workspace.reports / f"chat {conversation.id} {whose}.jsonl"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    write_examples(conversation, file, pane)
    return file


def left_out_words(number: int) -> str:
    """How many answers are not among the examples, as a sentence; empty for none."""
    if not number:
        return ""
    return Words(" Left out: {number} empty, refused, withheld or stopped answers.", number=number)


def require_new(file: Path) -> None:
    """Refuse a file that exists, or whose folder does not.

    Raises:
        BakeoffError: So it is.
    """
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
