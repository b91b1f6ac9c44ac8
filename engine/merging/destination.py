"""Where a merge goes: whether the folder is free and the disk large enough."""

from __future__ import annotations

import shutil
from pathlib import Path

from engine.merging.errors import Finding, error


def check_destination(out: Path, nbytes: int) -> list[Finding]:
    """What speaks against writing a model of ``nbytes`` into the new folder ``out``."""
    findings = []
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        findings.append(
            error(
                "file.exists",
                "{file} already exists.",
                "Choose another folder, or remove it first.",
                file=str(out),
            )
        )
    return findings + check_space(out, nbytes)


def check_space(out: Path, nbytes: int) -> list[Finding]:
    """An error where the disk on which ``out`` is going to be has no room for ``nbytes``."""
    around = next(folder for folder in (out.absolute(), *out.absolute().parents) if folder.is_dir())
    free = shutil.disk_usage(around).free
    if free >= nbytes:
        return []
    return [
        error(
            "merge.disk_full",
            "The merge needs {need} MB, and the disk of {file} has {free} MB free.",
            "Free space on this disk or choose another folder.",
            need=nbytes // 1_000_000 + 1,
            free=free // 1_000_000,
            file=str(out),
        )
    ]
