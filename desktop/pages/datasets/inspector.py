"""One example in full: its conversation, and the exact tokens that a model sees, those that are trained in colour."""

from __future__ import annotations

import html
import json
from typing import Any

from PySide6.QtWidgets import QFrame, QTextBrowser

from desktop.decision_words import note_words
from desktop.language import numeral, tr
from desktop.pages.datasets.asking import DatasetAsker
from desktop.problem import Problem
from desktop.theme.fonts import MONO, font
from desktop.theme.look import Look
from desktop.theme.tokens import Tokens
from desktop.widgets.basics import chip, column, label, row
from desktop.widgets.fields import combo, fill
from desktop.widgets.segments import Segments
from desktop.words import split_words

#: Characters of a message and tokens of an example that are shown; what is longer is cut, and said to be.
_LONGEST = 20_000
_TOKENS = 6_000


class Inspector(QFrame):
    """Shows the example that was chosen.

    Args:
        rows: Tells the conversation; quick.
        tokens: Tells the tokens; loads a tokenizer first.
    """

    def __init__(self, look: Look, rows: DatasetAsker, tokens: DatasetAsker) -> None:
        super().__init__()
        self.setProperty("role", "card")
        self._look = look
        self._rows, self._tokens = rows, tokens
        self._dataset, self._row = "", 0
        self._shown: dict[str, Any] | None = None
        self._said: dict[str, Any] | None = None
        self._forms = Segments(
            tr("Conversation or tokens"), [("messages", tr("Conversation")), ("tokens", tr("Tokens"))]
        )
        self._forms.choose("messages")
        self._form = "messages"
        self._forms.chosen.connect(self._choose)
        self._model = combo(tr("Whose tokens"), 180)
        self._model.activated.connect(lambda _at: self._load())
        self._model.hide()
        self._title = label(tr("No row is chosen"), "h2")
        self._split = chip("")
        self._count = label("", "small", wrap=True)
        self._text = QTextBrowser()
        self._text.setOpenLinks(False)
        self._text.setAccessibleName(tr("The example"))
        self._text.setFrameShape(QFrame.Shape.NoFrame)
        self._text.setProperty("role", "reader")
        head = row(self._title, self._split, None, self._forms, gap=10)
        about = row(self._model, self._count, gap=10)
        about.setStretch(1, 1)
        layout = column(head, about, self._text, gap=8)
        layout.setContentsMargins(16, 12, 16, 12)
        layout.setStretch(2, 1)
        self.setLayout(layout)
        self._split.hide()
        self._count.hide()
        look.changed.connect(self._draw)

    def show_models(self, names: tuple[str, ...]) -> None:
        """Offer these models' tokens."""
        chosen = self._model.currentData()
        fill(
            self._model,
            [(name, name) for name in names],
            chosen if chosen in names else names[0] if names else "",
        )

    def show_row(self, dataset: str, number: int) -> None:
        """Show an example."""
        if (dataset, number) != (self._dataset, self._row):
            self._dataset, self._row = dataset, number
            self._shown = self._said = None
            self._load()

    def clear(self) -> None:
        """Show nothing."""
        self._dataset, self._row, self._shown, self._said = "", 0, None, None
        self._title.setText(tr("No row is chosen"))
        self._split.hide()
        self._say("")
        self._text.clear()

    def _choose(self, form: str) -> None:
        self._form = form
        self._load()

    def _load(self) -> None:
        self._model.setVisible(self._form == "tokens")
        if not self._dataset:
            return
        which = self._dataset, self._row
        if self._shown is None:

            def heard(example: dict[str, Any]) -> None:
                if which == (self._dataset, self._row):
                    self._shown = example
                    self._draw()

            self._rows.ask("example", heard, self._refused, dataset=self._dataset, row=self._row)
        model = self._model.currentData()
        if self._form == "tokens" and model and (self._said is None or self._said["model"] != model):
            self._say(tr("Splitting it into tokens..."))

            def told(document: dict[str, Any]) -> None:
                if which == (self._dataset, self._row):
                    self._said = document
                    self._draw()

            self._tokens.ask("tokens", told, self._refused, dataset=self._dataset, row=self._row, model=model)
        self._draw()

    def _refused(self, problem: Problem) -> None:
        self._say(f"{problem.message} {problem.fix}".strip())

    def _say(self, words: str) -> None:
        self._count.setText(words)
        self._count.setVisible(bool(words))

    def _draw(self) -> None:
        if self._shown is None:
            return
        self._title.setText(tr("Row {number}", number=numeral(self._shown["row"])))
        self._split.setText(split_words(self._shown["split"]))
        self._split.show()
        tokens = self._look.tokens
        if self._form == "messages":
            self._say("")
            self._text.document().setDefaultFont(font())
            self._text.setHtml(conversation_html(self._shown, tokens))
        elif not self._model.currentData():
            self._say(tr("Tokens depend on the model, and there is none yet. Add one under Models."))
            self._text.clear()
        elif self._said is not None:
            all_tokens = self._said["tokens"]
            trained = sum(token["trained"] for token in all_tokens)
            words = tr(
                "{tokens} tokens, {trained} of them trained (in colour).",
                tokens=numeral(len(all_tokens)),
                trained=numeral(trained),
            )
            self._say(" ".join([words, *map(note_words, self._said["warnings"])]))
            self._text.document().setDefaultFont(font(13, 400, MONO))
            self._text.setHtml(tokens_html(all_tokens, tokens))
        else:
            self._text.clear()


