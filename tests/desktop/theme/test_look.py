"""The look in use: what changes with it, and what does not."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication

from desktop.theme.look import Look


def test_another_scheme_is_told_and_the_same_one_is_not(look: Look) -> None:
    told: list[str] = []
    look.changed.connect(note := lambda: told.append(look.tokens.name))
    look.force("dark")
    look.force("dark")
    look.force("light")
    look.changed.disconnect(note)
    assert told == ["dark", "light"]


def test_a_full_disk_takes_the_arrows_colour_and_nothing_else(
    qapp: QApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", full)
        assert Look(qapp, "dark").tokens.name == "dark"
    assert "QPushButton" in qapp.styleSheet()
    Look(qapp, "light")
