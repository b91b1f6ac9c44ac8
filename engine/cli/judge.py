"""``bakeoff judge``: a judge compares contestants' answers pair by pair."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from engine.cli.session import Session

if TYPE_CHECKING:
    from engine.judging.spec import JudgeSpec

Result = tuple[Any, str]


def register(commands: Any, everywhere: argparse.ArgumentParser) -> None:
    """Add the command."""
    judge = commands.add_parser("judge", help="let a judge compare answers", parents=[everywhere])
    judge.add_argument("--dataset", required=True, metavar="D")
    judge.add_argument(
        "--contestants", required=True, metavar="A,B,C", help="who have answered; at least two, with commas"
    )
    judge.add_argument(
        "--judge",
        default="reference",
        metavar="J",
        help="reference (free, the default), ENDPOINT:MODEL such as openai:gpt-4o, or local:MODEL",
    )
    judge.add_argument(
        "--goal", default="ranking", metavar="GOAL", help="ranking (default), best, or beat:CONTESTANT"
    )
    judge.add_argument("--split", choices=["test", "dev"], default="test")
    judge.add_argument("--budget-usd", type=float, metavar="X", help="ceiling that is never passed")
    judge.add_argument("--max-comparisons", type=int, metavar="N", help="compare at most N pairs of answers")
    judge.add_argument(
        "--limit", type=int, metavar="N", help="use only N prompts, the same that generate --limit N answers"
    )
    judge.add_argument(
        "--metric",
        choices=["label", "json_fields", "rouge_l"],
        help="what the reference judge goes by (default: what fits the expected answers)",
    )
    judge.add_argument("--margin", type=float, metavar="M", help="scores this close are a tie")
    judge.add_argument(
        "--show-expected", action="store_true", help="show the dataset's answer to a judging model"
    )
    judge.add_argument("--parallel", type=int, default=4, metavar="N", help="calls at one time")
    judge.add_argument(
        "--batch",
        action="store_true",
        help="ask an endpoint for a round's verdicts at once: within a day, with OpenAI at half the price",
    )
    judge.add_argument("--seed", type=int, default=0, metavar="S")
    judge.add_argument("--dry-run", action="store_true", help="tell what it will take, and ask nobody")
    judge.add_argument("--detach", action="store_true", help="return at once")
    judge.set_defaults(run=_judge)


def _judge(options: argparse.Namespace, session: Session) -> Result:
    from engine.judging.prepare import forecast
    from engine.judging.spec import JudgeSpec
    from engine.judging.starting import require_judgeable

    spec = JudgeSpec(
        dataset=options.dataset,
        contestants=[name.strip() for name in options.contestants.split(",") if name.strip()],
        split=options.split,
        judge=options.judge,
        goal=options.goal,
        budget_usd=options.budget_usd,
        max_comparisons=options.max_comparisons,
        limit=options.limit,
        metric=options.metric,
        margin=options.margin,
        show_expected=options.show_expected,
        parallel=options.parallel,
        batch=options.batch,
        seed=options.seed,
    )
    if options.dry_run:
        plan = asdict(forecast(session.workspace, spec))
        return plan, _plan_text(plan)
    # Whatever is wrong with the request is told before a job begins.
    start = require_judgeable(session.workspace, spec)
    summary = session.run_job(
        "judge",
        spec,
        start.title,
        lane=start.lane,
        detach=options.detach,
        own_environment=start.own_runner,
        forget_failure=True,
    )
    if options.detach:
        return summary, summary["job"]
    if summary["stopped"] == "budget":
        session.say("The budget ended the judging early; what is paid for is kept and not asked again.")
    return summary, _summary_text(summary, spec)


def _plan_text(plan: dict[str, Any]) -> str:
    cost = ""
    if plan["most_usd"]:
        cost = f" About {plan['expected_usd']:.2f} USD, at most {plan['most_usd']:.2f} USD."
    return (
        f"Up to {plan['comparisons']:,} comparisons: {plan['calls']:,} questions to ask, {plan['cached']:,} known "
        f"already, {plan['identical']:,} with identical answers.{cost} {plan['explanation']}"
    )


def _summary_text(summary: dict[str, Any], spec: JudgeSpec) -> str:
    parts = [
        f"{summary['comparisons']:,} comparisons, {summary['ties']:,} of them ties.",
        f"{summary['calls']:,} questions asked, {summary['cached']:,} known already.",
    ]
    if summary["failed"]:
        parts.append(f"{summary['failed']:,} brought no usable verdict and are not scored.")
    if summary["swap_consistency"] is not None:
        parts.append(f"Both orders agree in {summary['swap_consistency']:.0%} of the pairs.")
    if summary["cost_usd"]:
        parts.append(f"It cost {summary['cost_usd']:.4f} USD.")
    split = "" if spec.split == "test" else f" --split {spec.split}"
    rank = f"bakeoff rank --dataset {spec.dataset}{split} --judge {spec.judge}"
    return f"{' '.join(parts)}\nSee who is best with: {rank}"
