"""What the Settings page shows. Knows no Qt."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from desktop.pages.settings.licences import Licence
from engine.workspace.settings import Settings

_DEFAULTS: Final = Settings()


@dataclass(frozen=True)
class EndpointRow:
    """An endpoint.

    Attributes:
        key: Where its key comes from: ``keyring``, ``environment``, ``session``; empty: nowhere.
    """

    name: str
    base_url: str
    key_env: str
    key: str


@dataclass(frozen=True)
class PriceRow:
    """What a model costs, in USD per million tokens.

    Attributes:
        own: The user has set it.
    """

    model: str
    input: float
    output: float
    own: bool


@dataclass(frozen=True)
class Sizes:
    """What a workspace takes on its disk, in bytes.

    Attributes:
        parts: Folder and size; ``other`` is what lies beside them.
    """

    parts: tuple[tuple[str, int], ...] = ()
    free: int = 0

    @property
    def whole(self) -> int:
        """All together."""
        return sum(one for _, one in self.parts)


@dataclass(frozen=True)
class SettingsState:
    """What the page shows.

    Attributes:
        prices_of: Where the shipped prices are from, and of which day.
        hub_token: Where the Hugging Face Hub's token comes from; empty: nowhere.
        keyring: Whether keys can be stored.
        from_environment: What the user's environment sets instead: ``proxy``, ``certificates``.
        quantisations: Names, from most bits to fewest.
        able: Whether something can be done on this machine, and the sentence about it.
    """

    folder: Path | None = None
    sizes: Sizes = Sizes()
    settings: Settings = _DEFAULTS
    endpoints: tuple[EndpointRow, ...] = ()
    prices: tuple[PriceRow, ...] = ()
    prices_of: tuple[str, str] = ("", "")
    hub_token: str = ""
    keyring: bool = False
    from_environment: frozenset[str] = frozenset()
    quantisations: tuple[str, ...] = ()
    version: str = ""
    able: tuple[tuple[bool, str], ...] = ()
    licences: tuple[Licence, ...] = ()
