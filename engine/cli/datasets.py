"""``bakeoff dataset``: import, list, show, check, remove, preview, export."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any, Final

from engine.cli.session import Session, counted, parse_assignments, table
from engine.errors import Words

Result = tuple[Any, str]

_SHOWN: Final = 10


def register(commands: Any, everywhere: argparse.ArgumentParser) -> None:
    """Add the command."""
    group = commands.add_parser("dataset", help="the datasets of the workspace", parents=[everywhere])
    actions = group.add_subparsers(metavar="ACTION", required=True)
    _register_import(actions, everywhere)
    listing = actions.add_parser("list", help="all datasets", parents=[everywhere])
    listing.set_defaults(run=_list)
    for name, run, text in (
        ("show", _show, "where a dataset comes from and how it is split"),
        ("check", _check, "lengths, labels, duplicates, leakage, and what to do about them"),
        ("remove", _remove, "remove a dataset with its answers and verdicts"),
    ):
        action = actions.add_parser(name, help=text, parents=[everywhere])
        action.add_argument("name", metavar="NAME")
        action.set_defaults(run=run)
    preview = actions.add_parser(
        "preview", help="the exact tokens of a row, and which are trained", parents=[everywhere]
    )
    preview.add_argument("name", metavar="NAME")
    preview.add_argument("--row", type=int, metavar="I", help="row of the file, from 1 (default: the first)")
    preview.add_argument("--model", metavar="M", help="whose tokens (default: the only base)")
    preview.set_defaults(run=_preview)
    export = actions.add_parser("export", help="write a dataset to a file", parents=[everywhere])
    export.add_argument("name", metavar="NAME")
    export.add_argument("file", metavar="FILE", help="a .jsonl, .csv or .parquet file")
    export.add_argument("--split", choices=["train", "dev", "test"], help="only this split")
    export.add_argument("--force", action="store_true", help="replace an existing file")
    export.set_defaults(run=_export)


def _register_import(actions: Any, everywhere: argparse.ArgumentParser) -> None:
    add = actions.add_parser("import", help="make a dataset of files", parents=[everywhere])
    add.add_argument(
        "files",
        nargs="+",
        metavar="FILE",
        help="JSONL, JSON, CSV, TSV or Parquet, also .gz; SPLIT=FILE where a file is one split",
    )
    add.add_argument("--name", help="what to call it (default: as the file)")
    add.add_argument("--format", metavar="F", help="container or form, where the detection is wrong")
    add.add_argument(
        "--map",
        action="append",
        default=[],
        metavar="ROLE=COLUMN",
        help="roles: system, prompt, completion, messages, split",
    )
    add.add_argument("--system", metavar="TEXT", help="instruction for the rows that have none")
    add.add_argument("--test-share", type=float, default=0.2, metavar="X", help="default: 0.2")
    add.add_argument("--dev-share", type=float, default=0.1, metavar="X", help="default: 0.1")
    add.add_argument("--seed", type=int, default=0, metavar="S")
    add.add_argument("--sealed", action="store_true", help="keep it closed until a study validates on it")
    add.add_argument("--detach", action="store_true", help="return at once")
    add.set_defaults(run=_import)


def _import(options: argparse.Namespace, session: Session) -> Result:
    from engine.datasets.spec import ImportSpec
    from engine.workspace.naming import require_free, slug
    from engine.workspace.tables import Dataset

    sources = [_source(text) for text in options.files]
    name = options.name or slug(_stem(Path(sources[0]["path"])))
    spec = ImportSpec.model_validate(
        {
            "sources": sources,
            "name": name,
            "format": options.format,
            "mapping": parse_assignments(options.map, "ROLE=COLUMN"),
            "system": options.system,
            "test_share": options.test_share,
            "dev_share": options.dev_share,
            "seed": options.seed,
            "sealed": options.sealed,
        }
    )
    spec.options().validate()
    with session.workspace.catalogue.reading() as rows:
        require_free(rows, Dataset, name)
    _require_files(sources)
    summary = session.run_job(
        "dataset_import", spec, Words("Import {name}", name=name), detach=options.detach, forget_failure=True
    )
    if options.detach:
        return summary, summary["job"]
    return summary, _import_text(summary)


def _source(text: str) -> dict[str, Any]:
    """``FILE`` or ``SPLIT=FILE``; a file of just that name wins."""
    from engine.datasets.options import split_named

    word, equals, file = text.partition("=")
    split = split_named(word) if equals else None
    if split is not None and not Path(text).exists():
        return {"path": str(Path(file).expanduser().absolute()), "split": split}
    return {"path": str(Path(text).expanduser().absolute()), "split": None}


def _stem(path: Path) -> str:
    name = path.name.removesuffix(".gz")
    return Path(name).stem


def _require_files(sources: list[dict[str, Any]]) -> None:
    """Refuse missing files and folders before a job begins; opening tells in words."""
    from engine.datasets.source import ByteSource

    for source in sources:
        ByteSource(Path(source["path"]))


def _import_text(summary: dict[str, Any]) -> str:
    lines = [
        f"{summary['name']}: {counted(summary['examples'], 'example')} ({summary['train']:,} train, "
        f"{summary['dev']:,} dev, {summary['test']:,} test), read as {summary['format']}."
    ]
    rejected = summary["rejected"]
    if rejected:
        lines.append(f"{len(rejected):,} rows were left out:")
        lines += [f"  row {row['row']}: {row['reason']}" for row in rejected[:_SHOWN]]
        if len(rejected) > _SHOWN:
            lines.append(f"  and {len(rejected) - _SHOWN:,} more (--json lists all)")
    lines += [f"Warning: {warning}" for warning in summary["warnings"]]
    return "\n".join(lines)


def _list(_options: argparse.Namespace, session: Session) -> Result:
    from sqlalchemy import select

    from engine.workspace.tables import Dataset

    with session.workspace.catalogue.reading() as rows:
        found = rows.scalars(select(Dataset).order_by(Dataset.created_at, Dataset.name)).all()
    documents = [_document(row) for row in found]
    cells = [
        [
            item["name"],
            *(f"{item[split]:,}" for split in ("train", "dev", "test")),
            item["format"],
            _seal_text(item),
        ]
        for item in documents
    ]
    text = table(["name", "train", "dev", "test", "format", "seal"], cells)
    return documents, text if documents else "No datasets yet. Try: bakeoff dataset import FILE"


def _document(row: Any) -> dict[str, Any]:
    manifest = row.manifest
    return {
        "name": row.name,
        "examples": manifest["examples"],
        **{split: manifest["counts"][split] for split in ("train", "dev", "test")},
        "format": manifest["form"],
        "sealed": row.sealed,
        "opened_by": row.opened_by,
        "opened_at": row.opened_at.isoformat() if row.opened_at else None,
    }


def _seal_text(item: dict[str, Any]) -> str:
    if not item["sealed"]:
        return ""
    return f"opened by {item['opened_by']}" if item["opened_at"] else "sealed"


def _show(options: argparse.Namespace, session: Session) -> Result:
    from engine.workspace.naming import dataset_named

    with session.workspace.catalogue.reading() as rows:
        row = dataset_named(rows, options.name)
    folder = session.workspace.absolute(row.folder)
    document = {**row.manifest, **_document(row), "folder": str(folder)}
    lines = [
        f"{row.name}: {counted(document['examples'], 'example')} "
        f"({document['train']:,} train, {document['dev']:,} dev, {document['test']:,} test)"
        + (f", {_seal_text(document)}" if row.sealed else ""),
        *(
            f"from {source['file']}: {source['rows']:,} rows, {source['rejected']:,} left out "
            f"({source['container']}, {source['encoding']}, {source['form']})"
            for source in document["sources"]
        ),
        f"{document['duplicates']:,} duplicates, {document['near_duplicates']:,} near duplicates, "
        f"{document['conflicts']:,} prompts with several answers",
        f"identity: {document['content_sha256']}",
        f"folder: {folder}",
        *(f"Warning: {warning}" for warning in document["warnings"]),
    ]
    return document, "\n".join(lines)


def _check(options: argparse.Namespace, session: Session) -> Result:
    from engine.datasets.health import check_dataset
    from engine.datasets.library import open_dataset

    report = check_dataset(open_dataset(session.workspace, options.name, "check").store)
    report["name"] = options.name
    lines = [f"{options.name}: {counted(report['examples'], 'example')}"]
    for what, spread in report["lengths"].items():
        if spread:
            lines.append(
                f"{what}s: {spread['median']:,} characters in the middle, 95% under {spread['p95']:,}, "
                f"longest {spread['max']:,}"
            )
    if report["labels"]:
        shown = ", ".join(f"{label} ({count})" for label, count in list(report["labels"].items())[:5])
        lines.append(f"answers are {len(report['labels'])} labels: {shown}")
        if report["majority_label_floor"] is not None:
            lines.append(f"always giving the most frequent label scores {report['majority_label_floor']:.3f}")
    lines += [f"Warning: {warning}" for warning in report["warnings"]]
    lines += [f"Suggestion: {suggestion}" for suggestion in report["suggestions"]]
    return report, "\n".join(lines)


def _remove(options: argparse.Namespace, session: Session) -> Result:
    import shutil

    from engine.datasets.managing import remove_dataset

    removed = remove_dataset(session.workspace, options.name)
    shutil.rmtree(removed.folder)
    verdicts, answers = removed.verdicts, removed.answers
    also = f", {answers} sets of answers and {verdicts} verdicts" if answers or verdicts else ""
    document = {
        "removed": options.name,
        "freed_bytes": removed.bytes,
        "verdicts": verdicts,
        "answers": answers,
    }
    return document, f"Removed {options.name}{also} ({removed.bytes / 1e6:,.1f} MB freed)."


def _preview(options: argparse.Namespace, session: Session) -> Result:
    from engine.inference.token_preview import token_preview

    document = token_preview(session.workspace, options.name, options.row, options.model)
    tokens = document["tokens"]
    trained = sum(token["trained"] for token in tokens)
    prompt, answer = (
        "".join(token["text"] for token in tokens if token["trained"] == wanted) for wanted in (False, True)
    )
    head = (
        f"Row {document['row']} of {options.name} ({document['split']}) for {document['model']}: "
        f"{counted(len(tokens), 'token')}, {trained} of them trained (between the arrows)."
    )
    warnings = [f"Warning: {warning}" for warning in document["warnings"]]
    return document, "\n".join([head, "", f"{prompt}⟶{_marked(answer)}⟵", *warnings])


def _marked(text: str) -> str:
    """``text`` in bold where the terminal can show it."""
    return f"\x1b[1m{text}\x1b[0m" if sys.stdout.isatty() else text


def _export(options: argparse.Namespace, session: Session) -> Result:
    from engine.datasets.errors import StoreError
    from engine.datasets.export import export_dataset
    from engine.datasets.library import open_dataset

    dataset = open_dataset(session.workspace, options.name, "export")
    file = Path(options.file)
    if file.exists() and not options.force:
        raise StoreError(
            "dataset.export_exists",
            "{file} already exists.",
            fix="Choose another name, or replace it with --force.",
            file=str(file),
        )
    count = export_dataset(dataset.store, file, options.split)
    return {
        "name": options.name,
        "file": str(file),
        "examples": count,
    }, f"{file}: {counted(count, 'example')}."