def conversation_html(example: dict[str, Any], tokens: Tokens) -> str:
    """The messages below each other, each with its speaker."""
    names = {
        "system": tr("Instruction"),
        "user": tr("Question"),
        "assistant": tr("Answer"),
        "tool": tr("Tool"),
    }
    parts = []
    for message in example["messages"]:
        content = message["content"] or ""
        if message.get("tool_calls"):
            content = "\n".join(
                [content, json.dumps(message["tool_calls"], ensure_ascii=False, indent=1)]
            ).strip()
        colour = tokens.good if message["role"] == "assistant" else tokens.muted
        parts.append(
            f'<p style="margin:0 0 2px 0;color:{colour};font-weight:600;font-size:12px">'
            f"{html.escape(names.get(message['role'], message['role']))}</p>"
            f'<p style="margin:0 0 12px 0;white-space:pre-wrap;color:{tokens.text}">{html.escape(_cut(content))}</p>'
        )
    if example.get("tools"):
        text = json.dumps(example["tools"], ensure_ascii=False, indent=1)
        parts.append(
            f'<p style="margin:0 0 2px 0;color:{tokens.muted};font-weight:600;font-size:12px">'
            f"{html.escape(tr('Tools'))}</p>"
            f'<p style="margin:0;white-space:pre-wrap;color:{tokens.muted}">{html.escape(_cut(text))}</p>'
        )
    return "".join(parts)


def tokens_html(found: list[dict[str, Any]], tokens: Tokens) -> str:
    """The tokens one after another on grounds that alternate; line ends show as a sign and break the line."""
    plain, other = tokens.raised, tokens.border
    trained, trained_other = tokens.good_soft, tokens.accent_soft
    parts = []
    for number, token in enumerate(found[:_TOKENS]):
        grounds = (trained, trained_other) if token["trained"] else (plain, other)
        colour = tokens.text if token["trained"] else tokens.muted
        text = html.escape(token["text"]).replace("\n", "↵<br/>").replace(" ", "&nbsp;")
        parts.append(
            f'<span style="background-color:{grounds[number % 2]};color:{colour}">{text or "∅"}</span>'
        )
    rest = len(found) - _TOKENS
    if rest > 0:
        parts.append(html.escape(tr(" and {count} more", count=numeral(rest))))
    return f'<p style="line-height:160%">{"&#8203;".join(parts)}</p>'


def _cut(text: str) -> str:
    if len(text) <= _LONGEST:
        return text
    return text[:_LONGEST] + tr(" ... ({count} more characters)", count=numeral(len(text) - _LONGEST))
