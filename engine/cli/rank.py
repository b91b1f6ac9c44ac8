"""``bakeoff rank``: rank contestants from a file of verdicts, or from those of the workspace."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.cli.session import Session, table
from engine.cli.visible import visible

if TYPE_CHECKING:
    from engine.judging.standings import Split
    from engine.ranking import Ranking, Standing, Table

Result = tuple[Any, str]


def register(commands: Any, everywhere: argparse.ArgumentParser) -> None:
    """Add the command."""
    rank = commands.add_parser("rank", help="rank contestants by their verdicts", parents=[everywhere])
    source = rank.add_mutually_exclusive_group(required=True)
    source.add_argument("--verdicts", metavar="FILE", help="a .csv or .jsonl file with columns a, b, winner")
    source.add_argument(
        "--votes", action="store_true", help="rank by the votes in all conversations (bakeoff chat)"
    )
    source.add_argument(
        "--dataset",
        action="extend",
        nargs="+",
        metavar="D",
        help="rank by the verdicts on these datasets, each of them a task",
    )
    rank.add_argument("--split", choices=["test", "dev"], help="whose verdicts to use (default: test)")
    rank.add_argument("--judge", metavar="J", help="whose verdicts to use, where several judges were asked")
    rank.add_argument("--reference", metavar="NAME", help="the contestant whose rating is zero")
    rank.add_argument("--level", type=float, default=0.95, metavar="L", help="level of the intervals")
    rank.add_argument(
        "--interval",
        choices=["auto", "cluster", "iid", "bootstrap"],
        default="auto",
        help="how the intervals are computed (default: by prompt where prompts are named)",
    )
    rank.add_argument("--chart", metavar="FILE", help="also draw the ranking into this .png or .svg file")
    rank.add_argument(
        "--report",
        metavar="FILE",
        help="also write a report with tables, head-to-head and the judge's health into this .html file",
    )
    rank.set_defaults(run=_rank)


def _rank(options: argparse.Namespace, session: Session) -> Result:
    from engine.errors import UsageError
    from engine.ranking import rank

    verdicts_file: Path | None = None
    if options.verdicts is not None or options.votes:
        if options.split is not None or options.judge is not None:
            raise UsageError(
                "usage.rank_file",
                "--split and --judge choose among the verdicts on datasets.",
                fix="Leave them out, or use --dataset.",
            )
        from engine.ranking import read_verdicts

        verdicts_file = _votes(session) if options.votes else Path(options.verdicts)
        verdicts = read_verdicts(verdicts_file)
    else:
        from engine.judging.recorded import recorded_verdicts

        verdicts = recorded_verdicts(
            session.workspace,
            options.dataset,
            options.split or "test",
            options.judge,
            by_entrant=len(set(options.dataset)) > 1,
        )
    ranking = rank(verdicts, reference=options.reference, level=options.level, interval=options.interval)
    if options.chart is not None:
        from engine.ranking import draw_chart

        draw_chart(ranking, options.chart)
        session.say(f"The chart is in {options.chart}.")
    if options.report is not None:
        _write_report(options, session, verdicts_file)
        session.say(f"The report is in {options.report}.")
    return ranking.as_dict(), ranking_text(ranking)


def _write_report(options: argparse.Namespace, session: Session, file: Path | None) -> None:
    from engine.files import write_text
    from engine.judging.standings import file_standings, standings
    from engine.studies.standings_report import standings_html

    how = {"reference": options.reference, "level": options.level, "interval": options.interval}
    if file is not None:
        shown = file_standings(file, **how)
    else:
        split: Split = options.split or "test"
        shown = standings(
            session.workspace, list(dict.fromkeys(options.dataset)), options.judge, split=split, **how
        )
    write_text(Path(options.report), standings_html(shown))


def _votes(session: Session) -> Path:
    """The votes of all conversations, as a file of verdicts; those that cannot be read are told."""
    from engine.inference.chat.exporting import gather_votes

    file, damaged = gather_votes(session.workspace)
    for error in damaged:
        session.say(visible(f"Its votes are missing: {error.sentence()}"))
    return file


def ranking_text(ranking: Ranking) -> str:
    """A ranking for the terminal: one table, one more per task where there are several, the warnings."""
    zero = "the mean is zero" if ranking.reference is None else f"{ranking.reference} is zero"
    how = {
        "cluster": "clustered by prompt",
        "iid": "verdicts taken as independent",
        "bootstrap": "bootstrap over prompts",
    }[ranking.interval]
    parts = [
        _table_text(ranking, ranking.level),
        f"{_counts(ranking)}. Ratings in natural-log units, {zero}; {ranking.level:.0%} intervals, {how}.",
    ]
    if len(ranking.tasks) > 1:
        parts[1] += f" Mean over {len(ranking.tasks)} tasks with equal weight."
        for name, one in ranking.tasks.items():
            parts.append(f"\n{name} ({_counts(one)})\n{_table_text(one, ranking.level)}")
    if ranking.settle is not None:
        settle = ranking.settle
        more = f"{settle.comparisons:,} more comparisons" + (
            f" on {settle.prompts:,} more prompts" if settle.prompts else ""
        )
        parts.append(f"{settle.first} and {settle.second} cannot be told apart; about {more} might do it.")
    parts += [f"Warning: {warning}" for warning in ranking.warnings]
    return "\n".join(parts)


def _counts(found: Table) -> str:
    prompts = f" on {found.prompts:,} prompts" if found.prompts else ""
    return f"{found.comparisons:,} comparisons{prompts}"


def _table_text(found: Table, level: float) -> str:
    headings = ["rank", "name", "rating", "elo", f"{level:.0%} interval", "places", "won", "tied", "lost"]
    return table(headings, [_cells(row) for row in found.contestants])


def _cells(row: Standing) -> list[str]:
    places = f"{row.rank_lo}" if row.rank_lo == row.rank_hi else f"{row.rank_lo}-{row.rank_hi}"
    return [
        str(row.rank),
        row.name,
        "-" if row.rating is None else f"{row.rating:+.3f}",
        "-" if row.elo is None else f"{row.elo:.0f}",
        f"{_end(row.lo)} .. {_end(row.hi)}",
        places,
        f"{row.wins:,}",
        f"{row.ties:,}",
        f"{row.losses:,}",
    ]


def _end(value: float | None) -> str:
    """An end of an interval; one that the data do not bound is open."""
    return "open" if value is None else f"{value:+.3f}"
