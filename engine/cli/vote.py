"""``bakeoff vote``: a person compares answers, without seeing whose they are."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any, Final

from engine.cli.session import Session
from engine.cli.visible import visible
from engine.errors import UsageError

if TYPE_CHECKING:
    from engine.judging.agreement import Agreement
    from engine.judging.votes import Ballot, Choice, Pair

Result = tuple[Any, str]

_KEYS: Final = "1 or 2: that answer is better.  t: tie.  s: skip.  u: undo.  q: quit."
_CHOICES: Final[dict[str, Choice]] = {"1": "left", "2": "right", "t": "tie"}


def register(commands: Any, everywhere: argparse.ArgumentParser) -> None:
    """Add the command."""
    vote = commands.add_parser("vote", help="compare answers yourself", parents=[everywhere])
    vote.add_argument("--dataset", required=True, metavar="D")
    vote.add_argument("--contestants", metavar="A,B,C", help="who have answered; at least two, with commas")
    vote.add_argument("--split", choices=["test", "dev"], default="test")
    vote.add_argument(
        "--limit", type=int, metavar="N", help="use only N prompts, the same that generate --limit N answers"
    )
    vote.add_argument("--max-comparisons", type=int, metavar="N", help="compare at most N pairs of answers")
    vote.add_argument(
        "--goal", default="ranking", metavar="GOAL", help="ranking (default), best, or beat:CONTESTANT"
    )
    vote.add_argument("--voter", default="", metavar="NAME", help="keep the votes of several people apart")
    vote.add_argument("--seed", type=int, default=0, metavar="S")
    vote.add_argument("--reveal", action="store_true", help="tell after each vote whose answers they were")
    vote.add_argument(
        "--compare",
        metavar="J",
        help="tell how far the votes agree with this judge's verdicts; without --contestants, only that",
    )
    vote.set_defaults(run=_vote)


def _vote(options: argparse.Namespace, session: Session) -> Result:
    from engine.judging.votes import open_ballot, voter_judge

    if options.contestants is None and options.compare is None:
        raise UsageError(
            "usage.vote",
            "Whose answers to compare is not said.",
            fix="Name them with --contestants A,B; or with --compare JUDGE compare the votes there are.",
        )
    document: dict[str, Any] = {
        "dataset": options.dataset,
        "split": options.split,
        "judge": voter_judge(options.voter),
    }
    texts = []
    if options.compare is not None:
        # Told before the first vote, not after the last.
        _agreement(options, session)
    if options.contestants is not None:
        from engine.judging.spec import JudgeSpec

        spec = JudgeSpec(
            dataset=options.dataset,
            contestants=[name.strip() for name in options.contestants.split(",") if name.strip()],
            split=options.split,
            goal=options.goal,
            max_comparisons=options.max_comparisons,
            limit=options.limit,
            seed=options.seed,
        )
        ballot = open_ballot(session.workspace, spec, voter=options.voter)
        _ask(ballot, session, reveal=options.reveal)
        document |= ballot.count.as_dict()
        texts.append(_count_text(ballot, options))
    if options.compare is not None:
        found = _agreement(options, session)
        document["agreement"] = found.as_dict()
        texts.append(_agreement_text(found))
    return document, "\n".join(texts)


def _ask(ballot: Ballot, session: Session, *, reveal: bool) -> None:
    """Show pairs and take answers until nothing is left, or nobody answers any more."""
    shown: Pair | None = None
    while (pair := ballot.pair) is not None:
        if pair != shown:
            session.say(_pair_text(pair, ballot))
            shown = pair
        session.say(_KEYS)
        line = sys.stdin.readline()
        word = line.strip().lower()
        if not line or word in ("q", "quit"):
            return
        if word in _CHOICES:
            names = ballot.vote(_CHOICES[word])
            told = f" Answer 1 was {names.left}, answer 2 {names.right}." if reveal else ""
            session.say(f"Your vote is kept.{told}")
        elif word == "s":
            ballot.skip()
        elif word == "u":
            session.say("Undone." if ballot.undo() else "There is nothing to undo.")
            shown = None
        elif word:
            session.say(f"'{visible(word[:40])}' is none of these.")


def _pair_text(pair: Pair, ballot: Ballot) -> str:
    from engine.judging.prompt import render_messages

    parts = [f"\n=== {ballot.count.left:,} left ===", visible(render_messages(pair.prompt.messages))]
    for number, answer in enumerate((pair.left, pair.right), start=1):
        parts += [f"\n--- Answer {number} ---", visible(answer.strip()) or "(nothing)"]
    return "\n".join([*parts, ""])


def _agreement(options: argparse.Namespace, session: Session) -> Agreement:
    from engine.judging.agreement import agreement
    from engine.judging.recorded import NoVerdictsError, verdicts_of
    from engine.judging.votes import voter_judge

    one, other = voter_judge(options.voter), options.compare
    votes, verdicts = (
        verdicts_of(session.workspace, options.dataset, options.split, judge) for judge in (one, other)
    )
    if not verdicts:
        raise NoVerdictsError(
            "vote.no_verdicts",
            "The judge '{judge}' has not judged the {split} split of '{name}'.",
            fix="Let it judge with bakeoff judge, or name one that has.",
            judge=other,
            split=options.split,
            name=options.dataset,
        )
    return agreement(one, votes, other, verdicts)


def _count_text(ballot: Ballot, options: argparse.Namespace) -> str:
    count = ballot.count
    parts = [f"{count.votes:,} votes, {count.ties:,} of them ties; {count.left:,} pairs are left."]
    if count.skipped:
        parts.append(f"{count.skipped:,} were skipped.")
    if count.known:
        parts.append(f"{count.known:,} were judged before.")
    if count.identical:
        parts.append(f"{count.identical:,} have identical answers and are ties.")
    split = "" if options.split == "test" else f" --split {options.split}"
    return (
        f"{' '.join(parts)}\n"
        f"See who is best with: bakeoff rank --dataset {options.dataset}{split} --judge {ballot.judge}"
    )


def _agreement_text(found: Agreement) -> str:
    one, other = found.judges
    if found.agreement is None or found.agreement_lo is None or found.agreement_hi is None:
        return f"There is no pair yet that both {one} and {other} have judged."
    text = (
        f"{one} and {other} agree on {found.agreement:.0%} of {found.pairs:,} pairs on {found.prompts:,} prompts "
        f"(95% interval {found.agreement_lo:.0%} to {found.agreement_hi:.0%}); they prefer opposite answers in "
        f"{found.opposite:.0%}."
    )
    if found.kappa is None:
        return text
    return f"{text} Cohen's kappa is {found.kappa:.2f} ({found.kappa_lo:.2f} to {found.kappa_hi:.2f})."
