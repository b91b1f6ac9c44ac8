"""The monkey: what it does with its hands is drawn by a seed, event by event.

Events go to the platform's windows, as those of a real mouse and keyboard do, so that Qt decides who gets them: what
has the keyboard, the menu that is open, the dialog in front. A drawn number belongs to the number of its event and
not to the events before, so that the same seed means the same play as far as threads and the clock let it.
"""

from __future__ import annotations

import random
from collections import Counter, deque
from collections.abc import Callable, Sequence
from pathlib import Path
from time import monotonic, thread_time
from typing import Final, TextIO

from PySide6.QtCore import (
    QCoreApplication,
    QEventLoop,
    QMimeData,
    QPoint,
    QPointF,
    QRect,
    QSize,
    Qt,
    QTimer,
    QUrl,
)
from PySide6.QtGui import (
    QDrag,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDragMoveEvent,
    QDropEvent,
    QGuiApplication,
    QWindow,
)
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QDialog,
    QLineEdit,
    QListWidget,
    QPlainTextEdit,
    QTabBar,
    QWidget,
)
from shiboken6 import isValid

from desktop.shell.crash import CrashDialog
from desktop.shell.pages import PAGES
from desktop.shell.window import MainWindow
from desktop.theme.look import Look
from desktop.widgets.drop_zone import DropZone
from tests.desktop.monkey.fence import Answers
from tests.desktop.monkey.witness import Witness

Draw = random.Random
NONE, CTRL, ALT, SHIFT = (
    Qt.KeyboardModifier.NoModifier,
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.AltModifier,
    Qt.KeyboardModifier.ShiftModifier,
)
LEFT, RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton

#: What one can do something with; half of the clicks go there, and where it is a frame or a chart, the rest.
_CONTROLS: Final = (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QLineEdit,
    QPlainTextEdit,
    QTabBar,
)
_KEYS: Final = tuple(
    getattr(Qt.Key, f"Key_{name}")
    for name in (
        *("Tab", "Tab", "Tab", "Backtab", "Return", "Space", "Escape", "Up", "Down", "Left", "Right"),
        *(
            "PageUp",
            "PageDown",
            "Home",
            "End",
            "Delete",
            "Backspace",
            "F2",
            "F5",
            "F6",
            "Menu",
            "S",
            "0",
            "1",
        ),
    )
)
_SHORTCUTS: Final = (
    *((getattr(Qt.Key, f"Key_{number}"), CTRL) for number in range(10)),
    *((getattr(Qt.Key, f"Key_{letter}"), CTRL) for letter in "KKACVXZF"),
    *((getattr(Qt.Key, f"Key_{number}"), ALT) for number in range(3)),
    (Qt.Key.Key_Comma, CTRL),
    (Qt.Key.Key_Tab, CTRL),
    (Qt.Key.Key_Return, CTRL),
    (Qt.Key.Key_End, SHIFT),
    (Qt.Key.Key_Space, SHIFT),
    (Qt.Key.Key_Down, SHIFT),
)
_TYPED: Final = (
    *("a", "slerp", "town desk", "0", "-1", "7", "0.5", "1e400", "nan", "99999999999999999999", "3,5"),
    *(
        "Größe 漢字 \U0001f412",
        "../../etc",
        "{name} %s %d",
        "'; --",
        '"',
        "\\",
        "<b>bold</b>",
        "\u202eabc",
        "  ",
    ),
    *("openai:gpt-4o", "lab:large", "https://lab.example.org/v1", "alder-360m", "a" * 300),
)
#: Seconds of this thread's own work, and of a clock that knows of a busy machine, that an event may take.
_HELD: Final = 3.0
_STUCK: Final = 60.0
#: Seconds for which the monkey waits now and then until a page has read what it shows.
_PATIENCE: Final = 3.0
#: Milliseconds after which an event that has not returned is taken to wait for somebody.
_NESTED: Final = 250
#: Events after which a dialog is left.
_BORED: Final = 40


