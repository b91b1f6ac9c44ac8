"""What a ranking says, in sentences. Knows no Qt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from desktop.language import numeral, tr
from desktop.pages.compare.words import usd
from desktop.pages.ranking.state import RankingState

if TYPE_CHECKING:
    from engine.judging.standings import Standings
    from engine.ranking import Table


def summary(state: RankingState) -> str:
    """What the ranking rests on, in one line."""
    table, shown = state.table, state.standings
    if table is None or shown is None:
        return tr("Which model is best, and how sure that is.")
    how = {
        "cluster": tr("intervals clustered by prompt"),
        "iid": tr("verdicts taken as independent"),
        "bootstrap": tr("intervals by bootstrap over prompts"),
    }[shown.ranking.interval]
    text = tr("{comparisons} comparisons on {prompts} prompts, Bradley-Terry, {level}, {how}")
    if not table.prompts:  # of verdicts in a file, which need not name any
        text = tr("{comparisons} comparisons, Bradley-Terry, {level}, {how}")
    said = text.format(
        comparisons=numeral(table.comparisons),
        prompts=numeral(table.prompts),
        level=level_words(shown.ranking.level),
        how=how,
    )
    if state.not_judged:
        said += tr(
            "; without {names}, where this judge has judged nothing", names=", ".join(state.not_judged)
        )
    return said


def level_words(level: float) -> str:
    """A level as its percentage."""
    return numeral(level, ".1%" if round(level * 100, 6) % 1 else ".0%")


def verdict_in_words(table: Table, standings: Standings) -> tuple[str, str]:
    """Who is best and how sure that is, and what would make it surer."""
    best = table.contestants[0]
    if len(table.contestants) == 1:
        return tr("{name} stands alone.", name=best.name), ""
    if best.rank_hi == 1:
        return tr("{name} is the best, for certain.", name=best.name), ""
    together = [row.name for row in table.contestants if row.rank_lo == 1]
    head = (
        tr("{first} and {second} share the lead.", first=together[0], second=together[1])
        if len(together) == 2
        else tr("{count} share the lead; nothing tells them apart.", count=len(together))
    )
    if table.settle is None:
        return head, tr("More comparisons are needed to say more.")
    settle = table.settle
    judged = sum(one.comparisons for one in standings.ranking.tasks.values())
    price = settle.comparisons * standings.cost_usd / judged if judged else 0.0
    said = [
        tr(
            "About {comparisons} more comparisons on {prompts} more prompts might tell the first two apart.",
            comparisons=numeral(settle.comparisons),
            prompts=numeral(settle.prompts),
        )
        if settle.prompts
        else tr(
            "About {comparisons} more comparisons might tell the first two apart.",
            comparisons=numeral(settle.comparisons),
        )
    ]
    if price:
        said.append(tr("At what the judge has cost so far, that is {amount}.", amount=usd(price)))
    return head, " ".join(said)
