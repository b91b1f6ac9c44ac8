"""What can be set, and what this machine and this workspace are. No widgets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from PySide6.QtCore import QObject

from desktop.language import tr
from desktop.services import Services
from desktop.view_model import ViewModel

#: Folders of a workspace, in the order in which they are told.
_FOLDERS: Final = ("models", "datasets", "outputs", "exports", "jobs", "reports", "trash")


@dataclass(frozen=True)
class EndpointRow:
    """An endpoint.

    Attributes:
        key: Where its key comes from: ``keyring``, ``environment``; empty: nowhere.
    """

    name: str
    base_url: str
    key_env: str
    key: str


@dataclass(frozen=True)
class Licence:
    """A package that Bakeoff is made with."""

    name: str
    version: str
    licence: str


@dataclass(frozen=True)
class SettingsState:
    """What the page shows.

    Attributes:
        sizes: Folder and bytes.
        hub_token: Where the Hugging Face Hub's token comes from; empty: nowhere.
        keyring: Whether keys can be stored.
        can: What this machine can do, in sentences; ``cannot`` what not.
    """

    folder: Path | None = None
    sizes: tuple[tuple[str, int], ...] = ()
    endpoints: tuple[EndpointRow, ...] = ()
    hub_token: str = ""
    keyring: bool = False
    version: str = ""
    can: tuple[str, ...] = ()
    cannot: tuple[str, ...] = ()
    licences: tuple[Licence, ...] = ()


class SettingsModel(ViewModel[SettingsState]):
    """Reads the settings and changes them."""

    def __init__(self, services: Services, parent: QObject | None = None) -> None:
        super().__init__(services, SettingsState(), parent)
        self._machine: dict[str, Any] | None = None
        self._licences: tuple[Licence, ...] = ()

    def read(self) -> Callable[[], SettingsState]:
        """See `ViewModel`."""
        workspace = self.services.workspace

        def read() -> SettingsState:
            from engine.files import folder_bytes
            from engine.inference.endpoints import list_endpoints
            from engine.models.machine import examine
            from engine.workspace.secrets import HUB, find_key, keyring_available

            if self._machine is None:
                self._machine = examine(str(workspace.root))
                self._licences = licences()
            token = find_key(HUB, "HF_TOKEN")
            sizes = tuple(
                (name, folder_bytes(workspace.root / name))
                for name in _FOLDERS
                if (workspace.root / name).is_dir()
            )
            endpoints = tuple(
                EndpointRow(one["name"], one["base_url"], one["key_env"], one["key"] or "")
                for one in list_endpoints(workspace)
            )
            return SettingsState(
                workspace.root,
                sizes,
                endpoints,
                "" if token is None else token.source,
                keyring_available(),
                str(self._machine["version"]),
                tuple(self._machine["can"]),
                tuple(self._machine["cannot"]),
                self._licences,
            )

        return read

    def empty_trash(self) -> None:
        """Remove for good what lies in the trash."""
        workspace = self.services.workspace

        def empty() -> int:
            from engine.models.managing import empty_trash

            return empty_trash(workspace)

        from desktop.words import size

        self.do(empty, lambda freed: self.told.emit(tr("{size} are free again.", size=size(freed))))

    def add_endpoint(self, name: str, url: str, variable: str) -> None:
        """Add an endpoint, or change where it is."""
        workspace = self.services.workspace

        def add() -> None:
            from engine.inference.endpoints import add_endpoint

            add_endpoint(workspace, name, url, variable)

        self.do(add)

    def remove_endpoint(self, name: str) -> None:
        """Forget an endpoint and its key."""
        workspace = self.services.workspace

        def remove() -> None:
            from engine.inference.endpoints import remove_endpoint

            remove_endpoint(workspace, name)

        self.do(remove)

    def store_key(self, name: str, key: str) -> None:
        """Put a key into the keyring."""
        workspace = self.services.workspace

        def store() -> None:
            from engine.inference.endpoints import store_endpoint_key

            store_endpoint_key(workspace, name, key)

        self.do(store, lambda _none: self.told.emit(tr("The key of {name} is in the keyring.", name=name)))

    def try_endpoint(self, name: str) -> None:
        """Ask an endpoint for its models, which costs nothing."""
        workspace = self.services.workspace

        def ask() -> dict[str, Any]:
            from engine.inference.endpoints import try_endpoint

            return try_endpoint(workspace, name)

        def done(found: dict[str, Any]) -> None:
            self.told.emit(
                tr(
                    "{name} answers in {seconds} s and offers {count} models.",
                    name=name,
                    seconds=found["seconds"],
                    count=len(found["models"]),
                )
            )

        self.do(ask, done)

    def write_diagnostics(self, file: Path) -> None:
        """Write a file to send along with a report."""
        workspace = self.services.workspace

        def write() -> Path:
            from engine.diagnostics import write_diagnostics

            return write_diagnostics(workspace, file)

        self.do(write, lambda made: self.told.emit(tr("{file} has been written.", file=made.name)))


def licences() -> tuple[Licence, ...]:
    """The packages that are installed, with their licences as they name them themselves."""
    from importlib.metadata import distributions

    found = {}
    for package in distributions():
        name = str(package.metadata["Name"])
        meta = package.metadata
        named = "".join(meta.get_all("License-Expression") or [])
        if not named:
            classifiers = meta.get_all("Classifier") or []
            told = [one.rpartition(" :: ")[2] for one in classifiers if one.startswith("License ::")]
            written = "".join(meta.get_all("License") or [])
            named = ", ".join(told) or written.strip().split("\n")[0][:80]
        found[name.lower()] = Licence(name, package.version, named or "?")
    return tuple(found[name] for name in sorted(found))