class Monkey:
    """Plays with a window.

    Args:
        files: What it drops on the window, and chooses where files are asked for.
        folder: Where it saves.
        log: Gets a line for each event, so that there are some left where the process is killed.
        witness: Is told of events that take too long, and of crash dialogs; the play ends with the first fault.
    """

    def __init__(
        self,
        window: MainWindow,
        look: Look,
        answers: Answers,
        witness: Witness,
        files: Sequence[Path],
        folder: Path,
        log: TextIO,
        seed: int,
    ) -> None:
        self._window = window
        self._look = look
        self._witness = witness
        self._files = files
        self._folder = folder
        self._log = log
        self._seed = seed
        self._draw = Draw(seed)
        self._number = self._events = self._most = 0
        self._wait_until = 0.0
        self._bored = 0
        self._front: QWidget | None = None
        self._loop = QEventLoop()
        self._began: float | None = None
        answers.choose, answers.drop = self._choose, self._drop_dragged
        #: What was done last.
        self.last: deque[str] = deque(maxlen=40)
        #: How often what was done.
        self.done: Counter[str] = Counter()
        self.pages: set[str] = set()
        self.dialogs: Counter[str] = Counter()
        #: Seconds of the slowest events, and what they were.
        self.slowest: list[tuple[float, str]] = []
        self._acts: tuple[tuple[int, Callable[[], str]], ...] = (
            (26, self._click),
            (3, self._click_right),
            (4, self._click_twice),
            (12, self._move),
            (6, self._drag),
            (9, self._turn_the_wheel),
            (16, self._press_key),
            (5, self._use_shortcut),
            (6, self._type),
            (2, self._go),
            (1, self._drop_files),
            (1, self._resize),
        )

    def play(self, events: int) -> None:
        """Go on until so many events were sent, each of which the window has time to follow."""
        self._most = self._events + events
        watch = QTimer(interval=_NESTED)
        watch.timeout.connect(self._rescue)
        watch.start()
        QTimer.singleShot(0, self._step)
        self._loop.exec()
        watch.stop()

    @property
    def story(self) -> str:
        """How to see it again, and what was done last."""
        return "\n".join(
            [
                f"BAKEOFF_MONKEY_SEED={self._seed} BAKEOFF_MONKEY_EVENTS={self._events}",
                *self.last,
                *self._witness.faults,
            ]
        )

    def _step(self) -> None:
        if self._witness.faults or self._events >= self._most:
            self._loop.quit()
            return
        if monotonic() < self._wait_until and self._busy():
            QTimer.singleShot(5, self._step)
            return
        self._wait_until = 0.0
        self._number += 1
        self._draw = Draw(f"{self._seed} {self._number}")
        mine, self._began = thread_time(), monotonic()
        what = ""
        try:
            what = self._act()
        except BaseException as error:  # an exception of an event handler that Qt has handed on to us
            import traceback

            self._witness.note("".join(traceback.format_exception(error)))
        finally:
            took, lasted = thread_time() - mine, monotonic() - self._began
            self._began = None
        self.last.append(f"{self._number}: {what} [{self._window.page.accessibleName()}]")
        print(self.last[-1], file=self._log)
        self.slowest = sorted([*self.slowest, (took, self.last[-1])], reverse=True)[:15]
        if took > _HELD or lasted > _STUCK:
            self._witness.note(f"The window was held for {took:.1f} s of work, {lasted:.1f} s in all.")
        self._look_around()
        QTimer.singleShot(0, self._step)

    def _act(self) -> str:
        """One event, or the few that belong together."""
        if self._draw.random() < 0.02:
            self._wait_until = monotonic() + _PATIENCE
        front = self._front_window()
        if front is not self._front:
            self._front, self._bored = front, 0
        self._bored += 1
        if self._number % 1000 == 500:
            act: Callable[[], str] = self._change_theme
        elif self._bored > _BORED and front is not self._window:
            act = self._leave
        elif isinstance(front, QDialog) and self._draw.random() < 0.2:
            act = self._press_a_button
        else:
            act = self._draw.choices([one for _, one in self._acts], [often for often, _ in self._acts])[0]
        self.done[act.__name__.strip("_")] += 1
        print(act.__name__, end=" ", file=self._log)
        return act()

    def _look_around(self) -> None:
        self.pages.add(next(key for key, page in self._window._pages.items() if page is self._window.page))
        dialog = QApplication.activeModalWidget()
        if dialog is not None and dialog is not self._front:
            self.dialogs[f"{type(dialog).__name__}: {dialog.windowTitle()}"] += 1
        if isinstance(dialog, CrashDialog):
            self._witness.note(f"A crash was told: {dialog._text}")

    def _busy(self) -> bool:
        page = self._window.page
        return self._window.services.background.busy or page.busy or not page.model.loaded

    def _rescue(self) -> None:
        """An event waits for somebody inside of an event loop of its own: let it go on."""
        if self._began is not None and monotonic() - self._began > _NESTED / 1000:
            popup = QApplication.activePopupWidget() or QApplication.activeModalWidget()
            if popup is not None:
                self.last.append(f"  {type(popup).__name__} is closed, as it waits")
                popup.close()

    # Where

    def _front_window(self) -> QWidget:
        return QApplication.activePopupWidget() or QApplication.activeModalWidget() or self._window

    def _handle(self, widget: QWidget) -> QWindow:
        handle = widget.window().windowHandle()
        return handle if handle is not None else self._window.windowHandle()

    def _somewhere(self, widget: QWidget) -> QPoint:
        area = widget.rect()
        return QPoint(self._draw.randrange(max(1, area.width())), self._draw.randrange(max(1, area.height())))

    def _target(self) -> tuple[QWindow, QPoint, str]:
        """A place in the window in front, most often one where something can be done."""
        front = self._front_window()
        inside = self._window.page if front is self._window and self._draw.random() < 0.93 else front
        if self._draw.random() < 0.75:
            found = [
                (one, area)
                for kind in _CONTROLS
                for one in inside.findChildren(kind)
                if one.isVisible() and not (area := one.visibleRegion().boundingRect()).isEmpty()
            ]
            if found:
                one, area = self._draw.choice(found)
                where = self._within(area)
                return self._handle(front), one.mapTo(one.window(), where), _named(one)
        where = self._somewhere(inside)
        return self._handle(front), inside.mapTo(inside.window(), where), _named(inside)

    def _within(self, area: QRect) -> QPoint:
        return area.topLeft() + QPoint(
            self._draw.randrange(area.width()), self._draw.randrange(area.height())
        )

    # Mouse

    def _press_and_release(
        self, window: QWindow, button: Qt.MouseButton, modifier: Qt.KeyboardModifier, where: QPoint
    ) -> None:
        """Click; a menu that the pressing has closed is not there when the button is released."""
        self._events += 2
        QTest.mousePress(window, button, modifier, where)
        if isValid(window):
            size = window.size()  # a menu may be a smaller one now
            there = QPoint(min(where.x(), size.width() - 1), min(where.y(), size.height() - 1))
            QTest.mouseRelease(window, button, modifier, there)

    def _click(self) -> str:
        window, where, what = self._target()
        modifier = self._draw.choices([NONE, CTRL, SHIFT], [20, 1, 1])[0]
        self._press_and_release(window, LEFT, modifier, where)
        return f"click {what} at {where.x()},{where.y()} {modifier.name}"

    def _click_right(self) -> str:
        window, where, what = self._target()
        self._press_and_release(window, RIGHT, NONE, where)
        return f"right click {what} at {where.x()},{where.y()}"

    def _click_twice(self) -> str:
        window, where, what = self._target()
        if window is not self._window.windowHandle():  # others may be gone after the first click
            self._press_and_release(window, LEFT, NONE, where)
            return f"click {what} at {where.x()},{where.y()}"
        self._events += 4
        QTest.mouseDClick(window, LEFT, NONE, where)
        return f"double click {what} at {where.x()},{where.y()}"

    def _move(self) -> str:
        window, where, what = self._target()
        self._events += 1
        QTest.mouseMove(window, where)
        return f"move over {what} at {where.x()},{where.y()}"

    def _drag(self) -> str:
        window, where, what = self._target()
        self._events += 6
        QTest.mousePress(window, LEFT, NONE, where)
        to = where
        for _ in range(4):
            far = where + QPoint(self._draw.randint(-150, 150), self._draw.randint(-150, 150))
            size = window.size() if isValid(window) else QSize(1, 1)
            to = QPoint(max(0, min(far.x(), size.width() - 1)), max(0, min(far.y(), size.height() - 1)))
            if isValid(window):
                QTest.mouseMove(window, to)
        if isValid(window):
            QTest.mouseRelease(window, LEFT, NONE, to)
        return f"drag {what} from {where.x()},{where.y()} to {to.x()},{to.y()}"

    def _turn_the_wheel(self) -> str:
        window, where, what = self._target()
        turns = self._draw.choice((-10, -3, -1, 1, 3))
        modifier = self._draw.choices([NONE, CTRL, SHIFT], [12, 1, 1])[0]
        self._events += 1
        QTest.wheelEvent(window, QPointF(where), QPoint(0, 120 * turns), QPoint(), modifier)
        return f"turn the wheel by {turns} over {what} at {where.x()},{where.y()} {modifier.name}"

    # Keyboard

    def _keyboard(self) -> QWindow:
        if QApplication.activePopupWidget() is not None:
            # Which gets the keys of any window.
            return self._handle(QApplication.activeModalWidget() or self._window)
        return QGuiApplication.focusWindow() or self._handle(self._front_window())

    def _key(self, key: Qt.Key, modifier: Qt.KeyboardModifier = NONE) -> None:
        """Press and release a key; who has the keyboard then may be somebody else.

        Event by event: `QTest.keyClick` presses Shift and others, too, on a window that the key may have closed.
        """
        self._events += 2
        text = chr(key) if key <= Qt.Key.Key_AsciiTilde and modifier in (NONE, SHIFT) else ""
        for pressed in (True, False):
            QTest.simulateEvent(self._keyboard(), pressed, int(key), modifier, text, False)

    def _press_key(self) -> str:
        key = self._draw.choice(_KEYS)
        had = _focused()
        self._key(key)
        return f"{key.name} in {had}"

    def _use_shortcut(self) -> str:
        key, modifier = self._draw.choice(_SHORTCUTS)
        had = _focused()
        self._key(key, modifier)
        return f"{modifier.name} {key.name} in {had}"

    def _type(self) -> str:
        text = self._draw.choice(_TYPED)
        had = _focused()
        target = QApplication.focusWidget()
        if target is None:
            return "type nothing"
        self._events += 2  # however long the text is
        for letter in text:
            if ord(letter) < 128:
                QTest.sendKeyEvent(QTest.KeyAction.Click, target, Qt.Key(ord(letter.upper())), letter, NONE)
            else:
                QTest.sendKeyEvent(QTest.KeyAction.Click, target, Qt.Key.Key_unknown, letter, NONE)
        return f"type {text[:30]!r} into {had}"

    # The window as a whole

    def _go(self) -> str:
        """Choose a page in the sidebar."""
        if self._front_window() is not self._window:
            return self._leave()
        new = [entry for entry in PAGES if entry.key not in self.pages]
        entry = self._draw.choice(new if new and self._draw.random() < 0.5 else PAGES)
        for pages in self._window._sidebar.findChildren(QListWidget):
            for row in range(pages.count()):
                item = pages.item(row)
                if item.data(Qt.ItemDataRole.UserRole) == entry.key:
                    middle = pages.visualItemRect(item).center()
                    where = pages.viewport().mapTo(self._window, middle)
                    self._press_and_release(self._window.windowHandle(), LEFT, NONE, where)
        if self._draw.random() < 0.7:
            self._wait_until = monotonic() + _PATIENCE
        return f"go to {entry.title}"

    def _leave(self) -> str:
        """Leave the dialog or menu in front."""
        front = self._front_window()
        what = _named(front)
        if isinstance(front, QDialog) and self._draw.random() < 0.3:
            self._events += 1
            front.close()  # as the cross in its frame does
        else:
            self._key(Qt.Key.Key_Escape)
        self._bored = 0
        return f"leave {what}"

    def _press_a_button(self) -> str:
        """One of the dialog's, wherever it is."""
        front = self._front_window()
        buttons = [one for one in front.findChildren(QAbstractButton) if one.isVisible() and one.isEnabled()]
        if not buttons:
            return self._leave()
        button = self._draw.choice(buttons)
        what = f"press {_named(button)} in {_named(front)}"
        window, where = self._handle(front), button.mapTo(button.window(), button.rect().center())
        if not front.rect().contains(where):
            return f"do not {what}, as it is out of sight"
        self._press_and_release(window, LEFT, NONE, where)
        return what

    def _resize(self) -> str:
        size = QSize(self._draw.randint(960, 1200), self._draw.randint(600, 780))
        self._events += 1
        self._window.resize(size)
        return f"resize to {size.width()} x {size.height()}"

    def _change_theme(self) -> str:
        scheme = self._draw.choice(("dark", "light", "system"))
        self._events += 1
        self._look.force(scheme)  # type: ignore[arg-type]
        return f"change the theme to {scheme}"

    # Files

    def _drop_files(self) -> str:
        """Drop files, most often where they are taken."""
        files = self._draw.sample(self._files, self._draw.randint(1, 3))
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(str(file)) for file in files])
        front = self._front_window()
        if QApplication.activePopupWidget() is not None:  # which the mouse would have closed on its way
            return self._leave()
        zones = [one for one in front.findChildren(DropZone) if one.isVisible()]
        target = self._draw.choice(zones) if zones and self._draw.random() < 0.8 else front
        where = target.mapTo(target.window(), self._somewhere(target))
        what = f"drop {', '.join(file.name for file in files)} on {_named(target)}"
        taken = self._drag_and_drop(self._handle(front), data, where, Qt.DropAction.CopyAction)
        return f"{what}: {'taken' if taken else 'refused'}"

    def _drop_dragged(self, drag: QDrag) -> Qt.DropAction:
        """The window drags something of its own: it lands somewhere on it."""
        where = self._somewhere(self._window)
        taken = self._drag_and_drop(
            self._window.windowHandle(), drag.mimeData(), where, Qt.DropAction.MoveAction
        )
        self.done["drop_dragged"] += 1
        return Qt.DropAction.MoveAction if taken else Qt.DropAction.IgnoreAction

    def _drag_and_drop(self, window: QWindow, data: QMimeData, where: QPoint, action: Qt.DropAction) -> bool:
        self._events += 1
        entering = QDragEnterEvent(where, action, data, LEFT, NONE)
        QCoreApplication.sendEvent(window, entering)
        if not entering.isAccepted():
            return False
        self._events += 3
        for _ in range(2):
            QCoreApplication.sendEvent(window, QDragMoveEvent(where, action, data, LEFT, NONE))
        if self._draw.random() < 0.1:
            QCoreApplication.sendEvent(window, QDragLeaveEvent())
            return False
        dropping = QDropEvent(QPointF(where), action, data, LEFT, NONE)
        QCoreApplication.sendEvent(window, dropping)
        return dropping.isAccepted()

    def _choose(self, kind: str) -> str:
        """What a dialog for files is answered with."""
        self.done[f"choose_{kind}"] += 1
        if self._draw.random() < 0.25:
            return ""
        if kind == "save":
            return str(self._folder / f"saved-{self._number}")
        if kind == "folder":
            return str(self._draw.choice([self._folder, self._folder / "new", self._folder / "nowhere"]))
        return str(self._draw.choice(self._files))


def _named(widget: QWidget) -> str:
    text = widget.accessibleName() or (widget.text() if isinstance(widget, QAbstractButton) else "")
    return f"{type(widget).__name__} {(text or widget.windowTitle())[:40]!r}"


def _focused() -> str:
    widget = QApplication.focusWidget()
    return "nothing" if widget is None else _named(widget)
