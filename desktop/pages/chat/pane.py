"""One model of a conversation: who it is, what it says, how fast, and what can be done with its answer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFrame

from desktop.amounts import dollars
from desktop.language import numeral, tr
from desktop.pages.chat.bubbles import bubbles_of
from desktop.pages.chat.transcript import Transcript
from desktop.theme.look import Look
from desktop.theme.tokens import Tone
from desktop.widgets.basics import Button, chip, column, frame, label, retone, row
from desktop.widgets.elided import Elided

if TYPE_CHECKING:
    from engine.inference.chat.conversation import Answer, Conversation, Pane

#: So full, a context is nearly full.
_FULL: Final = 0.9


class Acts(Protocol):
    """What can be done with a pane, by its number."""

    def again(self, pane: int) -> None:
        """Let it answer the last prompt again."""

    def stop(self, pane: int) -> None:
        """End what it is saying."""

    def vote(self, better: int) -> None:
        """Its answer is better than the others'."""

    def leave_out(self, pane: int) -> None:
        """Show it the oldest turns no more."""


@dataclass(frozen=True)
class Standing:
    """How a pane stands.

    Attributes:
        saying: What it is saying at the moment; None: nothing.
        pace: Tokens a second at the moment, where that can be told.
        speaking: Whether it is its turn.
        waiting: Whether its turn is still to come.
        busy: Whether anybody is still to speak.
        offer: So many of the oldest turns could be left out, because the conversation is too long.
        kind: ``base``, ``adapter`` or ``merge``, where that is known.
        hidden: Who it is, is not shown.
    """

    saying: str | None = None
    pace: float | None = None
    speaking: bool = False
    waiting: bool = False
    busy: bool = False
    offer: int = 0
    kind: str = ""
    hidden: bool = False


class PaneCard(QFrame):
    """A pane.

    Args:
        number: From 0.
        acts: See `Acts`.
    """

    def __init__(self, look: Look, number: int, acts: Acts) -> None:
        super().__init__()
        self.setProperty("role", "card")
        self._number = number
        self._whole = ""
        self._name = Elided("", "h2")
        self._kind, self._quantisation, self._file = chip(""), chip(""), Elided("", "small")
        self._copy = Button(look, "", "copy", "ghost", self._copy_file)
        self._copy.setAccessibleName(tr("Copy file and hash"))
        self._copy.setToolTip(tr("Copy file and hash"))
        self.transcript = Transcript(look)
        self._figures = label("", "small", wrap=True)
        self._again = Button(look, tr("Again"), "arrow-clockwise", does=lambda: acts.again(number))
        self._stop = Button(look, tr("Stop"), "stop", does=lambda: acts.stop(number))
        self._better = Button(look, tr("Better"), "thumbs-up", does=lambda: acts.vote(number))
        self._better.setToolTip(tr("Alt+{number}, or {number} outside the message", number=number + 1))
        self._too_long = label("", "small", "warn", wrap=True)
        leave_out = Button(
            look, tr("Leave them out, answer again"), "funnel", does=lambda: acts.leave_out(number)
        )
        self._room = frame(
            "note", self._too_long, row(leave_out, None), padding=(12, 8, 12, 8), gap=6, tone="warn"
        )
        head = row(self._name, self._kind, None, self._quantisation, gap=8)
        below = row(self._file, self._copy, None, gap=4)
        layout = column(
            head,
            below,
            self.transcript,
            self._room,
            self._figures,
            row(self._better, self._again, self._stop, None, gap=8),
            gap=8,
        )
        layout.setStretch(2, 1)
        layout.setContentsMargins(16, 12, 16, 12)
        self.setLayout(layout)
        self.setMinimumWidth(290)
        self._room.hide()

    def show_pane(self, conversation: Conversation, how: Standing) -> None:
        """Show how it stands.

        Args:
            conversation: As it was after the last answer.
            how: See `Standing`.
        """
        pane = conversation.panes[self._number]
        turn = conversation.turns[-1] if conversation.turns else None
        answer = turn.answers.get(self._number) if turn is not None else None
        failure = turn.failures.get(self._number, "") if turn is not None else ""
        self._show_who(pane, how)
        saying = "" if how.saying is None and how.speaking else how.saying
        self.transcript.show_bubbles(bubbles_of(conversation, self._number, saying))
        words, tone = _state(pane, answer, failure, conversation.sampling.seed, how)
        self._figures.setText(words)
        self._figures.setVisible(bool(words))
        retone(self._figures, tone=tone)
        voted = turn is not None and turn.vote == self._number
        self._better.setText(" " + (tr("Your choice") if voted else tr("Better")))
        self._better.show_icon("check" if voted else "thumbs-up")
        retone(self, state="active" if voted else "")
        self._better.setVisible(len(conversation.panes) > 1)
        self._better.setEnabled(
            not how.busy and answer is not None and answer.comparable and _comparable(conversation) > 1
        )
        self._again.setEnabled(not how.busy and turn is not None)
        self._stop.setVisible(how.speaking or how.waiting)
        self._too_long.setText(
            tr("The conversation has become too long for it. The oldest turn makes up about half of it.")
            if how.offer == 1
            else tr(
                "The conversation has become too long for it. The oldest {count} turns make up about half of it.",
                count=how.offer,
            )
        )
        self._room.setVisible(bool(how.offer) and not how.busy)

    def _show_who(self, pane: Pane, how: Standing) -> None:
        local = pane.kind == "local"
        name = tr("Model {number}", number=self._number + 1) if how.hidden else pane.name
        self._name.setText(name)
        kinds = {"base": tr("Base"), "adapter": tr("Adapter"), "merge": tr("Merge")}
        self._kind.setText(kinds.get(how.kind, "") if local else tr("Endpoint"))
        retone(self._kind, tone={"merge": "merge", "adapter": "info"}.get(how.kind, "") if local else "warn")
        self._kind.setVisible(not how.hidden and bool(self._kind.text()))
        self._quantisation.setText(pane.quantisation.upper())
        self._quantisation.setVisible(local and not how.hidden)
        file = Path(pane.file).name
        self._file.setText(f"{file} · sha256 {pane.sha256[:12]}" if local else pane.model)
        self._whole = f"{pane.file}\nsha256 {pane.sha256}" if local else pane.name
        self._file.setAccessibleDescription("" if how.hidden else self._whole)
        self._file.setVisible(not how.hidden)
        self._copy.setVisible(local and not how.hidden)
        self.transcript.setAccessibleName(tr("Conversation with {name}", name=name))
        self._better.setAccessibleName(tr("{name} is better", name=name))
        self._again.setAccessibleName(tr("Let {name} answer again", name=name))
        self._stop.setAccessibleName(tr("Stop {name}", name=name))

    def _copy_file(self) -> None:
        QGuiApplication.clipboard().setText(self._whole)


