"""What a study chose on dev prompts, and why, in sentences for its report."""

from __future__ import annotations

from collections.abc import Sequence

from engine.studies.report_words import listing


def parents_sentence(bases: Sequence[str], chosen: Sequence[str], leading: Sequence[str]) -> str:
    """Which bases are merged.

    Args:
        bases: All, in the order of the study's file.
        chosen: Those that become parents.
        leading: The bases that stand highest on dev prompts; none where nothing was judged.
    """
    told = f"{listing(chosen)} become the parents"
    if not leading:
        return f"Nothing was judged on dev prompts, so the first bases of the study's file, {told}."
    if len(leading) == len(bases):
        return f"All bases are equal on dev prompts; the first of the study's file, {told}."
    if len(leading) > 1:
        return f"{told}: {listing(leading)} are equal at the top on dev prompts."
    return f"{told}: they stand highest on dev prompts, where {leading[0]} leads."


def merge_sentence(merges: Sequence[str], best: str, leading: Sequence[str], ahead: Sequence[str]) -> str:
    """Which merge counts as the best.

    Args:
        merges: All.
        best: That one.
        leading: The merges that stand highest among merges.
        ahead: Those that stand highest among all entrants.
    """
    lead = f"{ahead[0]} leads there over all" if len(ahead) == 1 else f"{listing(ahead)} are equal at the top"
    if len(merges) == 1:
        return f"{best} is the only merge; on dev prompts {lead}."
    if len(leading) > 1:
        return f"{listing(leading)} are equal on dev prompts, so {best} counts as the best merge; {lead}."
    return f"{best} is the best merge on dev prompts; {lead}."
