"""``bakeoff demo``: a complete small bake-off with the embedded model."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from engine.cli.session import Session
from engine.cli.study import run_study

Result = tuple[Any, str]


def register(commands: Any, everywhere: argparse.ArgumentParser) -> None:
    """Add the command."""
    demo = commands.add_parser(
        "demo", help="a complete small bake-off with the embedded model", parents=[everywhere]
    )
    demo.add_argument(
        "--data", metavar="DIR", help="public task data as published, instead of the sample tasks"
    )
    demo.add_argument("--judge", default="reference", metavar="J", help="reference or ENDPOINT:MODEL")
    demo.add_argument("--budget-usd", type=float, metavar="X", help="ceiling for paid judges and references")
    demo.add_argument("--full", action="store_true", help="all tasks, all labels, 300 prompts")
    demo.add_argument("--qlora", action="store_true", help="store the base in 4 bits while training")
    demo.add_argument("--fresh", action="store_true", help="repeat it instead of showing an earlier result")
    demo.set_defaults(run=_demo)


def _demo(options: argparse.Namespace, session: Session) -> Result:
    from engine.studies.demo import DemoWish, demo_study

    wish = DemoWish(
        data=Path(options.data) if options.data else None,
        judge=options.judge,
        budget_usd=options.budget_usd,
        full=options.full,
        qlora=options.qlora,
        round=1,
    )
    spec = demo_study(wish)
    last = _last_round(session, spec.study.name)
    if options.fresh and last:
        wish = DemoWish(**{**vars(wish), "round": last + 1})
        spec = demo_study(wish)
    elif last > 1:
        spec = demo_study(DemoWish(**{**vars(wish), "round": last}))
    session.say(f"Workspace: {session.workspace.root}")
    return run_study(spec, session)


def _last_round(session: Session, name: str) -> int:
    """How many rounds of the demo the workspace has; 0 for none."""
    from sqlalchemy import select

    from engine.workspace.tables import Study

    with session.workspace.catalogue.reading() as rows:
        names = set(rows.scalars(select(Study.name)))
    count = 0
    while (name if count == 0 else f"{name}-{count + 1}") in names:
        count += 1
    return count