def _comparable(conversation: Conversation) -> int:
    """How many answers to the last prompt can be voted on."""
    return sum(one.comparable for one in conversation.turns[-1].answers.values()) if conversation.turns else 0


def _state(pane: Pane, answer: Answer | None, failure: str, seed: int, how: Standing) -> tuple[str, Tone]:
    if how.waiting:
        return tr("waits for its turn"), ""
    if how.speaking and how.pace is not None:
        return tr("is answering, {speed} tokens/s", speed=numeral(how.pace, ".1f")), "info"
    if how.speaking:
        return (tr("is answering...") if how.saying else tr("reads the conversation...")), "info"
    if failure:
        return tr("No answer: the reason stands above."), "bad"
    return ("", "") if answer is None else figures(pane, answer, seed, hidden=how.hidden)


def figures(pane: Pane, answer: Answer, seed: int, *, hidden: bool = False) -> tuple[str, Tone]:
    """Speed, length and end of an answer, and how full the context is.

    Args:
        pane: Who answered.
        answer: What it said.
        seed: Of the conversation; another one of the answer's is named.
        hidden: Nothing is told by which one could guess who it is.
    """
    parts, tone = [tr("{count} tokens", count=numeral(answer.tokens))], ""
    if not hidden:
        if answer.tokens_per_second:
            parts.insert(0, tr("{speed} tokens/s", speed=numeral(answer.tokens_per_second, ".1f")))
        if answer.tokens:
            parts.append(tr("first after {seconds} s", seconds=numeral(answer.first_seconds, ".2f")))
    whole = answer.prompt_tokens + answer.tokens
    if pane.context and not hidden:
        parts.append(
            tr("{used} of {context} tokens of context", used=numeral(whole), context=numeral(pane.context))
        )
        tone = "warn" if whole > _FULL * pane.context else ""
    if answer.sampling.seed != seed:
        parts.append(tr("seed {value}", value=answer.sampling.seed))
    if answer.cost_usd and not hidden:
        parts.append(dollars(answer.cost_usd, ".4f"))
    if answer.snapshot and answer.snapshot != pane.model and not hidden:
        parts.append(answer.snapshot)
    told = ", ".join(parts)
    if answer.fault:
        return tr("{figures}; {fault}", figures=told, fault=tr(answer.fault)), "warn"
    if answer.stop == "length":
        return tr("{figures}, cut off at the longest length", figures=told), "warn"
    return told, "warn" if tone else ""
