"""The widgets of the Settings page."""

from __future__ import annotations

from typing import Any, Final

from PySide6.QtGui import QResizeEvent

from desktop.language import tr
from desktop.pages.settings.about import AboutPart
from desktop.pages.settings.endpoints import EndpointsPart
from desktop.pages.settings.general import GeneralPart
from desktop.pages.settings.jobs_part import JobsPart
from desktop.pages.settings.serving import ServingPart
from desktop.pages.settings.view_model import SettingsModel
from desktop.shell.commands import Command
from desktop.shell.context import Context
from desktop.widgets.basics import row
from desktop.widgets.page import Page
from desktop.widgets.segments import Segments

#: Pixels below which two columns have no room.
_NARROW: Final = 1080


def build(context: Context) -> Page:
    """Make the page."""
    return SettingsPage(context, SettingsModel(context.services))


class SettingsPage(Page):
    """One part at a time."""

    model: SettingsModel

    def __init__(self, context: Context, model: SettingsModel) -> None:
        super().__init__(context, model, tr("Settings"), tr("This window, this workspace, this machine."))
        self.general = GeneralPart(context, model)
        self.endpoints = EndpointsPart(context, model)
        self.jobs = JobsPart(context, model)
        self.serving = ServingPart(context)
        self.about = AboutPart(context, model)
        self._parts: dict[str, GeneralPart | EndpointsPart | JobsPart | ServingPart | AboutPart] = {
            "general": self.general,
            "endpoints": self.endpoints,
            "jobs": self.jobs,
            "serving": self.serving,
            "about": self.about,
        }
        self._choice = Segments(
            tr("Which settings"),
            [
                ("general", tr("Window and workspace")),
                ("endpoints", tr("Endpoints and prices")),
                ("jobs", tr("Jobs and network")),
                ("serving", tr("Serving")),
                ("about", tr("About")),
            ],
        )
        self._choice.chosen.connect(self.show_part)
        self.body.addLayout(row(self._choice, None))
        for part in self._parts.values():
            self.body.addWidget(part)
        self.body.addStretch(1)
        remembered = str(context.recall("settings part") or "")
        self.show_part(remembered if remembered in self._parts else "general")

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Below a width, cards stand below each other."""
        super().resizeEvent(event)
        for part in self._parts.values():
            part.arrange(narrow=event.size().width() < _NARROW)

    def update_page(self) -> None:
        """See `Page`."""
        for part in self._parts.values():
            part.show_state(self.model.state)

    def open(self, target: Any) -> None:
        """Show a part: ``general``, ``endpoints``, ``jobs``, ``serving`` or ``about``; ``{"serve": MODEL}``."""
        if isinstance(target, dict):
            self.show_part("serving")
            self.serving.offer(str(target["serve"]))
        elif str(target) in self._parts:
            self.show_part(str(target))

    def enter(self) -> None:
        """See `Page`."""
        super().enter()
        self.serving.model.show()

    def leave(self) -> None:
        """See `Page`."""
        self.serving.model.hide()
        super().leave()

    def close_page(self) -> None:
        """See `Page`; what is served ends with the window."""
        self.serving.model.close()
        super().close_page()

    def show_part(self, key: str) -> None:
        """Show one part."""
        for name, part in self._parts.items():
            part.setVisible(name == key)
        self._choice.choose(key)
        self.context.remember("settings part", key)

    def commands(self) -> list[Command]:
        """See `Page`."""
        return [
            Command(tr("Save the diagnostics"), "floppy-disk", self.about.ask_diagnostics),
            Command(tr("Add an endpoint"), "plus", self.endpoints.ask_add),
            Command(tr("Store a token for the Hugging Face Hub"), "key", self.endpoints.ask_token),
            Command(tr("Set a price"), "currency-dollar", self.endpoints.ask_price),
            Command(tr("Open a workspace"), "folder-open", self.general.ask_open),
            Command(tr("Make a new workspace"), "plus", self.general.ask_new),
            Command(tr("Serve a model to your programs"), "globe", lambda: self.show_part("serving")),
            Command(tr("Copy this workspace"), "copy", self.general.ask_copy),
            Command(tr("Look into the trash"), "trash", self.general.open_trash),
        ]
