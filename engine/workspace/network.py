"""Proxy and own certificates: what is set for a workspace, as the environment of this process and of its jobs.

The libraries that reach the network read the usual variables. What the user has put there counts more than what is
set, and is never changed; `_OURS` names the variables that we have set, so that a later setting replaces them.
"""

from __future__ import annotations

import os
import ssl
from pathlib import Path
from typing import Final

from engine.errors import Words, reason_of
from engine.files import write_bytes
from engine.workspace.folder import Workspace

_OURS: Final = "BAKEOFF_NETWORK"
_HERE: Final = "localhost,127.0.0.1,::1"
_FILE: Final = "certificates.pem"


def use_network(workspace: Workspace) -> None:
    """Let this process, and those that it starts, reach the network as it is set for the workspace."""
    _forget_ours()
    if not any(workspace.setting(name) for name in ("proxy", "certificates")):
        return  # which is usual, and the rest takes a fifth of a second to load
    from engine.workspace.settings import settings_of

    settings = settings_of(workspace)
    wanted: dict[str, str] = {}
    if settings.proxy and not from_environment("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"):
        direct = ",".join(part for part in (_HERE, settings.direct) if part)
        wanted |= {"HTTP_PROXY": settings.proxy, "HTTPS_PROXY": settings.proxy}
        if not from_environment("NO_PROXY"):
            wanted["NO_PROXY"] = direct
    certificates = workspace.root / _FILE
    own = settings.certificates and certificates.is_file()
    if own and not from_environment("SSL_CERT_FILE", "SSL_CERT_DIR"):
        wanted["SSL_CERT_FILE"] = str(certificates)
    if wanted:
        os.environ.update(wanted)
        os.environ[_OURS] = ",".join(wanted)


def from_environment(*names: str) -> bool:
    """Whether the user's own environment sets one of these variables, in capitals or small letters."""
    ours = os.environ.get(_OURS, "").split(",")
    return any(
        os.environ.get(spelt) and spelt not in ours for name in names for spelt in (name, name.lower())
    )


def take_certificates(workspace: Workspace, file: str) -> None:
    """Keep a file's certificates in the workspace, together with those that the system trusts; empty: none.

    Together, because the variable that names a file replaces the system's.

    Raises:
        SettingError: The file cannot be read, or holds no certificate.
    """
    from engine.workspace.settings import SettingError

    target = workspace.root / _FILE
    if not file:
        target.unlink(missing_ok=True)
        return
    _forget_ours()  # so that the system's are the system's
    trusted = ssl.create_default_context()
    before = trusted.get_ca_certs(binary_form=True)
    try:
        only = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        only.load_verify_locations(cafile=Path(file).expanduser())
        own = only.get_ca_certs(binary_form=True)
        if not own:
            raise ValueError
    except (OSError, ValueError) as error:
        use_network(workspace)
        reason: str = Words("it holds no certificate of an authority")
        if isinstance(error, OSError):
            reason = Words("it is no PEM file") if isinstance(error, ssl.SSLError) else reason_of(error)
        raise SettingError(
            "setting.certificates",
            "The certificates in {file} cannot be used: {reason}.",
            fix="Name a PEM file with the certificate of the authority, which begins with BEGIN CERTIFICATE.",
            file=file,
            reason=reason,
        ) from error
    every = "".join(ssl.DER_cert_to_PEM_cert(one) for one in dict.fromkeys([*own, *before]))
    write_bytes(target, every.encode())


def _forget_ours() -> None:
    for name in os.environ.pop(_OURS, "").split(","):
        if name:
            os.environ.pop(name, None)
