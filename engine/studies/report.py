"""Writes a study's report: one HTML file that needs nothing else, the ranking as pictures, the figures as JSON."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any, Final

from engine.errors import reason_of
from engine.files import FileError, new_folder, read_json, replace, temporary_name
from engine.ranking import Ranking, Standing, draw_chart
from engine.ranking.chart import Kind
from engine.studies.errors import StudyError
from engine.studies.report_page import render
from engine.studies.report_tables import kinds_of
from engine.studies.report_view import view_of
from engine.studies.report_words import clean, number
from engine.studies.result import StudyResult

REPORT: Final = "report.html"
RESULT: Final = "result.json"
_FILES: Final = frozenset({REPORT, RESULT, "ranking.svg", "ranking.png"})
#: What file managers leave behind.
_LITTER: Final = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})
_KINDS: Final[Mapping[str, Kind]] = {"base": "tuned", "merge": "merge", "reference": "reference"}


def write_report(result: StudyResult, folder: Path) -> Path:
    """Write ``report.html``, ``ranking.svg``, ``ranking.png`` and ``result.json`` into a folder, all or nothing.

    An older report of the same study in that folder is replaced.

    Args:
        result: What the study found.
        folder: Made if it is not there.

    Returns:
        The path of ``report.html``.

    Raises:
        StudyError: The folder holds the report of another study.
        FileError: It holds something else, or cannot be written.
    """
    older = _older_report(result.study, folder)
    try:
        if older is None:
            with new_folder(folder) as fresh:
                _fill(result, fresh)
        else:
            _swap(result, folder)
    except OSError as error:
        raise FileError(
            "study.report_unwritable",
            "The report cannot be written to {file}: {reason}.",
            fix="Choose another folder, or make room.",
            file=str(folder),
            reason=reason_of(error),
        ) from error
    return folder / REPORT


def report_html(result: StudyResult) -> str:
    """The report as one HTML document without scripts; it loads nothing."""
    return render("report.html.jinja", view_of(result))


def ranking_of(document: Mapping[str, Any], groups: Sequence[Sequence[str]] = ()) -> Ranking:
    """The ranking behind a document of ``bakeoff rank``, as far as a chart of it goes.

    Args:
        document: The JSON document.
        groups: Runs of neighbours that nothing tells apart; all other pairs are taken to be apart.
    """
    together = {pair for group in groups for pair in combinations(group, 2)}
    rows = [
        Standing(
            name=clean(row["name"]),
            rating=number(row["rating"]),
            lo=number(row["lo"]),
            hi=number(row["hi"]),
            rank=row["rank"],
            rank_lo=row["rank_lo"],
            rank_hi=row["rank_hi"],
            wins=row["wins"],
            ties=row["ties"],
            losses=row["losses"],
        )
        for row in document["contestants"]
    ]
    names = [row["name"] for row in document["contestants"]]
    apart = {
        (clean(first), clean(second))
        for first, second in combinations(names, 2)
        if (first, second) not in together and (second, first) not in together
    }
    return Ranking(
        contestants=tuple(rows),
        comparisons=document["comparisons"],
        prompts=document["prompts"],
        apart=frozenset(apart),
        settle=None,
        band=None,
        interval=document["interval"],
        level=document["level"],
        reference=None,
        warnings=tuple(document["warnings"]),
        tasks={},
    )


def _fill(result: StudyResult, folder: Path) -> None:
    (folder / REPORT).write_text(report_html(result), encoding="utf-8", newline="\n")
    (folder / RESULT).write_text(result.model_dump_json(indent=1) + "\n", encoding="utf-8", newline="\n")
    ranking = ranking_of(result.ranking, result.groups)
    kinds = {clean(name): _KINDS[kind] for name, kind in kinds_of(result).items()}
    plain = clean(result.plain)
    with warnings.catch_warnings():
        # The pictures show a box for a letter that no installed font has; the page leaves it to the browser.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        for name in ("ranking.svg", "ranking.png"):
            draw_chart(ranking, folder / name, reference=plain, kinds={**kinds, plain: "tuned"})


def _older_report(study: str, folder: Path) -> str | None:
    """The name of the study whose report lies in the folder; None where there is nothing yet."""
    if not folder.is_dir() or not any(folder.iterdir()):
        return None  # `new_folder` refuses a file in its place.
    names = {path.name for path in folder.iterdir()}
    if not {REPORT, RESULT} <= names or names - _FILES - _LITTER:
        raise FileError(
            "file.exists",
            "{file} already holds something other than a report.",
            fix="Choose another folder.",
            file=str(folder),
        )
    try:
        older = str(read_json(folder / RESULT)["study"])
    except (ValueError, KeyError, TypeError):
        older = ""
    if older != study:
        raise StudyError(
            "study.report_of_another",
            "{file} holds the report of another study, '{other}'.",
            fix="Choose another folder.",
            file=str(folder),
            other=older or "unreadable",
        )
    return older


def _swap(result: StudyResult, folder: Path) -> None:
    """Put a new report in the place of an older one, which comes back if that fails."""
    retired = temporary_name(folder)
    fresh = temporary_name(folder)
    with new_folder(fresh) as partial:
        _fill(result, partial)
    try:
        replace(folder, retired)
        try:
            replace(fresh, folder)
        except BaseException:
            replace(retired, folder)
            raise
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    shutil.rmtree(retired, ignore_errors=True)
