"""``bakeoff model``: add, list, show, rename, remove, demo."""

from __future__ import annotations

import argparse
from typing import Any

from engine.cli.session import Session, table
from engine.errors import Words

Result = tuple[Any, str]


def register(commands: Any, everywhere: argparse.ArgumentParser) -> None:
    """Add the command."""
    group = commands.add_parser("model", help="the models of the workspace", parents=[everywhere])
    actions = group.add_subparsers(metavar="ACTION", required=True)

    add = actions.add_parser("add", help="add a base", parents=[everywhere])
    add.add_argument("source", metavar="PATH_OR_HUB_ID", help="a folder, a .gguf file, or owner/name")
    add.add_argument("--name", help="what to call it")
    add.add_argument("--revision", default="main", help="branch, tag or commit on the Hub")
    add.add_argument("--detach", action="store_true", help="return at once")
    add.set_defaults(run=_add)

    demo = actions.add_parser("demo", help="add the embedded SmolLM2-135M", parents=[everywhere])
    demo.set_defaults(run=_demo)

    listing = actions.add_parser("list", help="all models", parents=[everywhere])
    listing.set_defaults(run=_list)

    show = actions.add_parser("show", help="what a model is", parents=[everywhere])
    show.add_argument("name", metavar="NAME")
    show.set_defaults(run=_show)

    rename = actions.add_parser("rename", help="call a model something else", parents=[everywhere])
    rename.add_argument("name", metavar="NAME")
    rename.add_argument("new", metavar="NEW")
    rename.set_defaults(run=_rename)

    remove = actions.add_parser("remove", help="remove a model", parents=[everywhere])
    remove.add_argument("name", metavar="NAME")
    remove.set_defaults(run=_remove)


def _add(options: argparse.Namespace, session: Session) -> Result:
    from engine.models.source import classify

    return _submit(session, classify(options.source), options.name, options.revision, options.detach)


def _demo(_options: argparse.Namespace, session: Session) -> Result:
    from engine.models.source import demo_source
    from engine.workspace.naming import NameUnknownError, model_named

    source = demo_source()
    try:
        with session.workspace.catalogue.reading() as rows:
            row = model_named(rows, source.name)
            return {"name": row.name, "kind": row.kind, **row.info}, f"{row.name} is there already."
    except NameUnknownError:
        return _submit(session, source, None, "main", detach=False)


def _submit(session: Session, source: Any, name: str | None, revision: str, detach: bool) -> Result:
    from engine.models.spec import ModelAddSpec
    from engine.workspace.naming import require_free
    from engine.workspace.tables import Model

    spec = ModelAddSpec(source=source.where, name=name or source.name, revision=revision)
    with session.workspace.catalogue.reading() as rows:
        require_free(rows, Model, spec.name)
    summary = session.run_job(
        "model_add", spec, Words("Add {name}", name=spec.name), detach=detach, forget_failure=True
    )
    if detach:
        return summary, summary["job"]
    return (
        summary,
        f"Added {summary['name']}: {summary['architecture']}, {summary['parameters'] / 1e6:.0f} M parameters.",
    )


def _list(_options: argparse.Namespace, session: Session) -> Result:
    from sqlalchemy import select

    from engine.models.library import default_base
    from engine.workspace.tables import Model

    default = default_base(session.workspace)
    with session.workspace.catalogue.reading() as rows:
        models = rows.scalars(select(Model).order_by(Model.created_at, Model.name)).all()
        documents: list[dict[str, Any]] = [
            {
                "name": model.name,
                "kind": model.kind,
                "parents": [parent.parent_name for parent in model.parents],
                "parameters": model.info.get("parameters"),
                "architecture": model.info.get("architecture"),
                "weights_sha256": model.weights_sha256,
                "default_base": model.name == default,
            }
            for model in models
        ]
    text = table(
        ["name", "kind", "from"],
        [
            [
                item["name"],
                item["kind"] + (", default base" if item["default_base"] else ""),
                ", ".join(item["parents"]),
            ]
            for item in documents
        ],
    )
    return documents, text if documents else "No models yet. Try: bakeoff model demo"


def _show(options: argparse.Namespace, session: Session) -> Result:
    from engine.files import folder_bytes
    from engine.models.library import find_model, lineage
    from engine.models.memory import lora_parameters, memory_to_run, memory_to_train

    files = find_model(session.workspace, options.name)
    info = files.info
    memory = {
        f"train_{method}_mb": round(
            memory_to_train(info, method=method, dtype="bfloat16", lora_rank=16, tokens_per_step=4096) / 1e6
        )
        for method in ("lora", "qlora")
    }
    document = {
        "name": files.name,
        "kind": files.kind,
        "folder": str(files.folder),
        "base": files.base_name,
        "weights_sha256": files.weights_sha256,
        **info.model_dump(),
        "disk_bytes": folder_bytes(files.folder),
        "lora_parameters": lora_parameters(info, 16),
        "memory": {**memory, "run_mb": round(memory_to_run(info, dtype="bfloat16") / 1e6)},
        "lineage": lineage(session.workspace, options.name),
    }
    lines = [
        f"{files.name} ({files.kind}), {info.architecture}",
        f"  parameters    {info.parameters:,}; vocabulary {info.vocabulary:,}; {info.layers} layers of {info.hidden}",
        f"  stored as     {info.dtype}, {document['disk_bytes'] / 1e6:,.0f} MB in {files.folder}",
        f"  template      {info.template_sha256[:12] or 'none: a plain one will be used'}",
        f"  memory        {memory['train_lora_mb']:,} MB to train with LoRA, {memory['train_qlora_mb']:,} MB with "
        f"QLoRA (4,096 tokens at once), {document['memory']['run_mb']:,} MB to run",
        f"  weights       {files.weights_sha256[:16]}",
    ]
    lines += [
        f"  made from     {'  ' * (step['depth'] - 1)}{step['name']} ({step['kind']})"
        for step in document["lineage"]
    ]
    return document, "\n".join(lines)


def _rename(options: argparse.Namespace, session: Session) -> Result:
    from engine.models.managing import rename_model

    rename_model(session.workspace, options.name, options.new)
    return {"name": options.new}, f"{options.name} is now {options.new}."


def _remove(options: argparse.Namespace, session: Session) -> Result:
    import shutil

    from engine.models.managing import remove_model

    removed = remove_model(session.workspace, options.name)
    shutil.rmtree(removed.folder)
    return {
        "removed": options.name,
        "freed_bytes": removed.bytes,
    }, f"Removed {options.name} ({removed.bytes / 1e6:,.0f} MB freed)."
