"""The HTML report: what it says, that it needs nothing else, that nobody's name can break it."""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from engine.errors import BakeoffError
from engine.ranking import elo
from engine.studies.report import ranking_of, report_html, write_report
from engine.studies.result import StudyResult
from tests.engine.studies import hand_made
from tests.engine.studies.hand_made import EVERY, HOSTILE, SEALED, TASKS, drawn

VOID = {"meta", "br", "hr", "img", "link", "input"}
Make = Callable[[], StudyResult]


class Page(HTMLParser):
    """A page as its tags, its text, its tables (rows of cells) and its drawings; fails where tags do not match."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.tables: list[list[list[str]]] = []
        self.captions: list[str] = []
        self.order: list[str] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == [], "every tag is closed"
        self.drawings = [ET.fromstring(one) for one in re.findall(r"<svg.*?</svg>", text, re.DOTALL)]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")
        elif tag == "figcaption":
            self.captions.append("")
        if tag in ("figure", "table"):
            self.order.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open, f"</{tag}> closes nothing"
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" in self._open:
            return
        self.text += data
        if {"td", "th"} & set(self._open) and self.tables:
            self.tables[-1][-1][-1] += data
        if "figcaption" in self._open:
            self.captions[-1] += data

    def rows(self) -> Iterator[list[str]]:
        """The rows of all tables, white space made single."""
        for table in self.tables:
            for row in table:
                yield [" ".join(cell.split()) for cell in row]

    def row_with(self, *cells: str) -> bool:
        """Whether one row has all these cells, each at the start of one of its own."""
        return any(all(any(own.startswith(cell) for own in row) for cell in cells) for row in self.rows())


def in_elo(value: float) -> str:
    points = elo(value)
    assert points is not None
    return str(round(points))


def shown_interval(row: dict[str, Any]) -> str:
    low, high = row["lo"], row["hi"]
    if low is None and high is None:
        return "not bounded"
    if low is None:
        return f"below {in_elo(high)}"
    return f"above {in_elo(low)}" if high is None else f"{in_elo(low)} to {in_elo(high)}"


def shown_ranks(row: dict[str, Any]) -> str:
    low, high = row["rank_lo"], row["rank_hi"]
    return str(low) if low == high else f"{low} to {high}"


def record(row: dict[str, Any]) -> str:
    return f"{row['wins']:,} / {row['ties']:,} / {row['losses']:,}"


@pytest.mark.parametrize("make", EVERY)
def test_the_page_is_whole_needs_nothing_and_runs_nothing(make: Make) -> None:
    html = report_html(make())
    page = Page(html)
    assert html.startswith("<!DOCTYPE html>")
    names = {tag for tag, _ in page.tags}
    assert not names & {"script", "link", "img", "iframe", "object", "embed", "base", "form", "image", "use"}
    for tag, attributes in page.tags:
        for name, value in attributes.items():
            assert not name.startswith("on"), (tag, name)
            assert name not in ("src", "srcset", "action", "data", "xlink:href")
            if name == "href":
                assert value is not None
                assert value.startswith("#")
                assert any(own.get("id") == value[1:] for _, own in page.tags)
    style = html.split("<style>")[1].split("</style>")[0]
    assert "url(" not in style
    assert "@import" not in style
    assert "http" not in re.sub(r"http-equiv", "", "".join(re.findall(r"<[^>]*>", html)))


@pytest.mark.parametrize("make", EVERY)
def test_every_chart_is_sound_svg_with_a_sentence_and_a_table_after_it(make: Make) -> None:
    page = Page(report_html(make()))
    charts = [drawing for drawing in page.drawings if drawing.get("role") == "img"]
    assert len(charts) == 2 * page.order.count("figure")
    assert all(chart.get("aria-label") for chart in charts)
    assert len(page.captions) == page.order.count("figure")
    assert all(len(caption.split()) > 3 for caption in page.captions)
    assert not page.order or page.order[-1] == "table"
    for chart in charts:
        _, _, width, height = (float(x) for x in str(chart.get("viewBox")).split())
        for element in chart.iter():
            for name in ("x", "x1", "x2", "cx"):
                assert -1 <= float(element.get(name, "0")) <= width
            for name in ("y", "y1", "y2", "cy"):
                assert -1 <= float(element.get(name, "0")) <= height


def test_it_follows_the_colour_scheme_the_printer_and_the_narrow_screen() -> None:
    html = report_html(hand_made.normal())
    assert "@media screen and (prefers-color-scheme: dark)" in html
    assert "@media print" in html
    assert re.search(r"@media screen and \(max-width: \d+px\)", html)
    classes = [drawing.get("class") for drawing in Page(html).drawings if drawing.get("role") == "img"]
    assert classes.count("wide") == classes.count("narrow") > 0


@pytest.mark.parametrize(
    "make", [hand_made.normal, hand_made.no_merge_wins, hand_made.nothing_separable, hand_made.unbounded]
)
def test_every_figure_of_the_ranking_is_in_its_table(make: Make) -> None:
    result = make()
    page = Page(report_html(result))
    tables = [
        result.ranking,
        *result.ranking["tasks"].values(),
        *(choice.ranking for choice in result.choices),
    ]
    if result.validation is not None:
        tables.append(result.validation.ranking)
    owners = {one.contestant: one.entrant for task in result.tasks for one in task.figures}
    if result.validation is not None:
        owners |= {one.contestant: one.entrant for one in result.validation.task.figures}
    for table in tables:
        for row in table["contestants"]:
            name = owners.get(row["name"], row["name"])
            assert page.row_with(shown_ranks(row), name, record(row))
            if row["rating"] is None:
                assert page.row_with(name, "no ", record(row))
            else:
                assert page.row_with(name, in_elo(row["rating"]), shown_interval(row), record(row))
    for row in result.ranking["contestants"]:
        if row["rating"] is not None:
            assert page.row_with(row["name"], f"{row['rating']:+.2f}".replace("-", "−"))


@pytest.mark.parametrize("make", [hand_made.normal, hand_made.no_merge_wins, hand_made.nothing_separable])
def test_every_figure_of_the_answers_and_the_floors_is_in_a_table(make: Make) -> None:
    result = make()
    page = Page(report_html(result))
    tasks = [*result.tasks, *([result.validation.task] if result.validation else [])]
    for task in tasks:
        for one in task.figures:
            assert page.row_with(
                one.entrant,
                f"{100 * one.metric:.1f}%",
                f"{100 * one.cut_off:.1f}%",
                f"{one.seconds_per_1000:,.0f}",
                f"${one.usd_per_1000:.2f}",
            )
        for label, share in (
            (f"Always “{task.floor_answer}”", task.floor),
            (f"{result.plain}, untuned, few-shot", task.few_shot),
            (f"{result.plain}, untuned", task.untuned),
        ):
            # A floor that is also a contestant has its row among these.
            contestant = f"untuned:{result.plain}"
            if label.endswith("untuned") and any(one.entrant == contestant for one in task.figures):
                label = f"{contestant} reference floor"
            assert share is None or page.row_with(label, f"{100 * share:.1f}%")


def test_a_floor_that_is_a_contestant_is_drawn_once_and_a_reference_has_no_interval() -> None:
    result = hand_made.normal()
    held = drawn({"SLERP of Alder and Birch": 1.4, "Cedar 135M": 0.0}, [SEALED], 60, reference="Cedar 135M")
    assert result.validation is not None
    result.validation.ranking = held.as_dict()
    page = Page(report_html(result))
    share = f"{100 * (result.tasks[0].untuned or 0):.1f}%"
    chart = next(one for one in page.drawings if "Chart of Exact label" in one.get("aria-label", ""))
    assert list(chart.itertext()).count(share) == 1
    assert page.row_with("untuned:Cedar 135M reference floor", share)
    assert not page.row_with("Cedar 135M, untuned floor", share)
    assert page.row_with("Cedar 135M", "1000", "held fixed")


def test_cost_and_seconds_beside_the_rating_are_means_over_the_tasks() -> None:
    result = hand_made.normal()
    for number, task in enumerate(result.tasks):
        for figures in task.figures:
            figures.seconds_per_1000 = 1000.0 + 500 * number
            figures.usd_per_1000 = 2.0 + number
    page = Page(report_html(result))
    first = result.ranking["contestants"][0]
    assert page.row_with(first["name"], in_elo(first["rating"]), record(first), "1,250", "$2.50")


def test_the_rest_is_said() -> None:
    result = hand_made.normal()
    page = Page(report_html(result))
    assert page.row_with("Alder 135M base chosen")
    assert not page.row_with("Cedar 135M base chosen")
    for sentence in (*result.conclusions, *result.cautions, *(choice.sentence for choice in result.choices)):
        assert sentence in page.text
    assert result.validation is not None
    assert "The order holds. " + result.validation.sentence in " ".join(page.text.split())
    assert page.row_with("Elo points", "+106 to +351".replace("-", "−"))
    assert page.row_with("Rating, natural log", "+0.61 to +2.02")
    assert "merged from Alder 135M, Birch 135M" in page.text
    assert "merge_method: slerp" in page.text
    assert page.row_with("Train plain on desk-intents", "48 s", "1 min 01 s")
    assert "steps 24 · eval loss 0.3128" in page.text
    assert page.row_with("Questions to the judge", "870, of which 3 without a usable verdict")
    assert page.row_with("Machine", "2 cores, 24 GB")
    assert page.row_with("torch", "2.13.0")
    for group in result.groups:
        assert any(
            all(name in sentence for name in group) and "cannot be told apart at 95%" in sentence
            for sentence in page.text.split("\n")
        )


def test_the_datasets_own_answers_are_a_line_and_never_a_contestant() -> None:
    by_reference, by_model = hand_made.no_merge_wins(), hand_made.nothing_separable()
    lines = [
        e for d in Page(report_html(by_reference)).drawings for e in d.iter() if e.get("class") == "yardstick"
    ]
    assert lines
    assert {line.tag for line in lines} == {"line"}
    assert "they are no contestant" in report_html(by_reference)
    assert "yardstick" not in Page(report_html(by_model)).text


def test_a_lead_that_may_be_luck_is_not_called_a_win() -> None:
    sure, unsure = Page(report_html(hand_made.normal())), Page(report_html(hand_made.nothing_separable()))
    assert "is told apart from everybody below it at 95%" in sure.text
    assert "not the luck of training" in sure.text
    assert "Two may be anywhere from rank 1 to 3 at 95%." in unsure.text
    assert "Nothing is separable: all 3 in the table cannot be told apart at 95%." in unsure.text
    assert "Winner on average" not in unsure.text
    assert "nothing shows that it learned the task" in unsure.text


def test_ends_that_the_data_do_not_bound_are_words_and_open_arrows() -> None:
    result = hand_made.unbounded()
    page = Page(report_html(result))
    rows = {row["name"]: row for row in result.ranking["contestants"]}
    assert rows["Champion"]["rating"] is rows["Champion"]["hi"] is rows["Bottom"]["lo"] is None
    assert page.row_with(
        "Champion", "no finite estimate (undefeated)" + f"above {in_elo(rows['Champion']['lo'])}"
    )
    assert page.row_with("Bottom", "no finite estimate (winless)" + f"below {in_elo(rows['Bottom']['hi'])}")
    assert page.row_with("Guest", "no rating (not in every task)")
    assert page.row_with("Elo points", "no finite estimate", "above +144")
    wide = next(drawing for drawing in page.drawings if drawing.get("class") == "wide")
    arrows = [element for element in wide.iter() if element.get("class") == "arrow"]
    assert len(arrows) == 2
    assert not re.search(r"\b(nan|inf|None|null)\b", page.text)


def test_hostile_names_stay_names() -> None:
    html = report_html(hand_made.hostile())
    page = Page(html)
    assert "<script" not in html
    assert "<b>" not in html
    assert "\x1b" not in html
    assert "\x00" not in html
    assert "\u202e" not in html
    cells = [cell for row in page.rows() for cell in row]
    for name in (*HOSTILE[:4], HOSTILE[5]):
        assert any(cell.startswith(name) for cell in cells)
    drawn = "".join(text for drawing in page.drawings for text in drawing.itertext())
    for name in (*HOSTILE[:4], HOSTILE[5]):
        assert name in drawn
    assert "<b>Würde</b> & more" in page.text
    assert "</html>" in page.text
    assert html.count("</html>") == 1


def test_it_is_written_with_its_pictures_and_its_figures(tmp_path: Path) -> None:
    result = hand_made.hostile()
    page = write_report(result, tmp_path / "reports" / "größe")
    assert page == tmp_path / "reports" / "größe" / "report.html"
    assert sorted(path.name for path in page.parent.iterdir()) == [
        "ranking.png", "ranking.svg", "report.html", "result.json",
    ]  # fmt: skip
    assert page.read_text(encoding="utf-8") == report_html(result)
    assert (page.parent / "ranking.png").read_bytes().startswith(b"\x89PNG")
    ET.parse(page.parent / "ranking.svg")
    stored = StudyResult.model_validate_json((page.parent / "result.json").read_text(encoding="utf-8"))
    assert stored == result
    assert [path.name for path in page.parent.parent.iterdir()] == ["größe"]


def test_the_picture_joins_exactly_those_that_cannot_be_told_apart() -> None:
    for make in (hand_made.normal, hand_made.nothing_separable, hand_made.unbounded):
        result = make()
        assert [list(group) for group in ranking_of(result.ranking, result.groups).groups] == result.groups


def test_an_older_report_of_the_study_is_replaced(tmp_path: Path) -> None:
    folder = tmp_path / "report"
    write_report(hand_made.no_merge_wins(), folder)
    page = write_report(hand_made.normal(), folder)
    assert "SLERP of Alder and Birch" in page.read_text(encoding="utf-8")
    assert json.loads((folder / "result.json").read_text(encoding="utf-8"))["winner"].startswith("SLERP")
    assert [path.name for path in tmp_path.iterdir()] == ["report"]


def test_a_failed_report_leaves_the_older_one(tmp_path: Path) -> None:
    folder = tmp_path / "report"
    page = write_report(hand_made.normal(), folder)
    before = page.read_bytes()
    broken = hand_made.normal()
    del broken.ranking["contestants"][0]["wins"]
    with pytest.raises(KeyError):
        write_report(broken, folder)
    assert page.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["report"]


def test_nothing_of_somebody_else_is_overwritten(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("years of work")
    with pytest.raises(BakeoffError) as refused:
        write_report(hand_made.normal(), mine)
    assert refused.value.code == "file.exists"
    assert (mine / "thesis.txt").read_text() == "years of work"
    with pytest.raises(BakeoffError) as refused:
        write_report(hand_made.normal(), mine / "thesis.txt")
    assert refused.value.code == "file.exists"
    with pytest.raises(BakeoffError) as refused:
        write_report(hand_made.normal(), mine / "thesis.txt" / "below")
    assert refused.value.code == "study.report_unwritable"
    write_report(hand_made.normal(), tmp_path / "other")
    with pytest.raises(BakeoffError) as refused:
        write_report(hand_made.hostile(), tmp_path / "other")
    assert refused.value.code == "study.report_of_another"
    assert "town-desk" in refused.value.message
    # A file of one's own beside an older report is as safe.
    (tmp_path / "other" / "notes.txt").write_text("mine")
    with pytest.raises(BakeoffError):
        write_report(hand_made.normal(), tmp_path / "other")


def test_several_fine_tunes_of_a_base_each_have_their_row() -> None:
    result = hand_made.no_merge_wins()
    task = result.tasks[0]
    again = task.figures[0].model_copy(update={"contestant": "Plain 135M second seed", "metric": 0.123})
    task.figures.append(again)
    page = Page(report_html(result))
    row = next(row for row in page.rows() if any("Plain 135M second seed" in cell for cell in row))
    assert {"–", "not judged", "12.3%"} <= set(row)
    drawn = {text for drawing in page.drawings for text in drawing.itertext()}
    assert {"Plain 135M second seed", f"Plain 135M@{task.dataset}"} <= drawn


def test_neither_text_nor_report_is_heavy_to_import() -> None:
    code = (
        "import sys, engine.studies.report, engine.studies.text;"
        "print(sorted({'torch', 'transformers', 'peft', 'pandas', 'matplotlib', 'jinja2'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"


def test_tasks_are_named_once_each() -> None:
    headings = [part.split("</h3>")[0] for part in report_html(hand_made.normal()).split("<h3>")[1:]]
    for name in (*TASKS, SEALED):
        assert sum(f"<bdi>{name}</bdi>" in heading for heading in headings) == 1
