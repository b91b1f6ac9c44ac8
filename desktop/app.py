"""The ``bakeoff-desktop`` command: opens the window on a workspace, or draws its pages into files."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NoReturn

from PySide6.QtCore import QLocale, QSettings
from PySide6.QtWidgets import QApplication

from desktop.collecting import Collector
from desktop.language import tr, use_language
from desktop.problem import Problem, problem_of
from desktop.qt_words import speak
from desktop.shell.crash import CrashGuard, CrashTeller
from desktop.shell.dialogs import show_problem
from desktop.shell.instance import Instance
from desktop.shell.logo import logo_icon
from desktop.shell.places import last_place, remember_place
from desktop.shell.shots import draw_pages
from desktop.shell.window import MainWindow
from desktop.theme.look import Look
from engine import __version__
from engine.errors import BakeoffError
from engine.workspace import open_workspace
from engine.workspace.network import use_network

_SIZE: Final = re.compile(r"(\d{3,5})x(\d{3,5})\Z")


def main(arguments: Sequence[str] | None = None) -> None:
    """Open the window and exit with its status."""
    options = _parser().parse_args(arguments)
    if options.shots is not None:
        os.environ["QT_SCALE_FACTOR"] = str(options.scale)
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    application = QApplication(sys.argv[:1])
    application.setOrganizationName("Bakeoff")
    application.setApplicationName("Bakeoff")
    application.setApplicationVersion(__version__)
    settings = QSettings()
    _speak(application, str(settings.value("language") or "system") if options.shots is None else "en")
    scheme = options.theme or str(settings.value("theme") or "system")
    look = Look(application, scheme if scheme in ("light", "dark") else "system")  # type: ignore[arg-type]
    application.setWindowIcon(logo_icon(look))
    try:
        workspace = open_workspace(options.workspace or last_place(settings))
    except BakeoffError as error:
        _refuse(application, look, problem_of(error), error.sentence())
    use_network(workspace)
    if options.shots is not None:
        sys.exit(draw_pages(workspace, look, options.shots, options.size))
    instance = Instance(workspace)
    claim = instance.claim()
    if claim == "held":
        problem = Problem(
            tr("The workspace is open already"),
            tr("Another window has {folder} open, and it does not answer.", folder=str(workspace.root)),
            tr("Close that window, or open another workspace with --workspace."),
        )
        _refuse(application, look, problem, f"{problem.message} {problem.fix}")
    if claim == "raised":
        sys.exit(0)
    guard = CrashGuard(workspace)
    remember_place(settings, workspace.root)
    collector = Collector(look.hands)
    again = True
    while again:
        window = MainWindow(workspace, look, settings)
        window.first_paint.over.connect(collector.start)
        instance.asked.connect(window.come_forward)
        window.show()
        teller = CrashTeller(look, window.services, guard, window)
        status = application.exec()
        again = window.reopens
        instance.asked.disconnect(window.come_forward)
        window.deleteLater()
        del teller, window
        if again:
            _speak(application, str(settings.value("language") or "system"))
    collector.close()
    guard.close()
    instance.close()
    sys.exit(status)


def _speak(application: QApplication, language: str) -> None:
    """Speak a language from now on; what is on the screen already stays as it is."""
    spoken = use_language(language)
    speak(application, spoken)
    QLocale.setDefault(QLocale(spoken))  # for what Qt writes and reads itself: whole numbers, dates


def _refuse(application: QApplication, look: Look, problem: Problem, sentence: str) -> NoReturn:
    """Say why the window cannot open, and end."""
    print(sentence, file=sys.stderr)
    if application.platformName() != "offscreen":  # there nobody could close the dialog
        show_problem(look, problem, None).exec()
    sys.exit(1)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bakeoff-desktop", description="The window of Bakeoff.")
    parser.add_argument(
        "--workspace",
        metavar="DIR",
        help="the workspace (default: $BAKEOFF_WORKSPACE, else the one that was open last)",
    )
    parser.add_argument("--version", action="version", version=f"bakeoff {__version__}")
    parser.add_argument("--theme", choices=("light", "dark"), help="instead of the system's")
    shots = parser.add_argument_group("drawing the pages into files")
    shots.add_argument("--shots", metavar="DIR", type=Path, help="draw every page to DIR/<page>.png and exit")
    shots.add_argument("--scale", type=int, choices=(1, 2), default=1, help="pixels per point")
    shots.add_argument(
        "--size", type=_size, default=(1360, 860), metavar="WxH", help="of the window (1360x860)"
    )
    return parser


def _size(text: str) -> tuple[int, int]:
    found = _SIZE.fullmatch(text)
    if found is None:
        raise argparse.ArgumentTypeError(f"'{text}' is no size such as 1360x860")
    return int(found[1]), int(found[2])


if __name__ == "__main__":
    main()
