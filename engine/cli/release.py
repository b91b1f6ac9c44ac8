"""``bakeoff release``: a model in all its forms with its evidence; pushed, installed, made the default if asked."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from engine.cli.export import drift_text
from engine.cli.session import Session, duration
from engine.errors import UsageError, Words

Result = tuple[Any, str]


def register(commands: Any, everywhere: argparse.ArgumentParser) -> None:
    """Add the command."""
    release = commands.add_parser(
        "release", help="bundle a model with the evidence for it", parents=[everywhere]
    )
    release.add_argument("model", metavar="MODEL")
    release.add_argument("out", metavar="OUT", help="a new folder")
    release.add_argument(
        "--quant",
        metavar="Q,Q",
        help="quantisations of the GGUF files (default: what is set, q4_k_m; none: no GGUF file)",
    )
    release.add_argument("--no-safetensors", action="store_true", help="leave the unquantised model out")
    release.add_argument("--study", metavar="NAME", help="show this study's ranking (default: the newest)")
    release.add_argument("--judge", metavar="J", help="show this judge's verdicts, where several were asked")
    release.add_argument(
        "--dataset",
        metavar="D",
        help="compare quantisations on its test prompts (default: what it was trained on)",
    )
    release.add_argument("--no-drift", action="store_true", help="do not compare quantisations")
    release.add_argument("--push", metavar="USER/NAME", help="push to the Hugging Face Hub, privately")
    release.add_argument("--public", action="store_true", help="with --push: for everybody to see")
    release.add_argument(
        "--install",
        action="append",
        default=[],
        choices=("ollama", "lmstudio"),
        help="make it known to a program on this machine",
    )
    release.add_argument(
        "--default-base", action="store_true", help="train from this model where no --base is named"
    )
    release.add_argument("--dry-run", action="store_true", help="show what would be in the bundle")
    release.add_argument("--threads", type=int, metavar="N")
    release.add_argument("--detach", action="store_true", help="return at once")
    release.set_defaults(run=_release)


def _release(options: argparse.Namespace, session: Session) -> Result:
    from engine.studies.release.starting import (
        Afterwards,
        finish_release,
        made_already,
        require_releasable,
    )

    _require_sense(options)
    afterwards = Afterwards(
        tuple(options.install), options.default_base, options.push or "", bool(options.public)
    )
    spec = _spec(options, session)
    files = require_releasable(session.workspace, spec, afterwards)
    if options.dry_run:
        return _dry_run(session, spec, files)
    summary = made_already(spec, files, afterwards)
    if summary is not None:
        session.say(f"  {spec.out} holds this release already.")
    else:
        summary = session.run_job(
            "release",
            spec,
            Words("Release {model}", model=files.name),
            detach=options.detach,
            forget_failure=True,
        )
        if options.detach:
            return summary, summary["job"]
    done = finish_release(session.workspace, files, Path(spec.out), afterwards)
    summary = {**summary, **done}
    text = _text(summary)
    if "default_base" in done:
        text += f"\n{files.name} is now what is trained where no base is named."
    for one in done.get("installed", ()):
        text += f"\n{one.get('run') or 'LM Studio has it: ' + one['folder']}"
    if options.push:
        pushed = _push(session, spec.out, options.push, public=options.public)
        summary = {**summary, "pushed": pushed}
        text += f"\n{pushed['url']} ({'private' if pushed['private'] else 'public'})"
    return summary, text


def _require_sense(options: argparse.Namespace) -> None:
    if options.public and not options.push:
        raise UsageError(
            "usage.public",
            "--public says who sees what is pushed.",
            fix="Add --push USER/NAME, or leave it out.",
        )
    if options.detach and (options.push or options.install or options.default_base):
        raise UsageError(
            "usage.detach",
            "With --detach nobody waits to push or install the release.",
            fix="Leave --detach out, or give the same command without it once the release is made.",
        )


def _spec(options: argparse.Namespace, session: Session) -> Any:
    from engine.studies.release.spec import ReleaseSpec
    from engine.studies.release.starting import quantisations_of

    return ReleaseSpec(
        model=options.model,
        out=str(Path(options.out).expanduser().absolute()),
        quantisations=quantisations_of(session.workspace, options.quant),
        safetensors=not options.no_safetensors,
        study=options.study,
        judge=options.judge,
        dataset=options.dataset,
        drift=not options.no_drift,
        threads=options.threads,
    )


def _push(session: Session, folder: str, name: str, *, public: bool) -> dict[str, Any]:
    from engine.studies.pushing.spec import PushSpec

    return session.run_job(
        "push",
        PushSpec(folder=folder, repository=name, public=public),
        Words("Push {release} to {name}", release=Path(folder).name, name=name),
        own_environment=True,  # the token may be there
        forget_failure=True,
    )


def _dry_run(session: Session, spec: Any, files: Any) -> Result:
    """What would be in the bundle, with sizes."""
    from engine.studies.release.preview import preview

    document = preview(session.workspace, spec, files)
    lines = [f"{part['bytes'] / 1e6:>12,.1f} MB  {part['name']}" for part in document["parts"]]
    lines.append(f"{document['bytes'] / 1e6:>12,.1f} MB  in all, and a few small files")
    lines.append(document["ranking"])
    lines += [f"Licence: {sentence}" for sentence in document["licence"]["conflicts"]]
    return document, "\n".join(lines)


def _text(summary: dict[str, Any]) -> str:
    from engine.studies.release.compared import UNKNOWN_TASK

    text = f"{summary['folder']}: {len(summary['files'])} files, {summary['bytes'] / 1e6:,.0f} MB"
    text += f" in {duration(summary['seconds'])}." if summary["seconds"] else "."
    if not summary["ranked"]:
        text += "\nThe card says that the model was not ranked."
    drift = summary["drift"]
    if "files" in drift:
        text += f"\n{drift_text(drift)}"
    elif summary["gguf"]:
        hint = "; --dataset names one" if drift["left_out"] == UNKNOWN_TASK else ""
        text += f"\nQuantisations were not compared: {drift['left_out']}{hint}."
    return text + "".join(f"\nLicence: {sentence}" for sentence in summary["licence"]["conflicts"])
