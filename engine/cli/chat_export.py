"""What ``bakeoff chat`` writes besides conversations: dataset examples, and votes as verdicts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.cli.session import Session, counted
from engine.cli.visible import visible

if TYPE_CHECKING:
    from engine.inference.chat.conversation import Conversation

Result = tuple[Any, str]


def export_verdicts(session: Session, file: Path, name: str | None) -> Result:
    """Write votes as verdicts: of one conversation, or of all that can be read; the others are told.

    Raises:
        BakeoffError: Nobody has voted, the file exists, or its folder does not.
    """
    from engine.inference.chat.exporting import write_votes

    number, damaged = write_votes(session.workspace, file, name)
    for error in damaged:
        session.say(visible(f"Its votes are missing: {error.sentence()}"))
    text = f"{number} verdicts in {file}; see who is best with: bakeoff rank --verdicts {file}"
    document = {"file": str(file), "verdicts": number, "damaged": [error.file for error in damaged]}
    return document, text


def export_examples(conversation: Conversation, file: Path, pane: int | None) -> Result:
    """Write dataset examples, and tell how many answers are not in them because they are none.

    Raises:
        BakeoffError: There is nothing to write, the file exists, or its folder does not.
    """
    from engine.inference.chat.exporting import left_out_words, write_examples

    number, passed_over = write_examples(conversation, file, pane)
    document = {"file": str(file), "examples": number, "left_out": passed_over}
    return document, f"{counted(number, 'example')} in {file}.{left_out_words(passed_over)}"
