"""Every page, light and dark, at one and at two pixels per point, looks as it did when somebody looked at it last.

After a change that is meant, ``make golden`` draws the images anew. They are what README and guide show.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from desktop.shell.pages import PAGES
from tests.desktop.golden import (
    GOLDEN,
    REPOSITORY,
    SETS,
    Pixels,
    differences,
    draw,
    keep,
    read,
    show_differences,
)

#: All golden images together; what is larger is not for a repository.
_MOST_BYTES = 6_000_000


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("drawn")
    draw(folder)
    return folder


@pytest.mark.thorough
@pytest.mark.parametrize("which", SETS)
def test_every_page_looks_as_it_did(drawn: Path, tmp_path: Path, which: str) -> None:
    wrong = []
    for entry in PAGES:
        file = GOLDEN / which / f"{entry.key}.png"
        new = drawn / which / file.name
        golden, now = read(file), read(new)
        if golden.shape != now.shape:
            wrong.append(f"{entry.key} has another size: {new}")
        elif tiles := differences(golden, now):
            shown = tmp_path / f"{entry.key}-differs.png"
            show_differences(golden, now, tiles, shown)
            wrong.append(f"{entry.key} differs in {len(tiles)} places: {new}, see {shown}")
    assert not wrong, "\n".join([*wrong, "If that is meant: make golden"])


def test_the_images_are_those_of_the_pages_and_small() -> None:
    there = sorted(file.relative_to(GOLDEN).as_posix() for file in GOLDEN.rglob("*.png"))
    assert there == sorted(f"{which}/{entry.key}.png" for which in SETS for entry in PAGES)
    assert sum(file.stat().st_size for file in GOLDEN.rglob("*.png")) < _MOST_BYTES


def test_readme_and_guide_show_them() -> None:
    for text in (REPOSITORY / "README.md", REPOSITORY / "docs" / "guide" / "window.md"):
        shown = re.findall(r"!\[[^]]+\]\(([^)]+)\)", text.read_text(encoding="utf-8"))
        assert shown
        for picture in shown:
            assert GOLDEN in (text.parent / picture).resolve().parents
            assert (text.parent / picture).is_file(), f"{text.name} shows {picture}"


@pytest.fixture(scope="module")
def home() -> Pixels:
    return read(GOLDEN / "light@1x" / "home.png")


def test_a_moved_button_is_seen(home: Pixels) -> None:
    moved = home.copy()
    moved[137:170, 1188:1308] = home[137:170, 1185:1305]  # Browse, three pixels to the right
    assert differences(home, moved)


def test_a_line_that_is_gone_is_seen(home: Pixels) -> None:
    across = np.s_[300:900]  # of the list of recent studies, which has a line below each study
    one_colour = (home[:, across] == home[:, 300:301]).all(axis=(1, 2))
    begins = one_colour[1:] & one_colour[:-1] & np.diff(home[:, 300], axis=0).any(axis=1)
    lines = np.flatnonzero(begins) + 1
    inside = [row for row in lines if np.array_equal(home[row + 1, 300], home[row - 1, 300])]
    without = home.copy()
    without[inside[-1], across] = home[inside[-1] - 1, across]
    assert differences(home, without)


def test_the_colour_of_a_small_mark_is_kept(tmp_path: Path) -> None:
    many = np.random.default_rng(0).integers(120, 136, (64, 64, 3)).astype(np.uint8)
    many[10:13, 20:23] = (200, 20, 220)
    Image.fromarray(many).save(tmp_path / "drawn.png")
    keep(tmp_path / "drawn.png", tmp_path / "kept.png")
    kept = read(tmp_path / "kept.png")
    assert (kept[10:13, 20:23] == (200, 20, 220)).all()
    assert np.abs(kept - many).max() <= 8


@pytest.mark.parametrize("colour", [(247, 247, 252), (0, 0, 0)])
def test_a_changed_colour_is_seen(home: Pixels, colour: tuple[int, int, int]) -> None:
    ground = home[400, 5]
    changed = np.where((home == ground).all(axis=2, keepdims=True), ground + np.array([2, 0, -3]), home)
    assert differences(home, changed.astype(np.int16))
    assert differences(home, np.where(home < 60, np.array(colour), home).astype(np.int16))


def test_edges_of_letters_may_differ_a_little(home: Pixels, tmp_path: Path) -> None:
    contrast = np.abs(np.diff(home, axis=1, prepend=home[:, :1])).max(axis=2, keepdims=True)
    again = home + contrast * np.random.default_rng(0).uniform(-0.2, 0.2, home.shape)
    assert not differences(home, np.clip(again, 0, 255).astype(np.int16))
    keep(GOLDEN / "light@1x" / "home.png", tmp_path / "again.png")
    assert not differences(home, read(tmp_path / "again.png"))
