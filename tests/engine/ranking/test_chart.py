"""Charts are real pictures of what the ranking says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from engine.ranking import Ranking, RankingError, Verdict, VerdictTable, draw_chart, rank
from tests.engine.ranking.arena import balanced


def ranking(reference: str | None = None) -> Ranking:
    rows = balanced("ABC", 20)
    rows += [Verdict("unbeaten $1$", x, "a", f"p{i}") for i in range(20) for x in "ABC"]
    rows += [Verdict("X", "Y", "tie", "p1")]
    return rank(VerdictTable.from_rows(rows), reference=reference)


def pixels(path: Path) -> np.ndarray:
    from matplotlib.image import imread

    return np.asarray(imread(path))


def test_png_in_both_themes(tmp_path: Path) -> None:
    for theme, bright in (("light", True), ("dark", False)):
        path = tmp_path / f"{theme}.png"
        draw_chart(ranking(), path, theme=theme)
        picture = pixels(path)
        assert picture.shape[1] > 1000
        assert bool(picture[0, 0, :3].mean() > 0.5) is bright
        assert len(np.unique(picture.reshape(-1, picture.shape[2]), axis=0)) > 50


def test_svg_is_the_same_file_every_time(tmp_path: Path) -> None:
    first, second = tmp_path / "one.svg", tmp_path / "two.svg"
    for path in (first, second):
        draw_chart(ranking("A"), path, theme="light", lines=[("dataset", 0.4)])
    text = first.read_text()
    assert re.match(r"<\?xml", text)
    assert "<svg" in text
    assert first.read_bytes() == second.read_bytes()


def test_reference_and_yardsticks_change_the_picture(tmp_path: Path) -> None:
    plain, band, line = (tmp_path / f"{n}.png" for n in ("plain", "band", "line"))
    draw_chart(ranking(), plain, theme="light")
    draw_chart(ranking(), band, theme="light", reference="A")
    draw_chart(ranking(), line, theme="light", lines=[("the dataset's answers", 0.1)])
    assert not np.array_equal(pixels(plain), pixels(band))
    assert not np.array_equal(pixels(plain), pixels(line))


def test_an_empty_ranking_and_a_task_can_be_drawn(tmp_path: Path) -> None:
    draw_chart(rank(VerdictTable.from_rows([])), tmp_path / "empty.png", theme="dark")
    tasks = rank(VerdictTable.from_rows([*balanced("AB", 8, task="s"), *balanced("AB", 8, task="t")]))
    draw_chart(tasks, tmp_path / "task.png", theme="dark", task="s")
    assert (tmp_path / "empty.png").stat().st_size > 1000
    assert (tmp_path / "task.png").stat().st_size > 1000


def test_what_cannot_be_drawn_is_said(tmp_path: Path) -> None:
    for wrong in ({"path": tmp_path / "c.jpeg"}, {"theme": "pink"}, {"task": "none"}):
        settings = {"path": tmp_path / "c.png", "theme": "light", **wrong}
        with pytest.raises(RankingError) as caught:
            draw_chart(ranking(), **settings)  # type: ignore[arg-type]
        assert caught.value.fix
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(RankingError, match="cannot be written"):
        draw_chart(ranking(), tmp_path / "folder.png", theme="light")
    assert [path.name for path in tmp_path.iterdir()] == ["folder.png"]


def test_ranking_starts_light() -> None:
    """Reading and ranking a small file needs none of the heavy libraries."""
    code = "import sys, engine.ranking; print([m for m in sys.modules if m in sys.argv[1:]])"
    heavy = ["torch", "transformers", "peft", "pandas", "matplotlib", "pyarrow", "scipy.stats"]
    done = subprocess.run([sys.executable, "-c", code, *heavy], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
