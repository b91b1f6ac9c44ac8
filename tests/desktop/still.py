"""Holds still what differs between two looks at the same workspace: the clock, the machine, the place of the folder.

Nothing else of the window is replaced: pages, view-models and the engine below them are the real ones.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final
from unittest.mock import patch

import keyring
import psutil
from keyring.backends import null
from PySide6.QtCore import QTimer

from desktop.pages.settings.state import SettingsState, Sizes
from desktop.pages.settings.view_model import SettingsModel
from desktop.pages.train.planner import PlanProcess
from engine.datasets import Example
from engine.training.examples import TrainingExample
from engine.training.planning import Planner
from engine.workspace import Workspace
from tests.sample import NOW

#: Where the workspace is said to be.
FOLDER: Final = Path("/", "home", "ada", "Bakeoff")

_GB: Final = 1_000_000_000
_CORES: Final = 8
_MEMORY: Final = SimpleNamespace(total=32 * _GB, available=21 * _GB)
_DISK: Final = SimpleNamespace(total=500 * _GB, used=142 * _GB, free=358 * _GB)
_MERGE_SECONDS: Final = 41.0
_DEVICE: Final = SimpleNamespace(name="cpu", dtype="bfloat16")
_PROCESS: Final = SimpleNamespace(memory_info=lambda: SimpleNamespace(rss=2_640_000_000))
#: In the place of psutil, for the pages that use it.
_PSUTIL: Final = SimpleNamespace(
    virtual_memory=lambda: _MEMORY,
    cpu_percent=lambda: 83.0,
    Process=lambda _number: _PROCESS,
    Error=psutil.Error,
)


def machine_of(workspace: Workspace) -> dict[str, Any]:
    """A machine with eight cores and no GPU, as `desktop.machine.machine_of` tells of one."""
    from engine.models.machine import examine

    found = examine(str(workspace.root), ask_torch=False)
    found["version"] = "1.0"
    found["machine"] |= {"cores": _CORES, "memory_mb": 32_000, "memory_available_mb": 21_000}
    found["compute"] = {
        "device": "cpu",
        "dtype": None,
        "reason": "no driver of a GPU is installed",
        "gpu": None,
    }
    found |= {"keyring": True, "llama_cpp": True, "demo_model": True}
    found["packages"]["bitsandbytes"] = "1"
    found["workspace"] |= {"disk_free_mb": _DISK.free // 1_000_000, "folder": str(FOLDER), "writable": True}
    return found


@contextmanager
def still(workspace: Workspace) -> Iterator[None]:
    """Inside the block it is `NOW`, in UTC, on the machine that is described here."""
    local = time.gmtime
    with ExitStack() as stack:

        def instead(name: str, value: Any) -> None:
            stack.enter_context(patch(name, value))

        stack.enter_context(patch.dict(os.environ))  # what is changed inside is put back
        stack.callback(keyring.set_keyring, keyring.get_keyring())
        keyring.set_keyring(null.Keyring())
        instead("time.time", lambda: NOW)
        instead("time.localtime", lambda seconds=None: local(NOW if seconds is None else seconds))
        for module in (
            *("desktop.pages.jobs.view_model", "desktop.pages.models.fit"),
            "desktop.shell.vitals",
        ):
            instead(f"{module}.psutil", _PSUTIL)
        instead("desktop.pages.train.curves.psutil", _PSUTIL)
        for module in ("desktop.pages.jobs.view_model", "desktop.shell.vitals"):
            instead(f"{module}.gpu_now", lambda: None)
        instead("desktop.pages.models.fit.gpu_here", lambda: None)
        instead("shutil.disk_usage", lambda _place: _DISK)
        instead("os.cpu_count", lambda: _CORES)
        for module in ("home", "settings"):
            instead(f"desktop.pages.{module}.view_model.machine_of", machine_of)
        instead("engine.models.speed.usable_cores", lambda: _CORES)
        instead("engine.models.speed.has_gpu", lambda: False)
        instead("engine.models.speed.available_memory", lambda: _MEMORY.available)
        instead("engine.merging.forecast.free_memory", lambda: _MEMORY.available)
        instead("engine.merging.forecast.expected_seconds", lambda *_: _MERGE_SECONDS)
        instead("engine.models.device.choose_device", lambda *_: _DEVICE)
        instead("engine.models.template.load_template", lambda *_: None)
        instead("engine.training.examples.tokenise", _counted)
        instead("engine.workspace.secrets.keyring_available", lambda: True)
        stack.enter_context(patch.object(PlanProcess, "_send", _plan(Planner(workspace))))
        stack.enter_context(patch.object(SettingsModel, "use", _elsewhere(SettingsModel.use)))
        yield


def _counted(
    examples: Iterable[Example], _template: None, _most: int, _reporter: object
) -> list[TrainingExample]:
    """Examples with a token for every four characters: what loads a tokenizer takes seconds."""
    return [
        TrainingExample(one.row, [0] * (sum(len(part.content or "") for part in one.messages) // 4), 1)
        for one in examples
    ]


def _plan(planner: Planner) -> Any:
    """What `PlanProcess` does with a question: a process of its own would not be on this machine."""

    def send(self: PlanProcess) -> None:
        spec, number = self._spec, self._question
        if spec is not None:
            plan = planner.plan(spec)
            QTimer.singleShot(0, self, lambda: self.planned.emit(plan) if number == self._question else None)

    return send


def _rounded(sizes: Sizes) -> Sizes:
    """Sizes that stay when files of a release hold a few bytes more."""
    return replace(sizes, parts=tuple((name, -(-size // 50_000) * 50_000) for name, size in sizes.parts))


def _elsewhere(use: Any) -> Any:
    """The settings with `FOLDER` in the place of a temporary folder."""

    def use_elsewhere(self: SettingsModel, state: SettingsState) -> None:
        use(self, replace(state, folder=FOLDER, version="1.0", sizes=_rounded(state.sizes)))

    return use_elsewhere
