"""What can be set for a workspace, kept in its ``settings.json``; each field with a sentence for the form."""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from engine.errors import BakeoffError
from engine.refusals import why_refused
from engine.workspace.folder import Workspace

_HOST: Final = re.compile(r"[\w.:*\[\]-]+")


class SettingError(BakeoffError):
    """A setting cannot be like this."""

    title = "The setting cannot be used"


class Settings(BaseModel):
    """The settings of a workspace."""

    # The file holds more than these: what the engine notes by itself, and settings of later versions.
    model_config = ConfigDict(extra="ignore", frozen=True)

    proxy: str = Field(
        default="",
        title="Proxy",
        description="Address of a proxy for everything that goes over the network, for example "
        "http://proxy.example:3128; empty for none.",
    )
    direct: str = Field(
        default="",
        title="Without the proxy",
        description="Hosts that are reached without it, with commas between them; this machine always is.",
    )
    certificates: str = Field(
        default="",
        title="Own certificates",
        description="A PEM file with certificates of authorities that are trusted beside the system's; "
        "empty for none.",
    )
    keep_awake: bool = Field(
        default=True,
        title="Stay awake",
        description="This machine does not fall asleep while a job runs.",
    )
    least_free_gb: float = Field(
        default=1.0,
        ge=0,
        le=10_000,
        allow_inf_nan=False,
        title="Free space",
        description="A job begins only while this many GB are free on the disk of the workspace; 0: always.",
    )
    checkpoint_days: int = Field(
        default=7,
        ge=0,
        le=3650,
        title="Checkpoints",
        description="Days for which a finished training keeps its checkpoints; what it has made stays in any case.",
    )
    quantisation: str = Field(
        default="q4_k_m",
        pattern=r"^[a-z0-9_]{2,12}$",
        title="Quantisation",
        description="How GGUF files store weights unless something else is asked for.",
    )

    @field_validator("proxy")
    @classmethod
    def _a_proxy(cls, value: str) -> str:
        value = value.strip()
        if not value:
            return ""
        parts = urlsplit(value)
        if parts.username or parts.password:
            raise ValueError(
                "a name or password is not kept here; set HTTPS_PROXY in the environment instead"
            )
        if (
            parts.scheme not in ("http", "https")
            or not parts.hostname
            or parts.path.strip("/")
            or parts.query
        ):
            raise ValueError("write it as http://HOST:PORT")
        return value.rstrip("/")

    @field_validator("direct")
    @classmethod
    def _hosts(cls, value: str) -> str:
        hosts = [host.strip() for host in value.split(",") if host.strip()]
        for host in hosts:
            if not _HOST.fullmatch(host):
                raise ValueError(f"'{host}' is no host")
        return ",".join(hosts)


#: Names of all settings, in the order in which they are shown.
NAMES: Final = tuple(Settings.model_fields)


def settings_of(workspace: Workspace) -> Settings:
    """The settings of a workspace; what was never set, or cannot be read any more, is as it comes."""
    found = workspace.settings()
    values = {name: found[name] for name in NAMES if name in found}
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        bad = {str(one["loc"][0]) for one in error.errors()}
        return Settings.model_validate({name: value for name, value in values.items() if name not in bad})


def checked(name: str, value: Any) -> Any:
    """``value`` as the setting called ``name`` keeps it.

    Raises:
        SettingError: There is no such setting, or it cannot have this value.
    """
    if name not in NAMES:
        raise SettingError(
            "setting.unknown",
            "There is no setting '{name}'.",
            fix="Known are: {known}.",
            name=name,
            known=", ".join(NAMES),
        )
    try:
        return getattr(Settings.model_validate({name: value}), name)
    except ValidationError as error:
        raise SettingError(
            "setting.value",
            "The setting '{name}' cannot be this: {reason}.",
            fix="{about}",
            name=name,
            reason=why_refused(error.errors()[0]),
            about=Settings.model_fields[name].description,
        ) from error


def change(workspace: Workspace, name: str, value: Any) -> None:
    """Set one setting.

    Raises:
        SettingError: See `checked`.
    """
    kept = checked(name, value)
    if name == "certificates":
        from engine.workspace.network import take_certificates

        take_certificates(workspace, kept)
    workspace.change_setting(name, kept)
    if name in ("proxy", "direct", "certificates"):
        from engine.workspace.network import use_network

        use_network(workspace)


def reset(workspace: Workspace, name: str) -> None:
    """Let one setting be as it comes.

    Raises:
        SettingError: There is no such setting.
    """
    change(workspace, name, Settings.model_fields[name].default if name in NAMES else "")
