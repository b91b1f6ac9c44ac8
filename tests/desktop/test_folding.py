"""Parts that stand beside each other, and below each other where they do not fit."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QVBoxLayout, QWidget

from desktop.widgets.folding import Folding


def part(least: int, fixed: bool = False) -> QWidget:
    made = QWidget()
    made.setMinimumSize(least, 20)
    if fixed:
        made.setFixedWidth(least)
    return made


def shown(folding: Folding, width: int) -> None:
    """Give it a width; it stands in a page that scrolls."""
    folding.setGeometry(0, 0, width, 100)
    for _ in range(3):
        QCoreApplication.processEvents()


def test_parts_fold_where_they_do_not_fit_and_stand_beside_each_other_again(no_qt_warning: None) -> None:
    left, right = part(200), part(100, fixed=True)
    folding = Folding(left, right, gap=10)
    around = QWidget()
    folding.setParent(around)
    around.show()
    assert (
        folding.minimumSizeHint().width() == 200
    )  # as wide as the widest, so that it can become that narrow
    shown(folding, 310)
    assert not folding.folded
    assert (left.width(), right.width()) == (200, 100)
    shown(folding, 309)
    assert folding.folded
    assert left.y() < right.y()
    assert right.width() == 309  # what is narrow beside others has the room below them
    shown(folding, 500)
    assert not folding.folded
    assert (left.width(), right.width()) == (390, 100)
    around.close()


def test_a_part_that_grows_or_is_hidden_counts_at_once(no_qt_warning: None) -> None:
    left, right = part(100), part(100)
    folding = Folding(left, right, gap=0)
    whole = QWidget()
    QVBoxLayout(whole).addWidget(folding)
    whole.resize(260, 200)
    whole.show()
    QCoreApplication.processEvents()
    assert not folding.folded
    right.setMinimumWidth(180)
    for _ in range(3):
        QCoreApplication.processEvents()
    assert folding.folded
    right.hide()
    for _ in range(3):
        QCoreApplication.processEvents()
    assert not folding.folded
    whole.close()
