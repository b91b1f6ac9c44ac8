"""Before money is spent: a budget must be given, and a price must be known."""

from __future__ import annotations

from collections.abc import Sequence

from engine.errors import BakeoffError
from engine.inference.access import address
from engine.inference.access import prices as known_prices
from engine.inference.pricing import PriceList
from engine.workspace import Workspace


class UnpaidError(BakeoffError):
    """Something that costs money was asked for without saying how much may be spent."""

    title = "A budget is needed"


def require_budget(
    workspace: Workspace,
    models: Sequence[tuple[str, str]],
    budget_usd: float | None,
    prices: PriceList | None = None,
) -> None:
    """Refuse paid models without a price or a ceiling.

    Args:
        workspace: Where the endpoints are.
        models: ``(endpoint, model)`` pairs that are to be called.
        budget_usd: The ceiling that was given.
        prices: Known prices.

    Raises:
        PriceError: A model has no known price.
        UnpaidError: No ceiling was given for models that cost something.
    """
    found = prices or known_prices(workspace)
    for endpoint, model in models:
        address(workspace, endpoint)
        price = found.require(model, endpoint)
        if budget_usd is None and price.cost(1_000_000, 1_000_000) > 0:
            raise UnpaidError(
                "budget.missing",
                "{model} costs money, and no budget is given.",
                fix="Say how much may be spent at most, with --budget-usd X (or budget_usd in a study's file).",
                model=f"{endpoint}:{model}",
            )
