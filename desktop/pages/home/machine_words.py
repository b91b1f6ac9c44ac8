"""What this machine has, in words."""

from __future__ import annotations

from typing import Any, Final

from desktop.language import tr
from desktop.words import size

_MB: Final = 1_000_000


def machine_parts(found: dict[str, Any]) -> tuple[tuple[str, str, str], ...]:
    """Icon, what there is, and what of it is free.

    Args:
        found: As `desktop.machine.machine_of` tells of a machine.
    """
    machine, gpu = found["machine"], found["compute"]["gpu"]
    if gpu is not None:
        memory = size(gpu["memory_mb"] * _MB)
        first = (
            "cpu",
            tr("{gpu}, {memory}", gpu=gpu["name"], memory=memory),
            tr("{free} of its memory are free", free=size(gpu["memory_free_mb"] * _MB)),
        )
    else:
        first = ("cpu", tr("{cores} processor cores", cores=machine["cores"]), tr("no GPU that can be used"))
    return (
        first,
        (
            "stack",
            tr("{memory} of memory", memory=size(machine["memory_mb"] * _MB)),
            tr("{free} are free", free=size(machine["memory_available_mb"] * _MB)),
        ),
        (
            "hard-drive",
            tr("{free} of disk are free", free=size(found["workspace"]["disk_free_mb"] * _MB)),
            tr("the workspace takes {size}", size=size(found["workspace"].get("bytes", 0))),
        ),
    )
