"""The licences that models come under, and what follows from each for whoever passes a derived model on.

Summaries of what the licences themselves say, to know what to read; they are no legal advice.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Final

from engine.errors import Words
from engine.studies.release.hub_licences import HUB_LICENCES


@dataclass(frozen=True)
class Licence:
    """A licence.

    Attributes:
        id: As the Hugging Face Hub names it, where it does.
        title: For people.
        follows: What follows for a derived model, in one sentence.
        permissive: Anything may be done as long as the notices stay.
        commercial: Whether commercial use is allowed; None: not in general.
        derivatives: Whether changed versions may be passed on.
        name_begins: What the name of a derived model has to begin with.
        closed_to_others: The model may not serve to improve other families of language models.
        share_alike: Derived models come under the same licence.
    """

    id: str
    title: str
    follows: Words
    permissive: bool = False
    commercial: bool | None = True
    derivatives: bool = True
    name_begins: str = ""
    closed_to_others: bool = False
    share_alike: bool = False

    @property
    def on_hub(self) -> bool:
        """Whether ``id`` is among those that the Hub knows; of others it wants to be told the name."""
        return self.id in HUB_LICENCES


_ANY_USE: Final = Words("Pass on the text of the licence and the notices of copyright; any use is allowed.")
_LLAMA: Final = (
    'Pass on a copy of the agreement, show "Built with {name}" where the model is used, keep the notice of '
    "attribution, follow the acceptable use policy{naming}; more than 700 million monthly users need a licence from "
    "Meta."
)
_RAIL: Final = Words(
    "Pass on the licence with its restrictions of use, which bind whoever gets the model from you, and say what you "
    "changed."
)

LICENCES: Final = {
    licence.id: licence
    for licence in (
        Licence(
            "apache-2.0",
            "Apache License 2.0",
            Words(
                "Pass on the text of the licence and the notices of copyright, and say that the model was changed; "
                "any use is allowed."
            ),
            permissive=True,
        ),
        Licence("mit", "MIT License", _ANY_USE, permissive=True),
        Licence("bsd-2-clause", "BSD 2-Clause", _ANY_USE, permissive=True),
        Licence(
            "bsd-3-clause",
            "BSD 3-Clause",
            Words(
                "Pass on the text of the licence and the notices of copyright, and do not advertise with the "
                "authors' names; any use is allowed."
            ),
            permissive=True,
        ),
        Licence("isc", "ISC License", _ANY_USE, permissive=True),
        Licence("cc0-1.0", "CC0 1.0", Words("Nothing is asked for; any use is allowed."), permissive=True),
        Licence(
            "unlicense", "The Unlicense", Words("Nothing is asked for; any use is allowed."), permissive=True
        ),
        Licence(
            "cc-by-4.0",
            "CC BY 4.0",
            Words(
                "Name the authors and the licence, and say that the model was changed; any use is allowed."
            ),
            permissive=True,
        ),
        Licence(
            "cc-by-sa-4.0",
            "CC BY-SA 4.0",
            Words("Name the authors, say that the model was changed, and pass it on under the same licence."),
            share_alike=True,
        ),
        Licence(
            "cc-by-nc-4.0",
            "CC BY-NC 4.0",
            Words("Not for commercial use; name the authors, and say that the model was changed."),
            commercial=False,
        ),
        Licence(
            "cc-by-nc-sa-4.0",
            "CC BY-NC-SA 4.0",
            Words("Not for commercial use; name the authors, and pass the model on under the same licence."),
            commercial=False,
            share_alike=True,
        ),
        Licence(
            "cc-by-nc-nd-4.0",
            "CC BY-NC-ND 4.0",
            Words("Not for commercial use, and changed versions may not be passed on at all."),
            commercial=False,
            derivatives=False,
        ),
        Licence(
            "cc-by-nd-4.0",
            "CC BY-ND 4.0",
            Words("Changed versions may not be passed on at all."),
            derivatives=False,
        ),
        Licence(
            "gpl-3.0",
            "GNU GPL 3",
            Words("Pass the model on under the same licence, with all that is needed to make it again."),
            share_alike=True,
        ),
        Licence(
            "agpl-3.0",
            "GNU AGPL 3",
            Words("Pass the model on under the same licence, also to those who only use it over a network."),
            share_alike=True,
        ),
        Licence(
            "llama2",
            "Llama 2 Community License",
            Words(_LLAMA, name="Llama 2", naming=Words(", and do not improve other language models with it")),
            commercial=None,
            closed_to_others=True,
        ),
        Licence(
            "llama3",
            "Meta Llama 3 Community License",
            Words(
                _LLAMA,
                name="Meta Llama 3",
                naming=Words(
                    ', begin the model\'s name with "Llama 3", and do not improve other language models with it'
                ),
            ),
            commercial=None,
            name_begins="Llama 3",
            closed_to_others=True,
        ),
        *(
            Licence(
                f"llama{version}",
                f"Llama {version} Community License",
                Words(_LLAMA, name="Llama", naming=Words(', and begin the model\'s name with "Llama"')),
                commercial=None,
                name_begins="Llama",
            )
            for version in ("3.1", "3.2", "3.3", "4")
        ),
        Licence(
            "gemma",
            "Gemma Terms of Use",
            Words(
                "Pass on a copy of the terms and their prohibited uses, which bind whoever gets the model from you, "
                "and say that the files were changed."
            ),
            commercial=None,
        ),
        *(
            Licence(name, title, _RAIL, commercial=None)
            for name, title in (
                ("openrail", "OpenRAIL"),
                ("openrail++", "OpenRAIL++"),
                ("bigscience-openrail-m", "BigScience OpenRAIL-M"),
                ("bigscience-bloom-rail-1.0", "BigScience RAIL 1.0"),
                ("bigcode-openrail-m", "BigCode OpenRAIL-M"),
                ("creativeml-openrail-m", "CreativeML OpenRAIL-M"),
            )
        ),
        Licence(
            "qwen",
            "Qwen License",
            Words(
                'Pass on the licence, show "Built with Qwen" or "Improved using Qwen" where a model is trained with '
                "it, and ask Alibaba Cloud for a licence above 100 million monthly users."
            ),
            commercial=None,
        ),
        Licence(
            "qwen-research",
            "Qwen Research License",
            Words(
                'For research only; pass on the licence, and show "Built with Qwen" or "Improved using Qwen".'
            ),
            commercial=False,
        ),
        Licence(
            "mrl",
            "Mistral AI Research License",
            Words("For research only; pass on the licence."),
            commercial=False,
        ),
    )
}

#: Other names for them, as cards and files write them.
_ALIASES: Final = {
    "apache": "apache-2.0",
    "apache2": "apache-2.0",
    "apache-2": "apache-2.0",
    "apache-license-2.0": "apache-2.0",
    "bsd": "bsd-3-clause",
    "cc-by-nc": "cc-by-nc-4.0",
    "cc-by": "cc-by-4.0",
    "cc-by-sa": "cc-by-sa-4.0",
    "cc-by-nc-sa": "cc-by-nc-sa-4.0",
    "cc0": "cc0-1.0",
    "gplv3": "gpl-3.0",
    "agplv3": "agpl-3.0",
    "llama-2": "llama2",
    "llama-3": "llama3",
    "llama2-community": "llama2",
    "llama3-community": "llama3",
    "tongyi-qianwen": "qwen",
    "tongyi-qianwen-research": "qwen-research",
    "mnpl": "mrl",
}
#: The titles with which texts of licences begin, most particular first; words alone, see `_words`.
_TITLES: Final = (
    *(
        (rf"llama {version} community license", f"llama{version.replace(' ', '.')}")
        for version in ("3 3", "3 2", "3 1", "4")
    ),
    (r"(meta )?llama 3 community license", "llama3"),
    (r"llama 2 community license", "llama2"),
    (r"gemma terms of use", "gemma"),
    (r"(qwen|tongyi qianwen) research license", "qwen-research"),
    (r"(qwen|tongyi qianwen) license", "qwen"),
    (r"mistral ai research license", "mrl"),
    (r"bigscience (bloom )?rail (license )?v?1 0", "bigscience-bloom-rail-1.0"),
    (r"bigscience open ?rail m", "bigscience-openrail-m"),
    (r"bigcode open ?rail m", "bigcode-openrail-m"),
    (r"creativeml open ?rail m", "creativeml-openrail-m"),
    *(
        (rf"(creative commons )?{title} 4 0 international", f"cc-{name}-4.0")
        for title, name in (
            ("attribution noncommercial sharealike", "by-nc-sa"),
            ("attribution noncommercial noderivatives", "by-nc-nd"),
            ("attribution noncommercial", "by-nc"),
            ("attribution noderivatives", "by-nd"),
            ("attribution sharealike", "by-sa"),
        )
    ),
    (r"gnu affero general public license version 3", "agpl-3.0"),
    (r"gnu general public license version 3", "gpl-3.0"),
)
#: Lines at the top of a text among which owners are named.
_TOP: Final = 12
#: What such a line begins with.
_BEFORE: Final = re.compile(r"\s*(copyright\b|\(c\)|©|all rights reserved|https?://|[^\w]*$)", re.IGNORECASE)
#: A title is no longer than this, speaks of a licence, and is no sentence.
_TITLE: Final = 80
_NAMES_LICENCE: Final = re.compile(r"licen[cs]e|\bterms\b|\bagreement\b|creative commons", re.IGNORECASE)
#: Titles, as words, of those licences whose whole text is known.
_PLAIN_TITLE: Final = re.compile(
    r"(the )?(mit license( mit)?|apache license( version 2 0.*)?|creative commons attribution 4 0 international.*)"
)
#: The terms of the Apache License 2.0, from their heading to their end, as words.
_APACHE: Final = "30e4fead14bea27559ab87df4b7e795f30238bd249aae20bc792ba6615939d57"
_APACHE_TERMS: Final = re.compile(
    r"(apache license )?version 2 0 january 2004 (http www apache org licenses )?(?P<terms>terms and conditions .*?)"
    r"end of terms and conditions( appendix .{,1300} limitations under the license)?"
)
#: CC BY 4.0 as words: with what Creative Commons says around it, and from its second title to its last section.
_CC_BY: Final = (
    "2db062dd40e7bec05f856fa75834d18d15b06014d537775860dd1f054a5f0389",
    "e73b14644bff17658d10b651b24b4e872f63d7513c447933fad53666a196df8e",
)
#: The MIT License from its permission to its end, as words.
_MIT: Final = "0cf21bdfd1964a97a8615e128534845826afbc887edc95aa5c925cbf64386b5c"


def licence_named(name: str) -> Licence | None:
    """The licence that a card calls ``name``; None where it is not known here."""
    key = re.sub(r"[\s_]+", "-", name.strip().strip("'\"").lower())
    return LICENCES.get(key) or LICENCES.get(_ALIASES.get(key, ""))


def licence_of_text(text: str) -> Licence | None:
    """The licence whose own text this is; None where it is no text that is known, or a changed one.

    Licences that restrict are told by their title, at the beginning. Those that allow anything have to be whole,
    word for word: a text that only speaks of them, or adds to them, allows less.
    """
    top, rest = _parts(text)
    words = _words("\n".join([*top, *rest]))
    for pattern, name in _TITLES:
        if re.match(rf"(the )?{pattern}\b", words):
            return LICENCES[name]
    if _sha256(re.sub(r"^(the )?mit license( mit)? ", "", words)) == _MIT:
        return LICENCES["mit"]
    apache = _APACHE_TERMS.fullmatch(words)
    if apache and _sha256(apache["terms"]) == _APACHE:
        return LICENCES["apache-2.0"]
    if _sha256(words) in _CC_BY:
        return LICENCES["cc-by-4.0"]
    return None


def title_of_text(text: str) -> str:
    """What the text of a licence that is not known here calls itself; empty where its first lines do not say.

    One that bears the title of a licence whose text it is not is called a modified one.
    """
    for line in _parts(text)[0]:
        title = line.strip(" \t#*=_-")
        if len(title) > _TITLE or title.endswith(".") or not _NAMES_LICENCE.search(title):
            continue
        return f"Modified {title}" if _PLAIN_TITLE.fullmatch(_words(title)) else title
    return ""


def is_modified(text: str) -> bool:
    """Whether a text says of itself, in its title, that it is a modified licence."""
    return bool(re.match(r"\W*(the )?modified\b", "\n".join(_parts(text)[0]), re.IGNORECASE))


def _parts(text: str) -> tuple[list[str], list[str]]:
    """The lines at the top of a text without those that name owners, and all that follow."""
    lines = text.lstrip("\ufeff").strip().splitlines()
    return [line for line in lines[:_TOP] if not _BEFORE.match(line)], lines[_TOP:]


def _words(text: str) -> str:
    """A text as lower-case words with one space between them."""
    return " ".join(re.findall(r"[a-z0-9]+", text.lower()))


def _sha256(words: str) -> str:
    return hashlib.sha256(words.encode()).hexdigest()
