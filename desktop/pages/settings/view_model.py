"""What can be set, and what this machine and this workspace are. No widgets."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from PySide6.QtCore import QObject, Signal

from desktop.background import Background
from desktop.language import tr
from desktop.machine import machine_of
from desktop.pages.settings.licences import Licence, licence_text, licences
from desktop.pages.settings.state import EndpointRow, PriceRow, SettingsState, Sizes
from desktop.problem import Problem
from desktop.services import Services
from desktop.shell import places
from desktop.view_model import ViewModel
from desktop.words import size
from engine.models.machine import findings
from engine.progress import SilentReporter
from engine.workspace.settings import change, settings_of

#: Folders of a workspace, in the order in which they are told; what lies beside them is told as one.
_FOLDERS: Final = (
    "models",
    "datasets",
    "outputs",
    "exports",
    "jobs",
    "reports",
    "conversations",
    "trash",
)
#: Seconds for which sizes are good: a study changes the catalogue all the time, and large folders take a while.
_FRESH: Final = 10.0


class SettingsModel(ViewModel[SettingsState]):
    """Reads the settings and changes them."""

    #: An endpoint has answered: its name, its models, and the seconds that it took.
    answered = Signal(str, list, float)
    #: The text of a licence: whose, and the text.
    licence_read = Signal(str, str)

    def __init__(self, services: Services, parent: QObject | None = None) -> None:
        super().__init__(services, SettingsState(), parent)
        self._machine: dict[str, Any] | None = None
        self._licences: tuple[Licence, ...] = ()
        self._sizes: tuple[float, Sizes] | None = None

    def read(self) -> Callable[[], SettingsState]:
        """See `ViewModel`."""
        workspace = self.services.workspace

        def read() -> SettingsState:
            from engine.exporting.quantisations import QUANTISATIONS
            from engine.inference.endpoints import list_endpoints
            from engine.inference.own_prices import list_prices
            from engine.workspace.network import from_environment
            from engine.workspace.secrets import HUB, HUB_VARIABLE, find_key, keyring_available

            if self._machine is None:
                self._machine = machine_of(workspace)
                self._licences = licences()
            known = self._sizes  # which is forgotten when the trash is emptied, also while this is read
            if known is None or time.monotonic() - known[0] > _FRESH:
                known = self._sizes = time.monotonic(), sizes_of(workspace.root)
            token = find_key(HUB, HUB_VARIABLE)
            endpoints = tuple(
                EndpointRow(one["name"], one["base_url"], one["key_env"], one["key"] or "")
                for one in list_endpoints(workspace)
            )
            prices = list_prices(workspace)
            set_outside = {
                "proxy": from_environment("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"),
                "certificates": from_environment("SSL_CERT_FILE", "SSL_CERT_DIR"),
            }
            return SettingsState(
                folder=workspace.root,
                sizes=known[1],
                settings=settings_of(workspace),
                endpoints=endpoints,
                prices=tuple(PriceRow(**one) for one in prices["models"]),
                prices_of=(prices["source"], prices["date"]),
                hub_token="" if token is None else token.source,
                keyring=keyring_available(),
                from_environment=frozenset(name for name, is_so in set_outside.items() if is_so),
                quantisations=tuple(QUANTISATIONS),
                version=str(self._machine["version"]),
                able=tuple((one.can, tr(one.text, **one.params)) for one in findings(self._machine)),
                licences=self._licences,
            )

        return read

    def change(self, name: str, value: Any, failed: Callable[[Problem], None]) -> None:
        """Change a setting of the workspace."""
        workspace = self.services.workspace
        self.do(lambda: change(workspace, name, value), failed=failed)

    def empty_trash(self) -> None:
        """Remove for good what lies in the trash."""
        workspace = self.services.workspace

        def empty() -> int:
            from engine.workspace.trash import empty_trash

            freed = empty_trash(workspace)
            self._sizes = None
            return freed

        self.do(empty, lambda freed: self.told.emit(tr("{size} are free again.", size=size(freed))))

    def copy_workspace(self, folder: Path) -> None:
        """Copy the whole workspace to a folder that is new or empty; what is going on rests in the copy."""
        workspace, background = self.services.workspace, self.services.background

        def copy() -> tuple[int, list[str]]:
            from engine.files import folder_bytes
            from engine.jobs.copying import copy_workspace, left_outside

            copy_workspace(workspace, folder, _UntilClosed(background))
            return folder_bytes(folder), left_outside(workspace)

        def copied(made: tuple[int, list[str]]) -> None:
            nbytes, outside = made
            said = tr("The workspace has been copied to {folder} ({size}).", folder=folder, size=size(nbytes))
            if outside:
                said += " " + tr(
                    "Weights that lie outside of it stayed where they are: {names}.", names=", ".join(outside)
                )
            self.told.emit(said)

        self.told.emit(tr("The workspace is being copied to {folder}...", folder=folder))
        self.do(copy, copied)

    def open_workspace(self, folder: Path, *, new: bool) -> None:
        """Open another workspace in a window of its own, or make one there."""

        def begin() -> Path:
            from engine.workspace.folder import WorkspaceError, open_workspace

            if not new and not (folder / "workspace.json").is_file():
                raise WorkspaceError(
                    "workspace.none",
                    "The folder {file} is no workspace.",
                    fix="Choose the folder that holds a file workspace.json, or make a new workspace.",
                    file=str(folder),
                )
            root = open_workspace(folder).root
            places.open_window(root)
            return root

        self.do(
            begin, lambda root: self.told.emit(tr("{folder} opens in a window of its own.", folder=root.name))
        )

    def save_endpoint(
        self, row: EndpointRow, key: str, done: Callable[[], None], failed: Callable[[Problem], None]
    ) -> None:
        """Add an endpoint, or change where it is; with a key, keep that as in `store_key`.

        Args:
            row: What it is to be.
            key: Empty: as it is.
            done: Called once it is so; it is asked for its models then.
            failed: Called where it cannot be.
        """
        workspace = self.services.workspace

        def add() -> None:
            from engine.inference.endpoints import add_endpoint, checked_key, keep_endpoint_key

            if key:
                checked_key(key)
            add_endpoint(workspace, row.name, row.base_url, row.key_env)
            if key:
                keep_endpoint_key(workspace, row.name, key)

        def added(_none: object) -> None:
            done()
            self.try_endpoint(row.name)

        self.do(add, added, failed)

    def remove_endpoint(self, name: str, done: Callable[[], None] = lambda: None) -> None:
        """Forget an endpoint and its key."""
        workspace = self.services.workspace

        def remove() -> None:
            from engine.inference.endpoints import remove_endpoint

            remove_endpoint(workspace, name)

        self.do(remove, lambda _none: done())

    def restore_endpoint(self, row: EndpointRow) -> None:
        """Bring one back that was removed; its key is gone, if it had one."""
        workspace = self.services.workspace

        def add() -> None:
            from engine.inference.endpoints import add_endpoint

            add_endpoint(workspace, row.name, row.base_url, row.key_env)

        self.do(add)

    def store_key(
        self, name: str, key: str, done: Callable[[], None], failed: Callable[[Problem], None]
    ) -> None:
        """Put a key into the keyring; without one it lives in this process, and in those that it starts."""
        workspace = self.services.workspace

        def store() -> str:
            from engine.inference.endpoints import keep_endpoint_key

            return keep_endpoint_key(workspace, name, key)

        def stored(where: str) -> None:
            self.told.emit(
                tr("The key of {name} is in the keyring.", name=name)
                if where == "keyring"
                else tr("The key of {name} is kept until this window closes.", name=name)
            )
            done()

        self.do(store, stored, failed)

    def forget_key(self, name: str) -> None:
        """Forget a key, wherever it is kept."""
        workspace = self.services.workspace

        def forget() -> bool:
            from engine.inference.endpoints import forget_endpoint_key

            return forget_endpoint_key(workspace, name)

        def done(had: bool) -> None:
            gone = tr("The key of {name} is forgotten.", name=name)
            self.told.emit(gone if had else tr("No key of {name} is kept.", name=name))

        self.do(forget, done)

    def try_endpoint(self, name: str) -> None:
        """Ask an endpoint for its models, which costs nothing."""
        workspace = self.services.workspace

        def ask() -> dict[str, Any]:
            from engine.inference.endpoints import try_endpoint

            return try_endpoint(workspace, name)

        self.do(ask, lambda found: self.answered.emit(name, found["models"], found["seconds"]))

    def set_price(self, row: PriceRow, done: Callable[[], None], failed: Callable[[Problem], None]) -> None:
        """Set what a model costs."""
        workspace = self.services.workspace

        def store() -> None:
            from engine.inference.own_prices import set_price

            set_price(workspace, row.model, row.input, row.output)

        self.do(store, lambda _none: done(), failed)

    def forget_price(self, model: str, done: Callable[[], None]) -> None:
        """Go back to the shipped price of a model, or to none."""
        workspace = self.services.workspace

        def forget() -> None:
            from engine.inference.own_prices import forget_price

            forget_price(workspace, model)

        self.do(forget, lambda _none: done())

    def read_licence(self, name: str) -> None:
        """Read the text of a licence; told by `licence_read`."""
        self.services.background.run(
            self,
            lambda: licence_text(name),
            lambda text: self.licence_read.emit(name, text),
            self.failed.emit,
        )

    def write_diagnostics(self, file: Path) -> None:
        """Write a file to send along with a report."""
        workspace = self.services.workspace

        def write() -> Path:
            from engine.diagnostics import write_diagnostics

            return write_diagnostics(workspace, file, ask_torch=False)

        self.do(write, lambda made: self.told.emit(tr("{file} has been written.", file=made.name)))


class _UntilClosed(SilentReporter):
    """Ends work when the window closes; nobody is told of it then."""

    def __init__(self, background: Background) -> None:
        self._background = background

    def check(self) -> None:
        """End it."""
        if self._background.closed:
            raise InterruptedError


def sizes_of(root: Path) -> Sizes:
    """What a workspace takes, folder by folder."""
    from engine.files import folder_bytes

    parts = [(name, folder_bytes(root / name)) for name in _FOLDERS if (root / name).is_dir()]
    beside = 0
    for path in root.iterdir():
        if path.is_dir():
            beside += folder_bytes(path) if path.name not in _FOLDERS else 0
        else:
            with suppress(OSError):  # it was a temporary file
                beside += path.stat().st_size
    return Sizes((*parts, ("other", beside)), shutil.disk_usage(root).free)
