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
    from engine.studies.demo import DemoWish, demo_here

    wish = DemoWish(
        data=Path(options.data) if options.data else None,
        judge=options.judge,
        budget_usd=options.budget_usd,
        full=options.full,
        qlora=options.qlora,
    )
    spec = demo_here(session.workspace, wish, fresh=options.fresh)
    session.say(f"Workspace: {session.workspace.root}")
    return run_study(spec, session)
