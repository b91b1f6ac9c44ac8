"""Whom a study can ask over the network, and what it would cost. Knows no Qt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from desktop.language import tr
from desktop.problem import Problem, problem_of
from desktop.words import told as in_words
from engine.errors import BakeoffError
from engine.workspace import Workspace

if TYPE_CHECKING:
    from engine.studies.spec import Study, StudySpec

REFERENCE: Final = "reference"
_LOCAL: Final = "local:"
#: In addresses of servers on this machine, which may do without a key.
_HERE: Final = ("//127.0.0.1", "//localhost", "//[::1]")


@dataclass(frozen=True)
class Offers:
    """Whom the workspace knows.

    Attributes:
        models: Behind endpoints, as ``ENDPOINT:MODEL``; where no model of an endpoint is known, its name and a colon.
        judges: Who can judge, the judge that costs nothing first.
        keyless: Endpoints without a key.
    """

    models: tuple[str, ...] = ()
    judges: tuple[str, ...] = (REFERENCE,)
    keyless: tuple[str, ...] = ()


@dataclass(frozen=True)
class Cost:
    """What the calls of a study are expected to cost.

    Attributes:
        lines: What costs something, and how much in USD.
        paid: Models that are asked over the network, whether they cost something or not.
        notes: What else its plan says.
        problem: Why it cannot be started like this.
    """

    lines: tuple[tuple[str, float], ...] = ()
    usd: float = 0.0
    paid: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    problem: Problem | None = None


NOBODY: Final = Offers()
NOTHING: Final = Cost()


def offers(workspace: Workspace) -> Offers:
    """Whom the workspace knows. Slow: it looks into the keyring."""
    from sqlalchemy import select

    from engine.inference.access import OPENAI, prices
    from engine.inference.endpoints import list_endpoints
    from engine.workspace.tables import Model

    names = list(prices(workspace).by_name())
    found: list[str] = []
    keyless = []
    for endpoint in list_endpoints(workspace):
        name = str(endpoint["name"])
        here = any(host in str(endpoint["base_url"]) for host in _HERE)
        if endpoint["key"] is None and not here:
            keyless.append(name)
            continue
        own = [one for one in names if one.startswith(f"{name}:")]
        if name == OPENAI:
            own += [f"{name}:{one}" for one in names if ":" not in one]
        found += dict.fromkeys(own or [f"{name}:"])
    with workspace.catalogue.reading() as session:
        models = session.scalars(select(Model.name).order_by(Model.created_at, Model.name)).all()
    judges = (REFERENCE, *found, *(f"{_LOCAL}{name}" for name in models))
    return Offers(tuple(found), judges, tuple(keyless))


def cost_of(workspace: Workspace, make: Callable[[], StudySpec]) -> Cost:
    """What a study would cost, and what stands against starting it.

    Args:
        workspace: Where it would run.
        make: Makes the study.
    """
    from engine.studies.plan import plan_study
    from engine.studies.starting import require_startable

    try:
        spec = make()
    except BakeoffError as error:
        return Cost(problem=told(error))
    study = spec.study
    plan = plan_study(study, workspace)
    lines = tuple((in_words(job.title), job.usd) for job in plan.jobs if job.usd)
    problem = None
    try:
        require_startable(spec, workspace)
    except BakeoffError as error:
        problem = told(error)
    notes = tuple(note for note in plan.notes if problem is None or note != problem.message)
    return Cost(lines, plan.usd, paid_names(study), notes, problem)


def paid_names(study: Study) -> tuple[str, ...]:
    """Models behind endpoints that a study asks."""
    from engine.studies.paid import paid_models

    return tuple(f"{endpoint}:{model}" for endpoint, model in paid_models(study))


def told(error: BakeoffError) -> Problem:
    """A failure in words that fit a form with a field for the ceiling."""
    if error.code == "budget.missing":
        return Problem(
            tr("A budget is needed"),
            tr("This costs money, and no ceiling is given."),
            tr("Say how much may be spent at most."),
            error.code,
        )
    if error.code == "price.unknown":
        return Problem(
            tr("The price is unknown"),
            problem_of(error).message,
            tr("Set its price under Settings, Endpoints and prices."),
            error.code,
        )
    if error.code == "secret.missing":
        return Problem(
            tr("The key is missing"),
            problem_of(error).message,
            tr("Store it under Settings, Endpoints and prices."),
            error.code,
        )
    if error.code == "study.no_model":
        problem = problem_of(error)
        return replace(
            problem, fix=tr("Name a base of the study, or add the model on the Models page first.")
        )
    return problem_of(error)
