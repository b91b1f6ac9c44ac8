"""Everything that Bakeoff is made with, and under which licence. Knows no Qt."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Final

from engine.resources import resource

_FILE: Final = re.compile(
    r"(^|/)(licen[cs]es?|copying|notice|copyright)\b[^/]*(\.(txt|md|rst))?$", re.IGNORECASE
)
#: Programs whose packages carry no licence text: names of the texts that ship with Bakeoff, by words in the licence.
_SHIPPED: Final = (
    ("LGPL-3.0", ("LGPL-3.0", "GPL-3.0")),
    ("GPL-3.0", ("GPL-3.0",)),
    ("Apache", ("Apache-2.0",)),
)
#: What ships with Bakeoff and is no package: name, licence, file of its text.
_BUNDLED: Final = (
    ("Inter", "OFL-1.1", ("fonts", "Inter-LICENSE.txt")),
    ("JetBrains Mono", "OFL-1.1", ("fonts", "JetBrainsMono-LICENSE.txt")),
    ("Phosphor Icons", "MIT", ("icons", "LICENSE.txt")),
)


@dataclass(frozen=True)
class Licence:
    """Something that Bakeoff is made with.

    Attributes:
        licence: As it names it itself; empty where it does not.
    """

    name: str
    version: str
    licence: str


def licences() -> tuple[Licence, ...]:
    """All packages that are installed, and what ships with Bakeoff beside them, by name."""
    found = {name: Licence(name, "", licence) for name, licence, _ in _BUNDLED}
    for package in distributions():
        name = str(package.metadata["Name"])
        found[name.lower()] = Licence(name, package.version, _named(package))
    return tuple(sorted(found.values(), key=lambda one: one.name.lower()))


def licence_text(name: str) -> str:
    """The text of the licence of one of them, its own or one that ships with Bakeoff; empty where there is none."""
    for bundled, _, place in _BUNDLED:
        if bundled == name:
            return resource(*place).read_text(encoding="utf-8", errors="replace")
    package = next((one for one in distributions() if one.metadata["Name"] == name), None)
    if package is None:
        return ""
    texts = [
        _read(Path(str(package.locate_file(file))))
        for file in package.files or []
        if _FILE.search(file.as_posix()) and file.suffix not in (".py", ".pyc", ".pyi")
    ]
    if not any(texts):
        named = f"{_named(package)} {' '.join(package.metadata.get_all('License') or [])}"
        files = next((files for words, files in _SHIPPED if words in named), ())
        texts = [_read(resource("licences", f"{one}.txt")) for one in files]
    return "\n\n\n".join(dict.fromkeys(text for text in texts if text))


def _named(package: Distribution) -> str:
    """What a package says of its licence, in few words."""
    meta = package.metadata
    expression = "".join(meta.get_all("License-Expression") or [])
    if expression:
        return expression
    classifiers = meta.get_all("Classifier") or []
    told = [one.rpartition(" :: ")[2] for one in classifiers if one.startswith("License ::")]
    written = "".join(meta.get_all("License") or []).strip().split("\n")[0]
    return ", ".join(told) or written[:80]


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
