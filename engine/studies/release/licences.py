"""The licences of the models that a release was made of, and what follows from all of them together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from engine.errors import Words
from engine.models.notices import card_in, is_licence_text, notices_in
from engine.studies.conclusions import listed
from engine.studies.release.hub_licences import HUB_LICENCES
from engine.studies.release.licence_table import (
    Licence,
    is_modified,
    licence_named,
    licence_of_text,
    title_of_text,
)

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

    Its card says so, or else what the catalogue noted when the model was added. The licence files beside it count
    where that is unknown, and where they restrict what the card allows; a text that allows anything does not count
    against a card that names something else: it may be that of the program alone.

    Args:
        model: What it is called.
        folder: Where its files are; None: they are not here any more.
        catalogued: The catalogue's note.
    """
    matter = front_matter(folder) if folder is not None else {}
    declared = _declared(model, matter, catalogued)
    texts = _texts_in(folder) if folder is not None else []
    known = [(one, one.licence) for one in texts if one.licence is not None]
    strict = sorted((pair for pair in known if not pair[1].permissive), key=lambda pair: _strictness(pair[1]))
    narrow = [one for one, _ in strict]
    if declared is not None and declared.licence is not None:
        if not declared.licence.permissive:
            return declared
        narrow += [one for one in texts if one.modified]
        return narrow[0].told_of(model) if narrow else declared
    if narrow:
        return narrow[0].told_of(model, declared.named if declared is not None else "")
    if declared is not None:
        return declared
    unknown = [one for one in texts if one.licence is None]
    if unknown:
        return unknown[0].told_of(model)
    if texts and not _names_none_of_the_hub(matter, catalogued):
        return texts[0].told_of(model)
    return ParentLicence(model, "", None, "nowhere")


@dataclass(frozen=True)
class _Text:
    """A file with the text of a licence."""

    file: str
    title: str
    licence: Licence | None
    modified: bool

    def told_of(self, model: str, called: str = "") -> ParentLicence:
        named = called or (self.licence.id if self.licence is not None else self.title)
        return ParentLicence(model, named, self.licence, f"its file {self.file}")


def _texts_in(folder: Path) -> list[_Text]:
    """The licence texts that lie with a model, by name of file."""
    found = []
    for file in notices_in(folder):
        if is_licence_text(file.name):
            text = file.read_text(encoding="utf-8", errors="replace")
            licence = licence_of_text(text)
            title = "" if licence is not None else title_of_text(text)
            found.append(_Text(file.name, title, licence, licence is None and is_modified(text)))
    return found


def _strictness(licence: Licence) -> tuple[bool, bool]:
    """To sort by: what forbids most comes first."""
    return licence.derivatives, licence.commercial is not False


def _declared(model: str, matter: Mapping[str, Any], catalogued: str) -> ParentLicence | None:
    """What a card calls the licence, or else the catalogue; None where neither names one.

    A name of its own beside a common licence changes that ("license: mit, license_name: modified-mit"), unless the
    common one forbids more.
    """
    names = [name for key in ("license_name", "license") if (name := _name_of(matter.get(key)))]
    if names:
        known = [licence_named(name) for name in names]
        if len(names) == 2 and known[0] is not None and known[0].permissive and known[1] != known[0]:
            return ParentLicence(model, names[1], known[1], "its model card")
        return ParentLicence(model, names[0], known[0], "its model card")
    if catalogued.strip().lower() not in _NO_NAMES:
        return ParentLicence(model, catalogued, licence_named(catalogued), "the catalogue")
    return None


def _name_of(value: Any) -> str:
    """The name in a field of a card; several that hold together are one name."""
    parts = [str(one or "").strip() for one in (value if isinstance(value, list) else [value])]
    return " and ".join(part for part in parts if part.lower() not in _NO_NAMES)


def _names_none_of_the_hub(matter: Mapping[str, Any], catalogued: str) -> bool:
    """Whether the card says that the licence is none of the common ones, without naming it."""
    return "other" in {str(matter.get("license") or "").lower(), catalogued.strip().lower()}


def follow(parents: Sequence[ParentLicence], name: str) -> Consequences:
    """What follows for a model called ``name`` that was made of ``parents``."""
    known = {one.licence.id: one.licence for one in parents if one.licence is not None}
    follows = [
        Words("{title}: {follows}", title=licence.title, follows=licence.follows)
        for licence in known.values()
    ]
    conflicts = [
        Words(
            "The licence of {model} is '{named}', which is not known here: find out what it allows before you pass "
            "this model on."
            if one.named
            else "The licence of {model} is not known: find out what it allows before you pass this model on.",
            model=one.model,
            named=one.named,
        )
        for one in parents
        if one.licence is None
    ]
    conflicts += _conflicts(list(known.values()))
    conflicts += [
        Words(
            'The {licence} wants a name that begins with "{begins}", and this one is "{name}": give it another '
            "before you pass it on.",
            licence=licence.title,
            begins=licence.name_begins,
            name=name,
        )
        for licence in known.values()
        if licence.name_begins and not name.lower().startswith(licence.name_begins.lower())
    ]
    named = {one.named.strip().lower() for one in parents}
    if parents and not known and len(named) == 1 and named <= HUB_LICENCES:
        return Consequences(named.pop(), "", tuple(follows), tuple(conflicts))
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


def _conflicts(licences: list[Licence]) -> list[Words]:
    """What licences demand that cannot all be done."""
    found = [
        Words(
            "The {licence} does not allow to pass on changed versions: this model may only be used, not shared.",
            licence=licence.title,
        )
        for licence in licences
        if not licence.derivatives
    ]
    if len(licences) < 2:
        return found
    found += [
        Words(
            "The {licence} does not allow to improve other language models with its own, and {others} stands beside "
            "it.",
            licence=licence.title,
            others=listed([other.title for other in licences if other is not licence]),
        )
        for licence in licences
        if licence.closed_to_others
    ]
    for licence in licences:
        narrower = [other.title for other in licences if other is not licence and not other.permissive]
        if licence.share_alike and narrower:
            found.append(
                Words(
                    "The {licence} wants the whole under itself without further restrictions, and {others} asks for "
                    "others.",
                    licence=licence.title,
                    others=listed(narrower),
                )
            )
    strict = [licence.title for licence in licences if licence.commercial is False]
    if strict:
        found.append(
            Words("Because of {licences}, the whole is not for commercial use.", licences=listed(strict))
        )
    return found


def front_matter(folder: Path) -> dict[str, Any]:
    """The YAML at the top of a model's card; empty where there is none that can be read."""
    card = card_in(folder)
    if card is None:
        return {}
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
