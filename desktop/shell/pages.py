"""The pages of the window, in the order of the sidebar; each is built when it is first shown."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from desktop.shell.context import Context
    from desktop.widgets.page import Page


@dataclass(frozen=True)
class PageEntry:
    """A page in the sidebar.

    Attributes:
        key: Its name in addresses and file names; its package is ``desktop.pages.<key>``.
        title: In English.
        icon: Of the bundled ones.
        group: Heading in the sidebar; empty above all groups, ``foot`` below them.
    """

    key: str
    title: str
    icon: str
    group: str = ""

    def build(self, context: Context) -> Page:
        """Make the page; its module is loaded only now."""
        made: Page = importlib.import_module(f"desktop.pages.{self.key}.page").build(context)
        return made


PAGES: Final = (
    PageEntry("home", "Home", "house"),
    PageEntry("study", "Study", "grid-four"),
    PageEntry("datasets", "Datasets", "database", "Make"),
    PageEntry("train", "Train", "chart-line", "Make"),
    PageEntry("models", "Models", "cube", "Make"),
    PageEntry("merge", "Merge", "git-merge", "Make"),
    PageEntry("compare", "Compare", "scales", "Judge"),
    PageEntry("vote", "Vote", "thumbs-up", "Judge"),
    PageEntry("ranking", "Ranking", "trophy", "Judge"),
    PageEntry("chat", "Chat", "chats-circle", "Judge"),
    PageEntry("jobs", "Jobs", "queue", "Run"),
    PageEntry("settings", "Settings", "gear-six", "foot"),
)
