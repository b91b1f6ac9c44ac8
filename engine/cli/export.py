"""``bakeoff export``: bring a model out of the workspace."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from engine.cli.session import Session, duration
from engine.errors import BakeoffError

Result = tuple[Any, str]


def register(commands: Any, everywhere: argparse.ArgumentParser) -> None:
    """Add the command."""
    export = commands.add_parser("export", help="bring a model out of the workspace", parents=[everywhere])
    export.add_argument("model", metavar="MODEL")
    export.add_argument("out", metavar="OUT", help="the GGUF file, or a folder to put it into")
    export.add_argument("--as", dest="form", required=True, choices=("gguf", "merged", "adapter"))
    export.add_argument("--quant", metavar="Q", help="how a GGUF file stores weights (default: q4_k_m)")
    export.add_argument(
        "--dataset",
        metavar="D",
        help="compare tokens on its prompts (default: what the model was trained on)",
    )
    export.add_argument("--dry-run", action="store_true", help="show types and size, write nothing")
    export.add_argument("--force", action="store_true", help="replace an existing file")
    export.add_argument("--threads", type=int, metavar="N")
    export.add_argument("--detach", action="store_true", help="return at once")
    export.set_defaults(run=_export)


def _export(options: argparse.Namespace, session: Session) -> Result:
    from engine.exporting.spec import ExportSpec
    from engine.models.library import find_model

    if options.quant is not None and options.form != "gguf":
        raise BakeoffError(
            "export.quantisation_unused",
            "--quant is for GGUF files only; --as {form} keeps the weights as they are.",
            fix="Leave it out, or take --as gguf.",
            form=options.form,
        )
    files = find_model(session.workspace, options.model)
    spec = ExportSpec(
        model=options.model,
        form=options.form,
        quantisation=(options.quant or "q4_k_m").lower(),
        dataset=options.dataset,
        threads=options.threads,
    )
    plan = _plan(spec, files) if options.form == "gguf" else None
    if options.dry_run:
        return (plan.as_dict(), _plan_text(plan)) if plan is not None else ({}, "Nothing to plan.")
    out = _place(options, files.name, spec.quantisation)
    spec = spec.model_copy(update={"out": str(out)})
    summary = session.run_job(
        "export",
        spec,
        f"Export {options.model} as {options.form}",
        detach=options.detach,
        forget_failure=True,
    )
    if options.detach:
        return summary, summary["job"]
    text = f"{summary['file']}: {summary['bytes'] / 1e6:,.0f} MB in {duration(summary['seconds'])}"
    if plan is not None:
        parity = summary["parity"]
        equal = parity["texts"] - parity["different"]
        text += f", {summary['bits_per_weight']} bits per weight; {equal} of {parity['texts']} texts tokenise alike"
    return summary, f"{text}."


def _plan(spec: Any, files: Any) -> Any:
    """The plan of a GGUF file; refuses what cannot be written before a job begins."""
    from engine.exporting.plan import plan_gguf
    from engine.exporting.quantisations import quantisation
    from engine.exporting.sources import source_of

    source = source_of(files)
    return plan_gguf(
        files.base_folder,
        quantisation(spec.quantisation),
        source=source.tensors,
        tokenizer_folder=source.tokenizer_folder,
        vocabulary_size=source.vocabulary_size,
    )


def _plan_text(plan: Any) -> str:
    document = plan.as_dict()
    lines = [
        f"{tensor['name']:<40} {'x'.join(map(str, tensor['shape'])):>14}  {tensor['type']:<6} "
        f"{tensor['bytes'] / 1e6:>9.2f} MB"
        for tensor in document["tensors"]
    ]
    types = ", ".join(f"{count} as {kind}" for kind, count in document["types"].items())
    total = f"{document['bytes'] / 1e6:,.0f} MB, {document['bits_per_weight']} bits per weight ({types})."
    return "\n".join([*lines, total])


def _place(options: argparse.Namespace, name: str, quantisation: str) -> Path:
    """Where the export goes.

    Raises:
        BakeoffError: Something is there already, or its folder is not.
    """
    out = Path(options.out).expanduser().absolute()
    if options.form == "gguf" and out.is_dir():
        out = out / f"{name}-{quantisation}.gguf"
    if options.form == "gguf" and not out.parent.is_dir():
        raise BakeoffError(
            "export.no_folder",
            "There is no folder {file}.",
            fix="Make it first, or name another.",
            file=str(out.parent),
        )
    if out.exists() and not (options.force and out.is_file()):
        raise BakeoffError(
            "export.exists",
            "{file} already exists.",
            fix="Choose another name, or replace a file with --force.",
            file=str(out),
        )
    return out
