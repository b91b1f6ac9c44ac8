"""What a pane shows of a conversation, as bubbles: what was asked, thought, said, and went wrong. Knows no Qt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from desktop.language import tr

if TYPE_CHECKING:
    from engine.inference.chat.conversation import Conversation

#: What reasoning models write around what they think before they answer.
_BEGIN, _END = "<think>", "</think>"

Kind = Literal["asked", "thought", "said", "failed", "note"]
#: Shown in the place of an answer of which nothing has come yet.
WAITING: Final = "…"


@dataclass(frozen=True)
class Bubble:
    """A piece of a conversation.

    Attributes:
        faint: It is not shown to the model any more.
    """

    kind: Kind
    text: str
    faint: bool = False


def bubbles_of(conversation: Conversation, pane: int, saying: str | None) -> list[Bubble]:
    """All turns of a pane.

    Args:
        conversation: As far as it is kept.
        pane: Its number.
        saying: What it is saying at the moment; None: nothing.
    """
    found: list[Bubble] = []
    left_out = conversation.panes[pane].left_out
    last = len(conversation.turns) - 1
    for number, turn in enumerate(conversation.turns):
        if left_out and number == left_out:
            found.append(Bubble("note", tr("What stands above is not shown to this model any more.")))
        faint = number < left_out
        found.append(Bubble("asked", turn.prompt, faint))
        answer = turn.answers.get(pane)
        if number == last and saying is not None:
            found += _said(saying, faint=False, unsaid=WAITING)
            continue
        if answer is not None:
            found += _said(answer.text, faint=faint, unsaid=tr("(no text)"))
        if pane in turn.failures:
            found.append(Bubble("failed", turn.failures[pane], faint))
    return found


def thought_and_answer(text: str) -> tuple[str, str]:
    """What a reasoning model thought before it answered, and the answer; no thought where it wrote none.

    Some templates begin the thought themselves, so that the model only ends it.
    """
    begun = text.lstrip().startswith(_BEGIN)
    if not begun and _END not in text:
        return "", text
    thought, _, answer = text.lstrip().removeprefix(_BEGIN).partition(_END)
    return thought.strip(), answer.lstrip()


def _said(text: str, *, faint: bool, unsaid: str) -> list[Bubble]:
    thought, answer = thought_and_answer(text)
    made = [Bubble("thought", thought, faint)] if thought else []
    if answer.strip():
        made.append(Bubble("said", answer.strip("\n"), faint))
    elif not made:
        made.append(Bubble("said", unsaid, faint))
    return made
