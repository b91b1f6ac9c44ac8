"""One model of a conversation: what it was asked, what it says, how fast, and what can be done with its answer."""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from PySide6.QtGui import QTextCursor
from PySide6.QtWidgets import QFrame, QSizePolicy, QTextBrowser

from desktop.language import tr
from desktop.theme.look import Look
from desktop.theme.tokens import Tokens, Tone
from desktop.widgets.basics import Button, chip, column, label, retone, row

if TYPE_CHECKING:
    from engine.inference.chat.conversation import Answer, Conversation, Pane

#: What reasoning models write around what they think before they answer.
_THOUGHT: Final = ("<think>", "</think>")


class PaneCard(QFrame):
    """A pane.

    Args:
        number: From 0.
        again: Lets it answer the last prompt again.
        stop: Ends what it is saying.
        better: Says that its answer is better than the others'.
        leave_out: Shows it the oldest turns no more.
    """

    def __init__(
        self,
        look: Look,
        number: int,
        again: Callable[[int], None],
        stop: Callable[[int], None],
        better: Callable[[int], None],
        leave_out: Callable[[int], None],
    ) -> None:
        super().__init__()
        self.setProperty("role", "card")
        self._look = look
        self._number = number
        self._text = ""
        self._name = label("", "h2")
        self._name.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._kind, self._quantisation, self._hash = chip(""), chip(""), label("", "small")
        self._talk = QTextBrowser()
        self._talk.setOpenLinks(False)
        self._talk.setFrameShape(QFrame.Shape.NoFrame)
        self._talk.setProperty("role", "reader")
        self._figures = label("", "small", wrap=True)
        self._again = Button(look, tr("Again"), "arrow-clockwise", does=lambda: again(number))
        self._stop = Button(look, tr("Stop"), "stop", does=lambda: stop(number))
        self._better = Button(look, tr("Better"), "thumbs-up", does=lambda: better(number))
        self._better.setToolTip(tr("Alt+{number}", number=number + 1))
        self._room = Button(look, tr("Leave the oldest turns out"), "funnel", does=lambda: leave_out(number))
        head = row(self._name, self._kind, self._quantisation, gap=8)
        head.setStretch(0, 1)
        layout = column(
            head,
            self._hash,
            self._talk,
            self._figures,
            row(self._better, self._again, self._stop, self._room, None, gap=8),
            gap=8,
        )
        layout.setStretch(2, 1)
        layout.setContentsMargins(16, 12, 16, 12)
        self.setLayout(layout)
        self.setMinimumWidth(280)

    def show_pane(
        self,
        conversation: Conversation,
        saying: str | None,
        *,
        speaking: bool,
        busy: bool,
        offer: int,
    ) -> None:
        """Show how it stands.

        Args:
            conversation: As it was after the last answer.
            saying: What it is saying at the moment; None: nothing.
            speaking: Whether it is its turn.
            busy: Whether anybody is still to speak.
            offer: So many of the oldest turns could be left out, because the conversation is too long.
        """
        pane = conversation.panes[self._number]
        self._show_who(pane)
        text = transcript(conversation, self._number, saying, self._look.tokens)
        if text != self._text:
            self._text = text
            bar = self._talk.verticalScrollBar()
            at_end = bar.value() >= bar.maximum() - 8
            place = bar.value()
            self._talk.setHtml(text)
            if at_end:
                self._talk.moveCursor(QTextCursor.MoveOperation.End)
            else:
                bar.setValue(place)
        turn = conversation.turns[-1] if conversation.turns else None
        answer = turn.answers.get(self._number) if turn is not None else None
        failure = turn.failures.get(self._number, "") if turn is not None else ""
        words, tone = figures(pane, answer if saying is None else None, failure)
        if speaking:
            words, tone = tr("is answering..."), "info"
        self._figures.setText(words)
        retone(self._figures, tone=tone)
        voted = turn is not None and turn.vote == self._number
        self._better.setText(" " + (tr("Your choice") if voted else tr("Better")))
        self._better.show_icon("check" if voted else "thumbs-up")
        many = len(conversation.panes) > 1
        self._better.setVisible(many)
        self._better.setEnabled(not busy and answer is not None and answer.comparable)
        self._again.setEnabled(not busy and turn is not None)
        self._stop.setVisible(speaking)
        self._room.setVisible(bool(offer) and not busy)

    def _show_who(self, pane: Pane) -> None:
        self._name.setText(pane.name)
        self._name.setToolTip(pane.file or pane.name)
        self._talk.setAccessibleName(tr("Conversation with {name}", name=pane.name))
        local = pane.kind == "local"
        self._kind.setText(tr("on this machine") if local else tr("paid"))
        retone(self._kind, tone="" if local else "warn")
        self._quantisation.setText(pane.quantisation)
        self._quantisation.setVisible(local)
        left_out = (
            tr(" · the oldest {count} turns are left out", count=pane.left_out) if pane.left_out else ""
        )
        self._hash.setText((f"sha256 {pane.sha256[:12]}" if local else pane.model) + left_out)
        self._hash.setToolTip(f"{pane.file}\n{pane.sha256}" if local else pane.model)


