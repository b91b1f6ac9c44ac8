"""The licences of the models that a release was made of, and what follows from all of them together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from engine.models.notices import is_licence_text, notices_in
from engine.studies.release.licence_table import Licence, licence_named, licence_of_text

#: Words of cards that name no licence.
_NO_NAMES: Final = ("other", "unknown", "none", "")


@dataclass(frozen=True)
class ParentLicence:
    """What one ancestor comes under.

    Attributes:
        model: The ancestor.
        named: What its files call the licence; empty where they name none.
        licence: The licence, if it is known here.
        source: Where that was read.
    """

    model: str
    named: str
    licence: Licence | None
    source: str

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "model": self.model,
            "licence": self.licence.id if self.licence else self.named or "unknown",
            "title": self.licence.title if self.licence else self.named or "unknown",
            "known": self.licence is not None,
            "source": self.source,
        }


@dataclass(frozen=True)
class Consequences:
    """What follows from the licences of all ancestors.

    Attributes:
        id: For the card's front matter.
        name: What ``other`` stands for; empty elsewhere.
        follows: What has to be done, a sentence per licence.
        conflicts: What cannot be met, or not be known, in sentences.
    """

    id: str
    name: str
    follows: tuple[str, ...]
    conflicts: tuple[str, ...]


def licence_of_folder(model: str, folder: Path | None, catalogued: str = "") -> ParentLicence:
    """What a model comes under.

    Its card is asked first, then its licence files, then what the catalogue noted when the model was added. Where the
    card names a licence that is not known here, a permissive text beside it does not count: it may be that of the
    program alone, or one that the card's own restricts.

    Args:
        model: What it is called.
        folder: Where its files are; None: they are not here any more.
        catalogued: The catalogue's note.
    """
    named = _named_by(front_matter(folder / "README.md")) if folder is not None else []
    for name in named:
        if found := licence_named(name):
            return ParentLicence(model, name, found, "its model card")
    called = ", ".join(named)
    for file in notices_in(folder) if folder is not None else ():
        if not is_licence_text(file.name):
            continue
        found = licence_of_text(file.read_text(encoding="utf-8", errors="replace"))
        if found is not None and not (named and found.permissive):
            return ParentLicence(model, called or found.id, found, f"its file {file.name}")
    if not named and catalogued.lower() not in _NO_NAMES:
        return ParentLicence(model, catalogued, licence_named(catalogued), "the catalogue")
    return ParentLicence(model, called, None, "its model card" if named else "nowhere")


def _named_by(matter: Mapping[str, Any]) -> list[str]:
    """What a card calls the licence, most particular first; several that hold together are one name."""
    names = []
    for key in ("license_name", "license"):
        value = matter.get(key)
        parts = [str(one or "").strip() for one in (value if isinstance(value, list) else [value])]
        name = " and ".join(part for part in parts if part.lower() not in _NO_NAMES)
        if name and name not in names:
            names.append(name)
    # A name of its own beside a common licence changes that: "license: mit, license_name: modified-mit".
    return names[:1]


def follow(parents: Sequence[ParentLicence], name: str) -> Consequences:
    """What follows for a model called ``name`` that was made of ``parents``."""
    known = {one.licence.id: one.licence for one in parents if one.licence is not None}
    follows = [f"{licence.title}: {licence.follows}" for licence in known.values()]
    conflicts = [
        f"The licence of {one.model} is "
        + (f"'{one.named}', which is not known here" if one.named else "not known")
        + ": find out what it allows before you pass this model on."
        for one in parents
        if one.licence is None
    ]
    conflicts += _conflicts(list(known.values()))
    conflicts += [
        f'The {licence.title} wants a name that begins with "{licence.name_begins}", and this one is "{name}": give '
        "it another before you pass it on."
        for licence in known.values()
        if licence.name_begins and not name.lower().startswith(licence.name_begins.lower())
    ]
    if not parents or any(one.licence is None for one in parents):
        others = sorted({one.named or "unknown" for one in parents if one.licence is None} | set(known))
        return Consequences(
            "unknown" if set(others) <= {"unknown"} else "other",
            "" if set(others) <= {"unknown"} else ", ".join(others),
            tuple(follows),
            tuple(conflicts),
        )
    only = next(iter(known.values()))
    if len(known) == 1 and only.on_hub:
        return Consequences(only.id, "", tuple(follows), tuple(conflicts))
    return Consequences("other", ", ".join(sorted(known)), tuple(follows), tuple(conflicts))


def _conflicts(licences: list[Licence]) -> list[str]:
    """What licences demand that cannot all be done."""
    found = [
        f"The {licence.title} does not allow to pass on changed versions: this model may only be used, not shared."
        for licence in licences
        if not licence.derivatives
    ]
    if len(licences) < 2:
        return found
    found += [
        f"The {licence.title} does not allow to improve other language models with its own, and "
        f"{_listed([other.title for other in licences if other is not licence])} stands beside it."
        for licence in licences
        if licence.closed_to_others
    ]
    for licence in licences:
        narrower = [other.title for other in licences if other is not licence and not other.permissive]
        if licence.share_alike and narrower:
            found.append(
                f"The {licence.title} wants the whole under itself without further restrictions, and "
                f"{_listed(narrower)} asks for others."
            )
    if any(licence.commercial is False for licence in licences):
        strict = [licence.title for licence in licences if licence.commercial is False]
        found.append(f"Because of {_listed(strict)}, the whole is not for commercial use.")
    return found


def front_matter(card: Path) -> dict[str, Any]:
    """The YAML at the top of a model card; empty where there is none that can be read."""
    try:
        text = card.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return {}
    if not text.startswith("---"):
        return {}
    try:
        found = yaml.safe_load(text[3:].partition("\n---")[0])
    except yaml.YAMLError:
        return {}
    return found if isinstance(found, dict) else {}


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
