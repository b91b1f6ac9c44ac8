"""The ids of licences that the Hugging Face Hub knows, and whether the top of a model card can be read by it.

The list is that of https://huggingface.co/docs/hub/repositories-licenses; any other licence is ``other`` there, with
a name and a link of its own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import yaml

_IDS: Final = """
    apache-2.0 mit openrail bigscience-openrail-m creativeml-openrail-m bigscience-bloom-rail-1.0 bigcode-openrail-m
    afl-3.0 artistic-2.0 bsl-1.0 bsd bsd-2-clause bsd-3-clause bsd-3-clause-clear c-uda cc cc0-1.0 cc-by-2.0 cc-by-2.5
    cc-by-3.0 cc-by-4.0 cc-by-sa-3.0 cc-by-sa-4.0 cc-by-nc-2.0 cc-by-nc-3.0 cc-by-nc-4.0 cc-by-nd-4.0 cc-by-nc-nd-3.0
    cc-by-nc-nd-4.0 cc-by-nc-sa-2.0 cc-by-nc-sa-3.0 cc-by-nc-sa-4.0 cdla-sharing-1.0 cdla-permissive-1.0
    cdla-permissive-2.0 wtfpl ecl-2.0 epl-1.0 epl-2.0 etalab-2.0 eupl-1.1 eupl-1.2 agpl-3.0 gfdl gpl gpl-2.0 gpl-3.0
    lgpl lgpl-2.1 lgpl-3.0 isc h-research intel-research lppl-1.3c ms-pl apple-ascl apple-amlr mpl-2.0 odc-by odbl
    openmdw-1.0 openrail++ osl-3.0 postgresql ofl-1.1 ncsa unlicense zlib pddl lgpl-lr deepfloyd-if-license
    fair-noncommercial-research-license llama2 llama3 llama3.1 llama3.2 llama3.3 llama4 grok2-community gemma unknown
    other
"""
HUB_LICENCES: Final = frozenset(_IDS.split())
#: How a licence that the Hub does not know may be called there.
_NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9.\-]*[a-z0-9])?")


def fault_of_card(text: str) -> str:
    """What the Hub would not accept in a model card, without an end to the sentence; empty where all is well."""
    lines = text.splitlines()
    if lines[:1] != ["---"] or "---" not in lines[1:]:
        return "it does not begin with lines between two rows of dashes"
    try:
        front = yaml.safe_load("\n".join(lines[1 : lines.index("---", 1)]))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        return "its first lines are no YAML" + (f" (line {mark.line + 2})" if mark is not None else "")
    if not isinstance(front, dict):
        return "its first lines name no fields"
    return _fault_of_licence(front)


def _fault_of_licence(front: Mapping[str, Any]) -> str:
    licence = front.get("license")
    if not isinstance(licence, str) or licence not in HUB_LICENCES:
        return f"the Hub knows no licence {licence!r}"
    if licence != "other":
        return ""
    if not _NAME.fullmatch(str(front.get("license_name") or "")):
        return "license_name has to be of small letters, digits, dots and hyphens"
    return "" if front.get("license_link") else "license_link has to say where the licence can be read"
