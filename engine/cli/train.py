"""``bakeoff train``: fine-tune a base on a dataset."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from engine.cli.session import Session, duration, parse_assignments
from engine.errors import UsageError

Result = tuple[Any, str]


def register(commands: Any, everywhere: argparse.ArgumentParser) -> None:
    """Add the command."""
    train = commands.add_parser("train", help="fine-tune a base on a dataset", parents=[everywhere])
    train.add_argument(
        "--base", metavar="M", help="a base or a merge (default: the workspace's, if it has one)"
    )
    train.add_argument("--dataset", required=True, metavar="D")
    train.add_argument("--name", help="what to call the result (default: base-dataset)")
    train.add_argument("--recipe", metavar="FILE.yml", help="how to train")
    train.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change the recipe")
    train.add_argument("--dry-run", action="store_true", help="show the plan, memory and time")
    train.add_argument("--detach", action="store_true", help="return at once")
    train.set_defaults(run=_train)


def _train(options: argparse.Namespace, session: Session) -> Result:
    from engine.training.planning import Planner, prepare, run_title
    from engine.training.recipe_file import read_recipe
    from engine.workspace.naming import require_free
    from engine.workspace.tables import Model

    file = Path(options.recipe) if options.recipe is not None else None
    recipe = read_recipe(file, parse_assignments(options.set, "KEY=VALUE"))
    workspace = session.workspace
    if options.base is None:
        options.base = _default_base(session)
    spec = prepare(workspace, options.base, options.dataset, options.name, recipe)
    if options.dry_run:
        document = Planner(workspace).plan(spec)
        return document, _plan_text(document)
    with workspace.catalogue.reading() as rows:
        require_free(rows, Model, spec.name)
    summary = session.run_job(
        "train",
        spec,
        run_title(spec),
        detach=options.detach,
        forget_failure=True,
    )
    if options.detach:
        return summary, summary["job"]
    evaluation = "" if summary["eval_loss"] is None else f", evaluation loss {summary['eval_loss']:.3f}"
    return summary, (
        f"{summary['model']}: {summary['steps']} steps in {duration(summary['seconds'])}, "
        f"{summary['tokens_per_second']:.0f} tokens/s, loss {summary['train_loss']:.3f}{evaluation}."
    )


def _default_base(session: Session) -> str:
    """The workspace's default base, which a release can set.

    Raises:
        UsageError: It has none.
    """
    from engine.models.library import default_base

    name = default_base(session.workspace)
    if name is None:
        raise UsageError(
            "usage.no_base",
            "No base is named, and the workspace has no default one.",
            fix="Name one with --base M, or set it with: bakeoff release MODEL OUT --default-base",
        )
    session.say(f"  base: {name} (the workspace's default)")
    return name


def _plan_text(document: dict[str, Any]) -> str:
    fits = "fits" if document["fits"] else "DOES NOT FIT"
    chosen = "".join(
        f"  {decision['subject']}: {decision['choice']} ({decision['reason']})\n"
        for decision in document["decisions"]
    )
    return chosen + (
        f"{document['base']} on {document['dataset']}: {document['examples']} examples, {document['epochs']} epochs, "
        f"{document['steps']} steps, {document['tokens']:,} tokens ({document['supervised_tokens']:,} trained).\n"
        f"About {document['memory_mb']:,} MB of {document['memory_available_mb']:,} MB ({fits}); "
        f"about {duration(document['seconds'])} on {document['device']} in {document['dtype']}."
    )
