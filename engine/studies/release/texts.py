"""The texts of licences and notices that lie with the models a release was made of."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from engine.models.notices import is_licence_text, notices_in
from engine.resources import resource
from engine.studies.release.licences import Consequences
from engine.studies.release.origins import Origins
from engine.workspace.naming import slug

#: What the release itself comes under, where that is one licence.
LICENCE: Final = "LICENSE"
#: Licences whose whole text ships with Bakeoff, by their ids.
_OURS: Final = {"apache-2.0": "Apache-2.0.txt", "gpl-3.0": "GPL-3.0.txt"}


def licence_files(origins: Origins, licence: Consequences) -> dict[str, Path]:
    """Name in the bundle -> where it lies, for each text that goes along."""
    found: dict[str, Path] = {}
    for name, source in origins.folders.items():
        for file in notices_in(source):
            found[f"licences/{slug(name)}/{file.name}"] = file
    own = [name for name in found if is_licence_text(Path(name).name)]
    if len(own) == 1 and len(origins.licences) == 1 and licence.id != "unknown":
        found[LICENCE] = found[own[0]]
    elif licence.id in _OURS:  # they all come under it, and its text is the same for everybody
        found[LICENCE] = resource("licences", _OURS[licence.id])
    return found
