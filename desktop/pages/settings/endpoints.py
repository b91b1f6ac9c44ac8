"""The part of the Settings page about whom to ask over the network, with which key, and for how much."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from PySide6.QtWidgets import QTableView

from desktop.language import numeral, tr
from desktop.pages.settings.dialogs import EndpointDialog, KeyDialog, PriceDialog, opened
from desktop.pages.settings.part import Part
from desktop.pages.settings.state import EndpointRow, PriceRow, SettingsState
from desktop.pages.settings.view_model import SettingsModel
from desktop.shell.context import Context
from desktop.shell.dialogs import ask
from desktop.theme.tokens import GAP
from desktop.widgets.basics import Button, card, column, frame, heading, label, row
from desktop.widgets.table import Cell, Column, Rows, table
from engine.workspace.secrets import HUB

#: Names of models that are told of an endpoint; the others are counted.
_SHOWN = 12

#: Where keys are that can be forgotten from here.
_KEPT: Final = ("keyring", "session")


class EndpointsPart(Part):
    """Endpoints, the Hub's token, and prices."""

    def __init__(self, context: Context, model: SettingsModel) -> None:
        super().__init__()
        self._context = context
        self._model = model
        look = context.look
        self._rows = Rows(look, _endpoint_columns())
        self._table = table(tr("Endpoints"), self._rows, _endpoint_columns(), flat=True)
        self._table.setMinimumHeight(190)
        self._table.doubleClicked.connect(lambda _index: self.ask_change())
        self._table.selectionModel().currentRowChanged.connect(lambda *_: self._enable())
        self._answer = label("", wrap=True)
        self._note = frame("note", self._answer, padding=(12, 8, 12, 8), tone="good")
        self._note.hide()
        self._keyring = label("", "small", wrap=True)
        self._hub = label("", "muted", wrap=True)
        self._try = Button(look, tr("Try it"), "play", does=self.try_chosen)
        self._change = Button(look, tr("Change"), "pencil-simple", does=self.ask_change)
        self._key = Button(look, tr("Store its key"), "key", does=self.ask_key)
        self._forget = Button(look, tr("Forget its key"), "x", does=self._forget_key)
        self._remove = Button(look, tr("Remove"), "trash", does=self._ask_remove)
        self._store = Button(look, tr("Store a token"), "key", does=self.ask_token)
        self._drop = Button(look, tr("Forget it"), "x", does=lambda: self._ask_to_forget(HUB, "Hugging Face"))
        self._price_rows = Rows(look, _price_columns())
        self._prices = table(tr("Prices"), self._price_rows, _price_columns(), flat=True, row=30)
        self._prices.setMinimumHeight(400)
        self._prices.doubleClicked.connect(lambda _index: self.ask_price())
        self._prices.selectionModel().currentRowChanged.connect(lambda *_: self._enable())
        self._back = Button(look, tr("Forget my price"), "arrow-counter-clockwise", does=self._forget_price)
        self._source = label("", "small", wrap=True)
        self._build(context)
        model.answered.connect(self._show_answer)

    def show_state(self, state: SettingsState) -> None:
        """Show what was read."""
        sources = {
            "keyring": tr("in the keyring"),
            "environment": tr("in the environment"),
            "session": tr("until the window closes"),
        }
        self._rows.set_rows(
            [
                (
                    one.name,
                    (one.name, one.base_url, Cell(sources[one.key], "good") if one.key else tr("no key")),
                )
                for one in state.endpoints
            ]
        )
        self._keyring.setText(
            tr("Keys are kept in the system's keyring, and never in the workspace.")
            if state.keyring
            else tr(
                "This machine has no keyring: a key that you store is kept until this window closes. Others come "
                "from environment variables, such as OPENAI_API_KEY."
            )
        )
        self._hub.setText(
            tr("There is a token for the Hugging Face Hub, {where}.", where=sources[state.hub_token])
            if state.hub_token
            else tr(
                "There is no token for the Hugging Face Hub; gated models and pushing releases need one. "
                "It can also come from HF_TOKEN."
            )
        )
        self._drop.setVisible(state.hub_token in _KEPT)
        own = tr("yours")
        self._price_rows.set_rows(
            [
                (
                    one.model,
                    (
                        one.model,
                        Cell(numeral(one.input, "g"), sort=one.input),
                        Cell(numeral(one.output, "g"), sort=one.output),
                        Cell(own, "info") if one.own else "",
                    ),
                )
                for one in state.prices
            ]
        )
        self._source.setText(
            tr(
                "USD per million tokens. Prices that are not yours are those of {date}; a model without a price is "
                "never called, as no budget could be kept.",
                date=state.prices_of[1],
            )
        )
        self._enable()

    def ask_add(self) -> None:
        """Ask where a new endpoint is."""
        opened(EndpointDialog(self._context.look, self._model, None, self))

    def ask_change(self) -> None:
        """Ask where the chosen endpoint is now."""
        row = self._chosen()
        if row is not None:
            opened(EndpointDialog(self._context.look, self._model, row, self))

    def ask_key(self) -> None:
        """Ask for the key of the chosen endpoint."""
        row = self._chosen()
        if row is not None:
            opened(KeyDialog(self._context.look, self._model, row.name, self._where_it_goes(), self))

    def _where_it_goes(self) -> str:
        if self._model.state.keyring:
            return tr("It goes into the system's keyring; afterwards nobody can see it here.")
        return tr("This machine has no keyring: it is kept until this window closes.")

    def ask_token(self) -> None:
        """Ask for the Hub's token."""
        about = tr(
            "A token of huggingface.co, from Settings, Access Tokens; one that may read is enough for gated models."
        )
        opened(KeyDialog(self._context.look, self._model, HUB, f"{about} {self._where_it_goes()}", self))

    def ask_price(self) -> None:
        """Ask what the chosen model costs."""
        opened(PriceDialog(self._context.look, self._model, self._chosen_price(), self))

    def try_chosen(self) -> None:
        """Ask the chosen endpoint for its models."""
        row = self._chosen()
        if row is not None:
            self._note.hide()
            self._model.try_endpoint(row.name)

    def _build(self, context: Context) -> None:
        look = context.look
        endpoints = card(
            heading(tr("Endpoints and keys"), Button(look, tr("Add"), "plus", does=self.ask_add)),
            self._table,
            self._note,
            row(self._try, self._change, self._remove, None),
            row(self._key, self._forget, None),
            self._keyring,
        )
        hub = card(heading(tr("Hugging Face Hub")), self._hub, row(self._store, self._drop, None, gap=8))
        prices = card(
            heading(tr("Prices")),
            self._prices,
            row(
                Button(look, tr("Set a price"), "currency-dollar", does=self.ask_price),
                self._back,
                None,
            ),
            self._source,
        )
        left, right = column(endpoints, hub, None, gap=GAP), column(prices, None, gap=GAP)
        self.setLayout(self.put(left, right, (57, 43)))

    def _show_answer(self, name: str, models: list[str], seconds: float) -> None:
        names = ", ".join(models[:_SHOWN])
        if not models:
            text = tr("{name} answers in {seconds} s and offers no model.", name=name, seconds=seconds)
        elif len(models) > _SHOWN:
            text = tr(
                "{name} answers in {seconds} s and offers {models} and {count} more.",
                name=name,
                seconds=seconds,
                models=names,
                count=len(models) - _SHOWN,
            )
        else:
            text = tr(
                "{name} answers in {seconds} s and offers {models}.", name=name, seconds=seconds, models=names
            )
        self._answer.setText(text)
        self._note.show()
        self._context.tell(tr("{name} answers.", name=name))

    def _chosen(self) -> EndpointRow | None:
        """The endpoint that is selected, else the first."""
        key = _key(self._table, self._rows, first=True)
        return next((one for one in self._model.state.endpoints if one.name == key), None)

    def _chosen_price(self) -> PriceRow | None:
        key = _key(self._prices, self._price_rows, first=False)
        return next((one for one in self._model.state.prices if one.model == key), None)

    def _enable(self) -> None:
        row, price = self._chosen(), self._chosen_price()
        for button in (self._try, self._change, self._remove):
            button.setEnabled(row is not None)
        self._key.setEnabled(row is not None)
        self._forget.setEnabled(row is not None and row.key in _KEPT)
        self._back.setEnabled(price is not None and price.own)

    def _forget_key(self) -> None:
        row = self._chosen()
        if row is not None:
            self._ask_to_forget(row.name, row.name)

    def _ask_to_forget(self, key: str, name: str) -> None:
        """What is forgotten cannot be brought back."""
        ask(
            self._context.look,
            tr("Forget the key of {name}?", name=name),
            tr("It would have to be given again."),
            tr("Forget it"),
            lambda: self._model.forget_key(key),
            self,
        )

    def _ask_remove(self) -> None:
        """Remove the chosen endpoint; one that takes a key along is asked about, as that cannot be undone."""
        row = self._chosen()
        if row is None:
            return
        remove = self._remover(row)
        if row.key in _KEPT:
            ask(
                self._context.look,
                tr("Remove {name}?", name=row.name),
                tr("Its key is forgotten as well, and would have to be given again."),
                tr("Remove"),
                remove,
                self,
            )
        else:
            remove()

    def _remover(self, row: EndpointRow) -> Callable[[], None]:
        def removed() -> None:
            self._context.offer_undo(
                tr("{name} has been removed.", name=row.name), lambda: self._model.restore_endpoint(row)
            )

        return lambda: self._model.remove_endpoint(row.name, removed)

    def _forget_price(self) -> None:
        price = self._chosen_price()
        if price is None:
            return

        def back() -> None:
            self._model.set_price(price, lambda: None, self._context.show_problem)

        self._model.forget_price(
            price.model,
            lambda: self._context.offer_undo(tr("Your price of {model} is gone.", model=price.model), back),
        )


def _key(view: QTableView, rows: Rows, *, first: bool) -> str:
    """The key of the row that is selected; else of the first, or nothing."""
    at = view.currentIndex().row()
    if at < 0 and first:
        at = 0
    return rows.key(at) if 0 <= at < rows.rowCount() else ""


def _endpoint_columns() -> list[Column]:
    return [Column(tr("Name"), 110), Column(tr("Address"), 0), Column(tr("Key"), 130)]


def _price_columns() -> list[Column]:
    return [
        Column(tr("Model"), 0),
        Column(tr("Prompts"), 96, right=True),
        Column(tr("Answers"), 98, right=True),
        Column("", 64),
    ]
