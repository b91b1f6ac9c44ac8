"""Ranking: verdicts on pairs become ratings with honest intervals, and a chart of them."""

from engine.ranking.chart import draw_chart
from engine.ranking.errors import RankingError, VerdictFileError
from engine.ranking.head_to_head import HeadToHead, head_to_head
from engine.ranking.ranker import rank
from engine.ranking.reading import read_verdicts
from engine.ranking.result import Ranking, Settle, Standing, Table, elo
from engine.ranking.verdicts import Verdict, VerdictTable

__all__ = [
    "HeadToHead",
    "Ranking",
    "RankingError",
    "Settle",
    "Standing",
    "Table",
    "Verdict",
    "VerdictFileError",
    "VerdictTable",
    "draw_chart",
    "elo",
    "head_to_head",
    "rank",
    "read_verdicts",
]
