"""``bakeoff rank``: from files and from the workspace, in JSON as others rely on it, in text for people."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from engine.workspace import Workspace
from engine.workspace.tables import Contestant, Dataset, Verdict
from tests.conftest import Cli
from tests.engine.studies.test_report import Page

_ROW = {"name", "rating", "elo", "lo", "hi", "rank", "rank_lo", "rank_hi", "wins", "ties", "losses"}


def _file(folder: Path, wins: dict[tuple[str, str], tuple[int, int]], task: str | None = None) -> Path:
    """Verdicts of pairs: (first, second) -> (wins of the first, wins of the second)."""
    lines = ["a,b,winner,prompt_id" + (",task" if task else "")]
    for (first, second), (won, lost) in wins.items():
        for number in range(won + lost):
            winner = "a" if number < won else "b"
            lines.append(f"{first},{second},{winner},{number}" + (f",{task}" if task else ""))
    path = folder / f"verdicts-{task}.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_json_has_the_shape_that_others_rely_on(cli: Cli, tmp_path: Path) -> None:
    ran = cli("rank", "--verdicts", _file(tmp_path, {("good", "bad"): (30, 10)}), "--json")
    assert ran.status == 0, ran.stderr
    assert list(ran.json) == [
        "contestants",
        "comparisons",
        "prompts",
        "interval",
        "level",
        "warnings",
        "tasks",
    ]
    best, worst = ran.json["contestants"]
    assert set(best) == _ROW
    # Two contestants: the maximum likelihood difference is the log of the odds.
    assert best["rating"] - worst["rating"] == pytest.approx(math.log(3), abs=1e-9)
    assert best["rating"] + worst["rating"] == pytest.approx(0, abs=1e-9)
    assert best["elo"] == pytest.approx(1000 + 400 / math.log(10) * best["rating"])
    assert (best["name"], best["wins"], best["losses"]) == ("good", 30, 10)
    assert (ran.json["comparisons"], ran.json["prompts"], ran.json["interval"]) == (40, 40, "cluster")


def test_a_reference_is_zero(cli_here: Cli, tmp_path: Path) -> None:
    file = _file(tmp_path, {("good", "bad"): (30, 10)})
    ran = cli_here("rank", "--verdicts", file, "--reference", "bad", "--level", "0.9", "--json")
    ratings = {row["name"]: row["rating"] for row in ran.json["contestants"]}
    assert ratings["bad"] == 0
    assert ratings["good"] == pytest.approx(math.log(3), abs=1e-9)
    assert ran.json["level"] == 0.9


def test_a_report_holds_tables_pairs_and_warnings(cli_here: Cli, tmp_path: Path) -> None:
    file = _file(
        tmp_path, {("good", "bad"): (30, 10), ("good", "<b>&odd"): (25, 5), ("bad", "<b>&odd"): (4, 3)}
    )
    out = tmp_path / "out.html"
    ran = cli_here("rank", "--verdicts", file, "--report", out, "--reference", "bad")
    assert ran.status == 0, ran.stderr
    assert str(out) in ran.stderr + ran.stdout
    page = Page(out.read_text(encoding="utf-8"))
    assert page.tags[0] == ("html", {"lang": "en"})
    assert not any(name in attributes for _, attributes in page.tags for name in ("src", "onclick"))
    facts, pairs = page.tables[0], page.tables[1]
    assert [row[1] for row in facts[1:]] == ["good", "bad", "<b>&odd"]
    good = facts[1]
    shown = cli_here("rank", "--verdicts", file, "--reference", "bad", "--json").json["contestants"][0]
    assert good[2] == str(round(shown["elo"]))
    assert good[5] == "55 / 0 / 15"
    assert facts[2][3] == "held fixed"
    assert pairs[0][1:] == ["good", "bad", "<b>&odd"]
    assert pairs[1] == ["good", "", "75.0%", "83.3%"]
    assert pairs[3][1:] == ["16.7%", "42.9%", ""]
    assert "1000 being that of bad" in page.text
    assert {one.get("aria-label") for one in page.drawings} >= {
        "Chart of the ratings; the table after it has the same figures."
    }
    refused = cli_here("rank", "--verdicts", file, "--report", tmp_path, "--json")
    assert (refused.status, refused.json["error"]["code"]) == (1, "file.not_written")


def test_an_end_that_the_data_do_not_bound_is_null_and_open(cli_here: Cli, tmp_path: Path) -> None:
    file = _file(tmp_path, {("god", "man"): (20, 0), ("man", "mouse"): (20, 10)})
    document = cli_here("rank", "--verdicts", file, "--json").json
    best = document["contestants"][0]
    assert (best["name"], best["rating"], best["elo"], best["hi"]) == ("god", None, None, None)
    assert best["lo"] is not None
    text = cli_here("rank", "--verdicts", file).stdout
    line = next(line for line in text.splitlines() if " god " in line)
    assert ".. open" in line
    assert "undefeated" in text


def test_text_is_a_table_with_everything_in_it(cli_here: Cli, tmp_path: Path) -> None:
    text = cli_here("rank", "--verdicts", _file(tmp_path, {("good", "bad"): (30, 10)})).stdout
    heading, first, second, *rest = text.splitlines()
    assert heading.split() == [
        "rank",
        "name",
        "rating",
        "elo",
        "95%",
        "interval",
        "places",
        "won",
        "tied",
        "lost",
    ]
    assert first.split()[:4] == ["1", "good", "+0.549", "1095"]
    assert first.split()[-3:] == ["30", "0", "10"]
    assert second.split()[1] == "bad"
    assert "40 comparisons on 40 prompts" in rest[0]
    assert "clustered by prompt" in rest[0]


def test_without_prompts_the_warning_is_shown(cli_here: Cli, tmp_path: Path) -> None:
    file = tmp_path / "v.jsonl"
    file.write_text('{"a": "x", "b": "y", "winner": "a"}\n{"a": "x", "b": "y", "winner": "b"}\n')
    ran = cli_here("rank", "--verdicts", file)
    assert ran.status == 0
    assert "Warning:" in ran.stdout
    assert "independent" in ran.stdout


def test_a_chart_is_drawn(cli_here: Cli, tmp_path: Path) -> None:
    file = _file(tmp_path, {("good", "bad"): (30, 10)})
    ran = cli_here("rank", "--verdicts", file, "--chart", "chart.svg", "--json")
    assert ran.status == 0, ran.stderr
    assert "<svg" in (tmp_path / "chart.svg").read_text()
    assert "chart.svg" in ran.stderr
    assert cli_here("rank", "--verdicts", file, "--chart", "chart.doc").status == 1


@pytest.mark.parametrize(
    ("content", "code"),
    [(None, None), ("", None), ("a,b\nx,y\n", None), ("a,b,winner\nx,y,q\n", "ranking.unknown_winner")],
)
def test_a_bad_file_is_one_sentence(
    cli_here: Cli, tmp_path: Path, content: str | None, code: str | None
) -> None:
    file = tmp_path / "v.csv"
    if content is not None:
        file.write_text(content)
    ran = cli_here("rank", "--verdicts", file, "--json")
    assert ran.status == 1
    assert str(file) in ran.json["error"]["message"]
    assert code is None or ran.json["error"]["code"] == code
    assert len(ran.stderr.strip().splitlines()) == 1


def test_split_and_judge_are_not_for_files(cli_here: Cli, tmp_path: Path) -> None:
    assert cli_here("rank", "--verdicts", _file(tmp_path, {("a", "b"): (1, 1)}), "--judge", "x").status == 2


@pytest.fixture
def judged(workspace: Workspace) -> Workspace:
    """Two tasks; on each, ``tuned-*`` of the base ``good`` beats that of ``bad`` 6 : 2 by the reference judge."""
    with workspace.catalogue.writing() as session:
        for task in ("intents", "notes"):
            session.add(Dataset(id=task, name=task, folder="datasets/x", manifest={}))
            session.flush()
            for base in ("good", "bad"):
                session.add(
                    Contestant(
                        id=f"{base}-{task}", name=f"{base}-{task}", entrant=base, dataset_id=task, identity={}
                    )
                )
            session.flush()
            session.add_all(_verdict(task, number, "a" if number < 6 else "b") for number in range(8))
    return workspace


def _verdict(task: str, number: int, winner: str | None, **changes: object) -> Verdict:
    fields: dict[str, object] = {
        "key": f"{task}-{number}",
        "dataset_id": task,
        "split": "test",
        "prompt_id": str(number),
        "contestant_a": f"good-{task}",
        "contestant_b": f"bad-{task}",
        "name_a": f"good-{task}",
        "name_b": f"bad-{task}",
        "entrant_a": "good",
        "entrant_b": "bad",
        "judge": "reference",
        "state": "ok" if winner else "failed",
        "winner": winner,
    }
    return Verdict(**{**fields, **changes})


def test_the_workspace_is_ranked_by_entrant_and_each_task_by_contestant(
    judged: Workspace, cli_here: Cli
) -> None:
    ran = cli_here("rank", "--dataset", "intents", "notes", "--json")
    assert ran.status == 0, ran.stderr
    assert [row["name"] for row in ran.json["contestants"]] == ["good", "bad"]
    assert ran.json["comparisons"] == 16
    assert set(ran.json["tasks"]) == {"intents", "notes"}
    one = ran.json["tasks"]["intents"]["contestants"]
    assert [(row["name"], row["wins"]) for row in one] == [("good-intents", 6), ("bad-intents", 2)]
    assert one[0]["rating"] - one[1]["rating"] == pytest.approx(math.log(3), abs=1e-9)
    assert cli_here("rank", "--dataset", "intents", "--dataset", "notes", "--json").json == ran.json
    text = cli_here("rank", "--dataset", "intents", "notes").stdout
    assert "Mean over 2 tasks" in text
    assert "good-notes" in text


def test_failed_verdicts_are_told_and_never_scored(judged: Workspace, cli_here: Cli) -> None:
    with judged.catalogue.writing() as session:
        session.add(_verdict("intents", 8, None))
        # This one failed first and was answered later.
        session.add(_verdict("intents", 0, None))
    ran = cli_here("rank", "--dataset", "intents", "--json").json
    assert ran["comparisons"] == 8
    assert any("1 questions brought no usable verdict" in warning for warning in ran["warnings"])


def test_equal_answers_to_different_prompts_are_different_comparisons(
    judged: Workspace, cli_here: Cli
) -> None:
    with judged.catalogue.writing() as session:
        session.add(_verdict("intents", 8, "tie", key="intents-0"))
        session.add(_verdict("intents", 0, "b", key="intents-0"))  # the same question again
    ran = cli_here("rank", "--dataset", "intents", "--json").json
    assert ran["comparisons"] == 9
    assert [row["wins"] for row in ran["contestants"]] == [6, 2]


def test_several_judges_are_not_mixed(judged: Workspace, cli_here: Cli) -> None:
    with judged.catalogue.writing() as session:
        session.add_all(
            _verdict("intents", number, "b", key=f"g{number}", judge="openai:gpt-4o") for number in range(8)
        )
    ran = cli_here("rank", "--dataset", "intents", "--json")
    assert ran.status == 1
    assert ran.json["error"]["code"] == "rank.several_judges"
    assert "openai:gpt-4o, reference" in ran.json["error"]["message"]
    assert "--judge" in ran.json["error"]["fix"]
    named = cli_here("rank", "--dataset", "intents", "--judge", "reference", "--json").json
    assert named["contestants"][0]["name"] == "good-intents"  # one dataset: contestants, not entrants
    unknown = cli_here("rank", "--dataset", "intents", "--judge", "nobody", "--json").json
    assert unknown["error"]["code"] == "rank.unknown_judge"


def test_a_model_trained_anew_is_not_mixed_with_its_former_self(judged: Workspace, cli_here: Cli) -> None:
    with judged.catalogue.writing() as session:
        session.add(
            Contestant(id="new", name="good-intents", entrant="good", dataset_id="intents", identity={"v": 2})
        )
        session.flush()
        session.add_all(
            _verdict("intents", number, "b", key=f"n{number}", contestant_a="new") for number in range(3)
        )
        session.add(_verdict("intents", 3, "a", key="n3", contestant_a="new"))
    ran = cli_here("rank", "--dataset", "intents", "--json").json
    assert ran["comparisons"] == 4
    assert ran["contestants"][0]["name"] == "bad-intents"
    assert any("earlier versions" in warning for warning in ran["warnings"])


def test_dev_and_test_are_kept_apart(judged: Workspace, cli_here: Cli) -> None:
    ran = cli_here("rank", "--dataset", "intents", "--split", "dev", "--json")
    assert ran.status == 1
    assert ran.json["error"]["code"] == "rank.no_verdicts"
    assert "dev" in ran.json["error"]["message"]


def test_an_unknown_dataset_is_told(judged: Workspace, cli_here: Cli) -> None:
    assert cli_here("rank", "--dataset", "intent", "--json").json["error"]["fix"] == "Did you mean 'intents'?"
