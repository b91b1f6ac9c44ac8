"""``bakeoff export``: bring a model out of the workspace."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from engine.cli.session import Session, counted, duration, table
from engine.errors import BakeoffError, Words

Result = tuple[Any, str]


def register(commands: Any, everywhere: argparse.ArgumentParser) -> None:
    """Add the command."""
    export = commands.add_parser("export", help="bring a model out of the workspace", parents=[everywhere])
    export.add_argument(
        "model", metavar="MODEL", help="a model, or a merge recipe (.yml), which goes straight to GGUF"
    )
    export.add_argument("out", metavar="OUT", help="the GGUF file or a folder for it; else a new folder")
    export.add_argument("--as", dest="form", required=True, choices=("gguf", "merged", "adapter", "ollama"))
    export.add_argument(
        "--quant", metavar="Q", help="how a GGUF file stores weights (default: what is set, q4_k_m)"
    )
    export.add_argument(
        "--dataset",
        metavar="D",
        help="compare tokens on its prompts (default: what the model was trained on)",
    )
    export.add_argument(
        "--importance",
        action="store_true",
        default=None,
        help="measure on the training text which weights matter",
    )
    export.add_argument(
        "--no-drift", action="store_true", help="do not compare with the 16-bit file on test prompts"
    )
    export.add_argument("--dry-run", action="store_true", help="show types and size, write nothing")
    export.add_argument("--force", action="store_true", help="replace an existing file")
    export.add_argument(
        "--converted", metavar="FILE.gguf", help="take over what a converter of llama.cpp made of the model"
    )
    export.add_argument("--threads", type=int, metavar="N")
    export.add_argument("--detach", action="store_true", help="return at once")
    export.set_defaults(run=_export)


def _export(options: argparse.Namespace, session: Session) -> Result:
    from engine.datasets.library import open_dataset
    from engine.exporting.quantisations import QUANTISATIONS
    from engine.exporting.spec import UNKNOWN, ExportSpec
    from engine.exporting.starting import place_of, planned, require_new
    from engine.models.library import find_model

    with_gguf = options.form in ("gguf", "ollama")
    model, at, kind = options.model.rpartition("@")
    if at and kind.lower() in QUANTISATIONS:
        raise BakeoffError(
            "export.contestant",
            "'{named}' names a model with a quantisation, which export takes apart.",
            fix="Write it as: bakeoff export {model} OUT --quant {kind}",
            named=options.model,
            model=model,
            kind=kind,
        )
    if options.quant is not None and not with_gguf:
        raise BakeoffError(
            "export.quantisation_unused",
            "--quant is for GGUF files only; --as {form} keeps the weights as they are.",
            fix="Leave it out, or take --as gguf.",
            form=options.form,
        )
    if options.model.lower().endswith((".yml", ".yaml")):
        return _export_recipe(options, session)
    files = find_model(session.workspace, options.model)
    if options.dataset is not None:
        open_dataset(session.workspace, options.dataset, "export")  # refuses one that is not there, or sealed
    if options.converted is not None:
        _require_convertible(options)
    spec = ExportSpec(
        model=options.model,
        form=options.form,
        quantisation=_quantisation(options, session),
        converted=str(Path(options.converted).expanduser().absolute()) if options.converted else None,
        dataset=options.dataset,
        importance=options.importance,
        drift=with_gguf and not options.no_drift,
        threads=options.threads,
    )
    plan = planned(spec, files) if with_gguf and spec.converted is None else None
    if options.dry_run:
        if plan is None:
            return {}, "Nothing to plan."
        plan.family.vocabulary()  # refuses a tokenizer that llama.cpp does not know
        return plan.as_dict(), _plan_text(plan)
    out = place_of(
        options.out, options.form, files.name, spec.quantisation if spec.converted is None else UNKNOWN
    )
    spec = spec.model_copy(update={"out": str(out)})
    if session.parked("export", spec) is None:  # one that was interrupted may have written its file
        require_new(out, force=options.force)
    if plan is not None:
        session.say(_size_text(plan))
    summary = session.run_job(
        "export",
        spec,
        Words("Export {model} as {form}", model=options.model, form=options.form),
        detach=options.detach,
        forget_failure=True,
    )
    if options.detach:
        return summary, summary["job"]
    text = _made_text(summary)
    if not with_gguf:
        return summary, text
    if options.form == "ollama":
        from engine.exporting.ollama.writing import ollama_name

        text += f"\n{summary['modelfile']}: ollama create {ollama_name(files.name)} -f {summary['modelfile']}"
    return summary, f"{text}\n{drift_text(summary['drift'])}" if "drift" in summary else text


def _quantisation(options: argparse.Namespace, session: Session) -> str:
    """What was asked for, else what is set for the workspace."""
    from engine.workspace.settings import settings_of

    return str(options.quant or settings_of(session.workspace).quantisation).lower()


def _require_convertible(options: argparse.Namespace) -> None:
    """Refuse what cannot be meant together with a file that is there already."""
    for given, words in (
        (options.form != "gguf", f"--as {options.form}"),
        (options.quant is not None, "--quant"),
        (options.importance, "--importance"),
        (options.dry_run, "--dry-run"),
    ):
        if given:
            raise BakeoffError(
                "export.converted_with",
                "--converted takes over a file as it is, and {words} asks for another.",
                fix="Leave one of them out.",
                words=words,
            )
    if not Path(options.converted).expanduser().is_file():
        raise BakeoffError(
            "export.no_converted", "There is no file {file}.", fix="Check the name.", file=options.converted
        )


def _export_recipe(options: argparse.Namespace, session: Session) -> Result:
    """Merge by a recipe, and write nothing but the GGUF file."""
    from engine.exporting.starting import place_of, require_new
    from engine.merging import check, load_recipe
    from engine.merging.workspace_models import workspace_resolver
    from engine.studies.merged_export.planning import dataset_of_parents, planned_export
    from engine.studies.merged_export.spec import MergedExportSpec, provenance_file

    if options.form != "gguf":
        raise BakeoffError(
            "export.recipe_form",
            "A merge recipe can go straight to a GGUF file only, not to --as {form}.",
            fix="Make the merge with: bakeoff merge {recipe} OUT_DIR",
            form=options.form,
            recipe=options.model,
        )
    if options.importance:
        raise BakeoffError(
            "export.recipe_importance",
            "Which weights matter is measured on a model that exists, not on a merge recipe.",
            fix="Make the merge with: bakeoff merge {recipe} OUT_DIR; and export that with --importance.",
            recipe=options.model,
        )
    file = Path(options.model).absolute()
    recipe = load_recipe(Path(options.model))
    preflight = check(recipe, resolve=workspace_resolver(session.workspace), recipe_file=file)
    merge = preflight.require()
    quantisation = _quantisation(options, session)
    if options.dry_run:
        with planned_export(merge, quantisation, seed=0) as (plan, _):
            plan.family.vocabulary()
            return {**plan.as_dict(), "preflight": preflight.as_dict()}, _plan_text(plan)
    out = place_of(options.out, "gguf", file.stem, quantisation)
    spec = MergedExportSpec(
        recipe=file.read_text(encoding="utf-8-sig"),
        out=str(out),
        quantisation=quantisation,
        model_name=file.stem[:100],
        recipe_file=str(file),
        working_folder=str(Path.cwd()),
        dataset=options.dataset or dataset_of_parents(session.workspace, recipe),
        drift=not options.no_drift,
        threads=options.threads,
    )
    if session.parked("merged_export", spec) is None:
        require_new(out, force=options.force)
        require_new(provenance_file(out), force=options.force)
    summary = session.run_job(
        "merged_export",
        spec,
        Words("Merge {recipe} into {name}", recipe=file.name, name=out.name),
        detach=options.detach,
        forget_failure=True,
    )
    if options.detach:
        return summary, summary["job"]
    text = _made_text(summary)
    return summary, f"{text}\n{drift_text(summary['drift'])}" if "drift" in summary else text


def _made_text(summary: dict[str, Any]) -> str:
    """What was made, and whether it reads text as the model does."""
    text = f"{summary['file']}: {summary['bytes'] / 1e6:,.0f} MB in {duration(summary['seconds'])}"
    if "parity" not in summary:
        return f"{text}."
    parity = summary["parity"]
    equal = parity["texts"] - parity["different"]
    template = "the chat template is the same" if parity["template"] else "the chat template is another"
    return (
        f"{text}, {summary['bits_per_weight']} bits per weight; {equal} of {parity['texts']} texts tokenise alike, "
        f"and {template}."
    )


def drift_text(drift: dict[str, Any]) -> str:
    """The drift report as a table."""
    rows = [
        [
            row["quantisation"],
            f"{row['bytes'] / 1e6:,.0f}",
            f"{row['metric']:.3f}",
            f"{100 * row['agreement']:.0f}%",
            f"{row['log_likelihood']:.4f}",
            f"{row['answers_per_second']:.1f}",
        ]
        for row in drift["files"]
    ]
    headings = ["quantisation", "MB", drift["metric"], "same answers", "log-likelihood", "answers/s"]
    where = f"On {drift['prompts']} test prompts of {drift['dataset']}:"
    return f"{where}\n{table(headings, rows)}"


def _plan_text(plan: Any) -> str:
    document = plan.as_dict()
    lines = [
        f"{tensor['name']:<40} {'x'.join(map(str, tensor['shape'])):>14}  {tensor['type']:<6} "
        f"{tensor['bytes'] / 1e6:>9.2f} MB{' *' if tensor['fallback'] else ''}"
        for tensor in document["tensors"]
    ]
    return "\n".join([*lines, _size_text(plan)])


def _size_text(plan: Any) -> str:
    """How large the file will be, and how many tensors are stored as what."""
    document = plan.as_dict()
    types = ", ".join(f"{count} as {kind}" for kind, count in document["types"].items())
    total = f"{document['bytes'] / 1e6:,.0f} MB, {document['bits_per_weight']} bits per weight ({types})."
    odd = sum(tensor["fallback"] for tensor in document["tensors"])
    if odd:
        total += (
            f" {counted(odd, 'tensor')} (*) with rows that are no whole blocks of {plan.quantisation.name}."
        )
    return total
