"""``bakeoff generate``: contestants answer prompts."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from engine.cli.exported import gguf_of
from engine.cli.session import Session

Result = tuple[Any, str]


def register(commands: Any, everywhere: argparse.ArgumentParser) -> None:
    """Add the command."""
    generate = commands.add_parser(
        "generate", help="let models answer a dataset's prompts", parents=[everywhere]
    )
    generate.add_argument(
        "--model",
        action="append",
        required=True,
        metavar="M",
        help="a model, MODEL@QUANT for its GGUF file, untuned:BASE, dataset or ENDPOINT:MODEL",
    )
    generate.add_argument("--dataset", required=True, metavar="D")
    generate.add_argument("--split", choices=["test", "dev"], default="test")
    generate.add_argument("--limit", type=int, metavar="N", help="answer at most N prompts")
    generate.add_argument("--max-new-tokens", type=int, metavar="N", help="longest answer")
    generate.add_argument("--batch-size", type=int, metavar="N", help="prompts at a time")
    generate.add_argument(
        "--constrain",
        metavar="C",
        help="hold GGUF files to: choices (the train split's answers), json, or a file with a JSON schema or a "
        "grammar (.gbnf)",
    )
    generate.add_argument(
        "--stop", action="append", metavar="TEXT", help="a text before which answers end (may be repeated)"
    )
    generate.add_argument("--budget-usd", type=float, metavar="X", help="ceiling for paid answers")
    generate.add_argument("--detach", action="store_true", help="return at once")
    generate.set_defaults(run=_generate)


def _generate(options: argparse.Namespace, session: Session) -> Result:
    from engine.inference.constraints import constraint_of
    from engine.inference.spec import GenerateSpec
    from engine.inference.starting import require_answerable

    spec = GenerateSpec(
        models=options.model,
        dataset=options.dataset,
        splits=[options.split],
        limit=options.limit,
        max_new_tokens=options.max_new_tokens,
        batch_size=options.batch_size,
        stop=options.stop or [],
        constrain=constraint_of(options.constrain, Path.cwd()),  # before a file is made, which may take long
        budget_usd=options.budget_usd,
    )
    start = require_answerable(session.workspace, spec)
    for name, quantisation in start.exports:
        gguf_of(session, f"{name}@{quantisation}")
    summary = session.run_job(
        "generate",
        spec,
        start.title,
        lane=start.lane,
        detach=options.detach,
        own_environment=start.own_runner,
        forget_failure=True,
    )
    if options.detach:
        return summary, summary["job"]
    lines = [f"{row['model']}  {row['prompt_id']}  {row['text']}" for row in summary["outputs"]]
    if summary["stopped"] != "done":
        session.say("The budget ended the answers early; what is paid for is kept.")
    return summary, "\n".join(lines)
