"""``bakeoff settings`` and ``bakeoff price``: what can be set for a workspace, and what models cost."""

from __future__ import annotations

import argparse
from typing import Any

from engine.cli.session import Session, table

Result = tuple[Any, str]


def register(commands: Any, everywhere: argparse.ArgumentParser) -> None:
    """Add the commands."""
    group = commands.add_parser("settings", help="what can be set for a workspace", parents=[everywhere])
    actions = group.add_subparsers(metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="all settings", parents=[everywhere])
    listing.set_defaults(run=_list)
    setting = actions.add_parser("set", help="change one", parents=[everywhere])
    setting.add_argument("name", metavar="NAME")
    setting.add_argument("value", metavar="VALUE")
    setting.set_defaults(run=_set)
    reset = actions.add_parser("reset", help="let one be as it comes", parents=[everywhere])
    reset.add_argument("name", metavar="NAME")
    reset.set_defaults(run=_reset)

    group = commands.add_parser("price", help="what models cost, in USD", parents=[everywhere])
    actions = group.add_subparsers(metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="all prices", parents=[everywhere])
    listing.set_defaults(run=_prices)
    price = actions.add_parser("set", help="set what a model costs", parents=[everywhere])
    price.add_argument("model", metavar="MODEL", help="a model, or ENDPOINT:MODEL for one endpoint only")
    price.add_argument("input", type=float, metavar="INPUT", help="USD per million tokens of prompts")
    price.add_argument("output", type=float, metavar="OUTPUT", help="USD per million tokens of answers")
    price.set_defaults(run=_set_price)
    remove = actions.add_parser("remove", help="go back to the price that ships", parents=[everywhere])
    remove.add_argument("model", metavar="MODEL")
    remove.set_defaults(run=_remove_price)


def _list(_options: argparse.Namespace, session: Session) -> Result:
    from engine.workspace.settings import Settings, settings_of

    values = settings_of(session.workspace).model_dump()
    documents = [
        {"name": name, "value": values[name], "default": field.default, "about": field.description}
        for name, field in Settings.model_fields.items()
    ]
    cells = [[str(one["name"]), _text(one["value"]), str(one["about"])] for one in documents]
    return documents, table(["name", "value", "about"], cells)


def _set(options: argparse.Namespace, session: Session) -> Result:
    from engine.workspace.settings import change, checked

    value = checked(options.name, options.value)
    if options.name == "quantisation":
        from engine.exporting.quantisations import quantisation

        quantisation(value)
    change(session.workspace, options.name, value)
    return _setting(options.name, session)


def _reset(options: argparse.Namespace, session: Session) -> Result:
    from engine.workspace.settings import reset

    reset(session.workspace, options.name)
    return _setting(options.name, session)


def _setting(name: str, session: Session) -> Result:
    from engine.workspace.settings import settings_of

    value = getattr(settings_of(session.workspace), name)
    return {"name": name, "value": value}, f"{name} is {_text(value)}."


def _text(value: Any) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value) or "-"


def _prices(_options: argparse.Namespace, session: Session) -> Result:
    from engine.inference.own_prices import list_prices

    document = list_prices(session.workspace)
    cells = [
        [one["model"], f"{one['input']:g}", f"{one['output']:g}", "own" if one["own"] else ""]
        for one in document["models"]
    ]
    text = table(["model", "input", "output", ""], cells)
    return document, f"{text}\n\n{document['source']}, {document['date']}; USD per million tokens."


def _set_price(options: argparse.Namespace, session: Session) -> Result:
    from engine.inference.own_prices import set_price

    set_price(session.workspace, options.model, options.input, options.output)
    document = {"model": options.model, "input": options.input, "output": options.output}
    return document, f"{options.model} costs {options.input:g} and {options.output:g} USD per million tokens."


def _remove_price(options: argparse.Namespace, session: Session) -> Result:
    from engine.inference.own_prices import forget_price

    removed = forget_price(session.workspace, options.model)
    text = (
        f"{options.model} has the price that ships." if removed else f"{options.model} had no price of yours."
    )
    return {"model": options.model, "removed": removed}, text
