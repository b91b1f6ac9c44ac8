"""The user's own prices: ``prices.json`` in the workspace, laid over the list that ships."""

from __future__ import annotations

from typing import Any, Final

from engine.files import read_json, write_json
from engine.inference.pricing import PriceError, PriceList
from engine.workspace import Workspace

_FILE: Final = "prices.json"


def list_prices(workspace: Workspace) -> dict[str, Any]:
    """Every price, with where the shipped ones are from.

    Returns:
        ``source`` and ``date`` of the shipped list, and ``models``: each ``model``, ``input`` and ``output`` in USD
        per million tokens, and whether it is the user's ``own``.

    Raises:
        PriceError: The user's prices cannot be read.
    """
    own, shipped = _own(workspace), PriceList()
    every = PriceList(own).by_name()
    models = [
        {"model": name, "input": price.input, "output": price.output, "own": name in own}
        for name, price in sorted(every.items(), key=lambda item: (item[0] not in own, item[0]))
    ]
    return {"source": shipped.source, "date": shipped.date, "models": models}


def set_price(workspace: Workspace, model: str, input_usd: float, output_usd: float) -> None:
    """Set what a model costs, in USD per million tokens; ``endpoint:model`` holds for that endpoint only.

    Raises:
        PriceError: These are no prices, or the user's prices cannot be read.
    """
    model = model.strip()
    if not model or any(letter.isspace() for letter in model):
        raise PriceError(
            "price.no_model",
            "'{model}' names no model.",
            fix="Write the name as the endpoint has it, for example gpt-4o or lab:my-model.",
            model=model,
        )
    with workspace.files_lock:
        own = _own(workspace)
        own[model] = {**own.get(model, {}), "input": input_usd, "output": output_usd}
        PriceList(own)
        write_json(workspace.root / _FILE, own)


def forget_price(workspace: Workspace, model: str) -> bool:
    """Go back to the shipped price of a model, or to none; tells whether there was one of the user's.

    Raises:
        PriceError: The user's prices cannot be read.
    """
    with workspace.files_lock:
        own = _own(workspace)
        if model not in own:
            return False
        del own[model]
        write_json(workspace.root / _FILE, own)
    return True


def _own(workspace: Workspace) -> dict[str, Any]:
    file = workspace.root / _FILE
    if not file.exists():
        return {}
    PriceList.with_file(file)  # says what is wrong with it
    own: dict[str, Any] = read_json(file)
    return own
