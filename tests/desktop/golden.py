"""The golden images: drawing the sample workspace, keeping the pictures, and telling whether two differ.

``python -m tests.desktop.golden`` (or ``make golden``) draws them anew; look at each before it is committed.

What is assumed: fonts and icons are bundled and Qt is pinned, so the same window has the same pixels wherever it is
drawn without a screen. Where the library that draws letters is another one, their edges differ a little; that is
let pass (see `differences`), and nothing else.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.locks import ProcessLock

GOLDEN: Final = Path(__file__).resolve().parent / "golden"
REPOSITORY: Final = GOLDEN.parent.parent.parent
#: Names of the sets: theme and pixels per point.
SETS: Final = ("light@1x", "dark@1x", "light@2x", "dark@2x")
#: Folder and options of each run; the last one draws longer words in the smallest window, and keeps no pictures.
RUNS: Final = (
    ("", ("--scale", "1")),
    ("", ("--scale", "2")),
    ("german", ("--language", "de", "--size", "960x600", "--theme", "light")),
)
#: Seconds that a busy machine may take to draw two sets.
_PATIENCE: Final = 300.0

#: Colours of a picture that is kept, and how many of them are the most frequent ones, which stay as they are.
_COLOURS: Final = 256
_FREQUENT: Final = 96
#: Side of a tile in pixels.
_TILE: Final = 16
#: The mean difference that a tile may have: half of what stands out of its ground, within these limits, of 255.
_SHARE: Final = 0.5
_LEAST: Final = 0.8
_MOST: Final = 7.0

Pixels = NDArray[np.int16]


def draw(folder: Path) -> None:
    """Make the sample workspace and draw it into ``folder``, one process for each of `RUNS`.

    Raises:
        RuntimeError: It could not be drawn, or a page is wider than its window; says why.
    """
    from tests.sample import make

    with tempfile.TemporaryDirectory() as place, ExitStack() as stack:
        sample = make(Path(place) / "town-desk")
        for job in sample.running:
            stack.enter_context(ProcessLock(job.lock))
        for where, how in RUNS:  # one after the other: a conversation is open in one process only
            place_of = [str(sample.workspace.root), str(folder / where)]
            done = subprocess.run(
                [sys.executable, "-m", "tests.desktop.drawing", *place_of, *how],
                stderr=subprocess.PIPE,
                text=True,
                cwd=REPOSITORY,
                env={name: value for name, value in os.environ.items() if not name.startswith("QT_")},
                timeout=_PATIENCE,
                check=False,
            )
            if done.returncode != 0:
                raise RuntimeError(f"the pages could not be drawn:\n{done.stderr}")


def keep(picture: Path, file: Path) -> None:
    """Store a picture in few bytes: with at most 256 colours, each other one as the nearest of them."""
    with Image.open(picture) as image:
        pixels = np.asarray(image.convert("RGB"))
    packed = pixels.astype(np.int32) @ np.array([65536, 256, 1], np.int32)
    colours, where, counts = np.unique(packed, return_inverse=True, return_counts=True)
    channels = np.stack([colours >> 16, colours >> 8 & 255, colours & 255], axis=1)
    palette, nearest = _palette(channels, counts)
    made = Image.fromarray(nearest[where].reshape(packed.shape))
    made.putpalette(palette.astype(np.uint8).tobytes())
    file.parent.mkdir(parents=True, exist_ok=True)
    made.save(file, optimize=True)


def _palette(
    colours: NDArray[np.int32], counts: NDArray[np.intp]
) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
    """The colours to keep, and for each colour which of them is nearest.

    The most frequent ones come first; then, again and again, the one that is farthest from all before it, so that
    the colour of a small mark is kept however few pixels have it (Gonzalez, 1985).
    """
    chosen = [int(one) for one in np.argsort(-counts, kind="stable")[:_FREQUENT]]
    distances = ((colours[:, None, :] - colours[None, chosen, :]) ** 2).sum(axis=2)
    nearest, least = distances.argmin(axis=1), distances.min(axis=1)
    while len(chosen) < _COLOURS and least.any():
        farthest = int(least.argmax())
        distance = ((colours - colours[farthest]) ** 2).sum(axis=1)
        nearest[distance < least] = len(chosen)
        least = np.minimum(least, distance)
        chosen.append(farthest)
    return colours[chosen], nearest.astype(np.uint8)


def read(file: Path) -> Pixels:
    """The pixels of a picture: height, width, and three channels from 0 to 255."""
    with Image.open(file) as image:
        return np.asarray(image.convert("RGB")).astype(np.int16)


def differences(golden: Pixels, drawn: Pixels) -> list[tuple[int, int]]:
    """The tiles, row and column of each, in which a picture is another one than it was.

    A tile of a single colour has to stay so. One with letters or lines in it may differ a little, as their edges do
    where another library draws them, and the less, the fainter they are.
    """
    high, wide, _ = golden.shape
    beyond = ((0, -high % _TILE), (0, -wide % _TILE), (0, 0))
    was, now = (
        np.pad(picture, beyond, "edge").reshape(-(-high // _TILE), _TILE, -(-wide // _TILE), _TILE, 3)
        for picture in (golden, drawn)
    )
    differs = np.abs(was - now).mean(axis=(1, 3, 4))
    found = []
    for row, column in np.argwhere(differs > _LEAST):
        tile = was[row, :, column]
        stands_out = float(np.abs(tile - np.median(tile, axis=(0, 1))).mean())
        if differs[row, column] > min(max(_LEAST, _SHARE * stands_out), _MOST):
            found.append((int(row), int(column)))
    return found


def show_differences(golden: Pixels, drawn: Pixels, tiles: list[tuple[int, int]], file: Path) -> None:
    """Write the drawn picture, faded, with the tiles that differ in full and framed."""
    shown = (255 - (255 - drawn.astype(np.float32)) * 0.35).astype(np.uint8)
    for row, column in tiles:
        top, left = row * _TILE, column * _TILE
        here = np.s_[top : top + _TILE, left : left + _TILE]
        shown[here] = drawn[here]
        shown[top, left : left + _TILE] = shown[top : top + _TILE, left] = (230, 0, 120)
    Image.fromarray(shown).save(file)


def renew(drawn: Path) -> None:
    """Put what was drawn in the place of the golden images."""
    shutil.rmtree(GOLDEN, ignore_errors=True)
    for picture in sorted(drawn.glob("*/*.png")):
        keep(picture, GOLDEN / picture.parent.name / picture.name)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as new:
        draw(Path(new))
        renew(Path(new))
