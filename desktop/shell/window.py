"""The window on one workspace: sidebar, pages, footer, shortcuts; remembers its place."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from PySide6.QtCore import QSettings, QSize, Qt, Slot
from PySide6.QtGui import QCloseEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import QApplication, QHBoxLayout, QMainWindow, QStackedWidget, QVBoxLayout, QWidget

from desktop.background import Background
from desktop.feed import Feed
from desktop.language import tr
from desktop.problem import Problem
from desktop.services import Services
from desktop.shell.commands import Command, Palette
from desktop.shell.context import Context
from desktop.shell.crash import CrashDialog
from desktop.shell.dialogs import show_problem
from desktop.shell.first_paint import FirstPaint
from desktop.shell.footer import Footer
from desktop.shell.notification import notify
from desktop.shell.pages import PAGES, PageEntry
from desktop.shell.sidebar import Sidebar
from desktop.shell.signs import Signs
from desktop.shell.vitals import VitalsModel
from desktop.theme.look import Look, Scheme
from desktop.widgets.page import Page
from engine.jobs.client import JobClient
from engine.workspace import Workspace

_SIZE: Final = QSize(1360, 860)
_LEAST: Final = QSize(960, 600)


class MainWindow(QMainWindow):
    """Everything that is on the screen.

    Args:
        workspace: What it shows.
        look: How.
        settings: Where it remembers its place; None: nowhere.
    """

    def __init__(self, workspace: Workspace, look: Look, settings: QSettings | None = None) -> None:
        super().__init__()
        self._look = look
        self._settings = settings
        self._background = Background(self)
        self._background.hold()
        self._feed = Feed(workspace, self._background, lambda: look.hands.busy, self)
        self.services = Services(workspace, self._background, self._feed, JobClient(workspace))
        self.context = Context(
            self.services,
            look,
            self._visit,
            self.tell,
            self.show_problem,
            self._offer_undo,
            self._recall,
            self._remember,
            self._reopen,
        )
        #: Whether it was closed to be opened again.
        self.reopens = False
        self._entries = {entry.key: entry for entry in PAGES}
        self._pages: dict[str, Page] = {}
        self._current = ""
        self._closed = False
        self._sidebar = Sidebar(look, PAGES)
        self._stack = QStackedWidget()
        self._footer = Footer(look, self.services)
        self._vitals = VitalsModel(self.services, self._is_seen, self)
        self._vitals.changed.connect(self._show_vitals)
        self._build()
        self._bind()
        self.setWindowTitle(f"Bakeoff - {workspace.root.name}")
        self._signs = Signs(look, self._feed, self, self.go, self.come_forward, self.tell, self._notify)
        self._restore()
        self._feed.failed.connect(self._complain)
        self._feed.jobs_changed.connect(self._count_jobs)
        self._feed.start()
        self.first_paint.over.connect(self._begin)

    def _notify(self, title: str, words: str) -> None:
        """Let the desktop say it; where it cannot, the foot of the window has said it."""

        def nothing(_: object) -> None:
            pass

        self.services.background.run(self, lambda: notify(title, words), nothing, nothing)

    @property
    def page(self) -> Page:
        """The page on the screen."""
        if self._current not in self._pages:
            self.go(self._current)
        return self._pages[self._current]

    def go(self, key: str, target: Any = None) -> None:
        """Show a page; a target is one thing on it."""
        if self._current != key and self._current in self._pages:
            self.page.leave()
        changed = self._current != key or key not in self._pages
        if key not in self._pages:
            made = self._entries[key].build(self.context)
            self._pages[key] = made
            self._stack.addWidget(made)
            place = self._recall(self._place_of(key))
            if place and target is None:
                made.restore(str(place))
        self._current = key
        page = self.page
        self._stack.setCurrentWidget(page)
        self._sidebar.select(key)
        if changed:
            page.enter()
        if target is not None:
            page.open(target)

    def _visit(self, key: str, target: Any = None) -> None:
        """Show a page, and give it the keyboard, unless it is on the screen and has it."""
        has = QApplication.focusWidget()
        there = self._current == key and has is not None and self.page.isAncestorOf(has)
        self.go(key, target)
        if not there:
            self._give_keyboard()

    @Slot()
    def _give_keyboard(self) -> None:
        """Give the page on the screen the keyboard once it has read what it shows, unless it is elsewhere by then."""
        page, has = self.page, QApplication.focusWidget()

        def give() -> None:
            first = page.first_control()
            if first is not None and self.page is page and QApplication.focusWidget() is has:
                first.setFocus(Qt.FocusReason.OtherFocusReason)

        if page.model.loaded:
            give()
        else:
            page.model.changed.connect(give, Qt.ConnectionType.SingleShotConnection)

    def tell(self, sentence: str) -> None:
        """Say a sentence at the foot."""
        self._footer.say(sentence)

    def show_problem(self, problem: Problem) -> None:
        """Tell of a failure; of one that nobody expected with an offer of the diagnostics."""
        if problem.code == "unexpected":
            CrashDialog(
                self._look, self.services, problem.title, problem.message, problem.details, self
            ).open()
        else:
            show_problem(self._look, problem, self)

    def come_forward(self) -> None:
        """Be in front of all windows, as far as the desktop lets it."""
        if self.isMinimized():
            self.setWindowState(self.windowState() & ~Qt.WindowState.WindowMinimized)
        self.show()
        self.raise_()
        self.activateWindow()

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802
        """Remember the place and stop reading; jobs go on without the window."""
        if self._settings is not None:
            self._settings.setValue("geometry", self.saveGeometry())
            self._settings.setValue("page", self._current)
            for key, page in self._pages.items():
                if page.place:
                    self._settings.setValue(self._place_of(key), page.place)
        self._closed = True
        for inner in self.findChildren(QWidget):
            if inner.isWindow() and inner.isVisible():
                inner.close()  # a dialog that is open would stay, as a window of its own
        self._feed.stop()
        self._vitals.hide()
        self._signs.close()
        for page in self._pages.values():
            page.close_page()
        self._background.close()
        super().closeEvent(event)

    def _build(self) -> None:
        middle, whole = QWidget(), QWidget()
        beside = QHBoxLayout(middle)
        beside.setContentsMargins(0, 0, 0, 0)
        beside.setSpacing(0)
        beside.addWidget(self._sidebar)
        beside.addWidget(self._stack, 1)
        below = QVBoxLayout(whole)
        below.setContentsMargins(0, 0, 0, 0)
        below.setSpacing(0)
        below.addWidget(middle, 1)
        below.addWidget(self._footer)
        self.setCentralWidget(whole)
        #: Tells when the window has been painted.
        self.first_paint = FirstPaint(whole)
        self.setMinimumSize(_LEAST)
        self._sidebar.chosen.connect(self.go)
        self._sidebar.entered.connect(self._give_keyboard)

    def _bind(self) -> None:
        """Shortcuts: a page by its number, the palette, reading anew, the sidebar."""
        for number, entry in enumerate(PAGES[:10], start=1):
            self._shortcut(f"Ctrl+{number % 10}", partial(self._visit, entry.key))
        if "settings" in self._entries:
            self._shortcut("Ctrl+,", lambda: self._visit("settings"))
        self._shortcut("Ctrl+J", lambda: self._visit("jobs"))
        self._shortcut("Ctrl+K", self.show_palette)
        self._shortcut("F5", lambda: self.page.model.refresh())
        self._shortcut("F6", self._sidebar.focus)

    def _shortcut(self, keys: str, does: Callable[[], Any]) -> None:
        made = QShortcut(QKeySequence(keys), self)
        made.activated.connect(lambda: does())

    def commands(self) -> list[Command]:
        """What the palette offers: every page, and what the page on the screen can do."""
        found = [self._page_command(number, entry) for number, entry in enumerate(PAGES, start=1)]
        own = self.page.commands()
        titles = {command.title for command in own}
        return [*own, *found, *(one for one in self._common_commands() if one.title not in titles)]

    def _common_commands(self) -> list[Command]:
        """What is done most often, from wherever one is."""
        made = [
            Command(tr(title), icon, partial(self._do_on, key, tr(title)))
            for key, title, icon in (
                ("datasets", "Import examples", "plus"),
                ("models", "Add a base", "plus"),
                ("merge", "Load a merge recipe", "folder-open"),
                ("compare", "Answer and judge", "scales"),
                ("ranking", "Rank a file with verdicts", "file-text"),
            )
        ]
        schemes: tuple[tuple[str, str, Scheme], ...] = (
            (tr("Light window"), "sun", "light"),
            (tr("Dark window"), "moon", "dark"),
            (tr("Light or dark as the system"), "desktop", "system"),
        )
        return [
            *made,
            *(Command(title, icon, partial(self._force, name)) for title, icon, name in schemes),
        ]

    def _force(self, scheme: Scheme) -> None:
        self._look.force(scheme)
        self._remember("theme", scheme)

    def _do_on(self, key: str, title: str) -> None:
        """Go to a page, and do there what is called so once it has read what it shows."""
        self.go(key)
        page = self.page

        def do() -> None:
            for command in page.commands() if self.page is page else ():
                if command.title == title:
                    command.does()

        if page.model.loaded:
            do()
        else:
            page.model.changed.connect(do, Qt.ConnectionType.SingleShotConnection)

    def _page_command(self, number: int, entry: PageEntry) -> Command:
        keys = {"settings": "Ctrl+,", "jobs": "Ctrl+J"}.get(entry.key) or f"Ctrl+{number % 10}"
        title = tr("Go to {page}", page=tr(entry.title))
        return Command(title, entry.icon, lambda: self._visit(entry.key), keys)

    @Slot()
    def show_palette(self) -> None:
        """Open the palette of commands."""
        palette = Palette(self._look, self.commands(), self)
        palette.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        palette.open()

    def _is_seen(self) -> bool:
        return self.isVisible() and not self.isMinimized()

    @Slot()
    def _show_vitals(self) -> None:
        self._sidebar.meter.show_vitals(self._vitals.state)
        self._footer.show_spent(self._vitals.state.spent)

    def _place_of(self, key: str) -> str:
        """The name under which a page's place in this workspace is kept."""
        root = str(self.services.workspace.root).encode("utf-8", "surrogatepass")
        return f"place/{hashlib.sha256(root).hexdigest()[:16]}/{key}"

    def _recall(self, name: str) -> Any:
        return None if self._settings is None else self._settings.value(name)

    def _remember(self, name: str, value: Any) -> None:
        if self._settings is not None:
            self._settings.setValue(name, value)

    def _reopen(self) -> None:
        self.reopens = True
        self.close()

    def _offer_undo(self, sentence: str, undo: Callable[[], None]) -> None:
        self._footer.offer_undo(sentence, undo)

    @Slot(object)
    def _complain(self, problem: Problem) -> None:
        self.tell(problem.message)

    @Slot()
    def _count_jobs(self) -> None:
        count = sum(job.unfinished for job in self._feed.jobs)
        self._sidebar.show_badge("jobs", str(count) if count else "")

    def _restore(self) -> None:
        self.resize(_SIZE)
        page = PAGES[0].key
        if self._settings is not None:
            geometry = self._settings.value("geometry")
            if geometry is not None:
                self.restoreGeometry(geometry)
            page = str(self._settings.value("page") or page)
        self._current = page if page in self._entries else PAGES[0].key
        self._sidebar.select(self._current)
        if self._current == PAGES[0].key:  # others load what takes longer than opening the window
            self.go(self._current)

    @Slot()
    def _begin(self) -> None:
        """The window has been painted: show the page that was open, and read."""
        if not self._closed:
            self._background.release()
            self._look.hands.watch(self.windowHandle())
            self.go(self._current)
            self._vitals.show()