def figures(pane: Pane, answer: Answer | None, failure: str) -> tuple[str, Tone]:
    """Speed and end of an answer, or why there is none."""
    if failure:
        return failure, "bad"
    if answer is None:
        return "", ""
    parts = []
    if answer.tokens_per_second:
        parts.append(tr("{speed} tokens/s", speed=f"{answer.tokens_per_second:.1f}"))
    parts.append(tr("{count} tokens", count=f"{answer.tokens:,}"))
    parts.append(tr("first after {seconds} s", seconds=f"{answer.first_seconds:.2f}"))
    whole = answer.prompt_tokens + answer.tokens
    if pane.context:
        parts.append(
            tr("{used} of {context} tokens of context", used=f"{whole:,}", context=f"{pane.context:,}")
        )
    if answer.cost_usd:
        parts.append(f"${answer.cost_usd:.4f}")
    if answer.snapshot and answer.snapshot != pane.model:
        parts.append(answer.snapshot)
    if answer.stop == "length":
        return tr("{figures}, cut off at the longest length", figures=", ".join(parts)), "warn"
    if answer.fault:
        return tr("{figures}; {fault}", figures=", ".join(parts), fault=tr(answer.fault)), "warn"
    return ", ".join(parts), ""


def transcript(conversation: Conversation, pane: int, saying: str | None, tokens: Tokens) -> str:
    """All turns of a pane as HTML, thoughts of reasoning models apart."""
    parts = []
    left_out = conversation.panes[pane].left_out
    last = len(conversation.turns) - 1
    for number, turn in enumerate(conversation.turns):
        colour = tokens.faint if number < left_out else tokens.text
        parts.append(_bubble(turn.prompt, tokens.accent_soft, colour))
        answer = turn.answers.get(pane)
        if number == last and saying is not None:
            parts.append(_said(saying or "…", tokens, colour))
        elif answer is not None:
            parts.append(_said(answer.text or tr("(no text)"), tokens, colour))
        elif pane in turn.failures:
            parts.append(_bubble(turn.failures[pane], tokens.bad_soft, tokens.bad))
    return "".join(parts)


def _said(text: str, tokens: Tokens, colour: str) -> str:
    begin, end = _THOUGHT
    thought = ""
    if text.lstrip().startswith(begin):
        thought, _, text = text.lstrip().removeprefix(begin).partition(end)
    made = _bubble(thought.strip(), tokens.surface, tokens.muted, italic=True) if thought.strip() else ""
    return made + (_bubble(text.strip("\n"), tokens.raised, colour) if text.strip() or not made else "")


def _bubble(text: str, ground: str, colour: str, *, italic: bool = False) -> str:
    style = "font-style:italic;" if italic else ""
    return (
        f'<table width="100%" cellpadding="10" cellspacing="0" style="margin:0 0 8px 0"><tr>'
        f'<td style="background-color:{ground};color:{colour};{style}white-space:pre-wrap">{html.escape(text)}</td>'
        "</tr></table>"
    )
