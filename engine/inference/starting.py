"""What must be right before contestants answer, and what that will cost: told before anything is sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.datasets.library import open_dataset
from engine.errors import Words
from engine.inference.access import address, prices
from engine.inference.contestants import Participant, contestant, local_file, parse
from engine.inference.outputs import read_outputs
from engine.inference.paid import require_budget
from engine.inference.pricing import Forecast, forecast
from engine.inference.questions import Questions, messages_of
from engine.inference.spec import GenerateSpec
from engine.jobs.kinds import Lane
from engine.progress import SilentReporter
from engine.workspace import Workspace
from engine.workspace.adoption import NewContestant


@dataclass(frozen=True)
class AnsweringStart:
    """How the job of answering is asked for (see `engine.jobs.client.JobClient.submit`).

    Attributes:
        exports: Models and quantisations of GGUF files that answer and are still to be made, by jobs before it.
    """

    title: str
    lane: Lane | None
    own_runner: bool
    exports: tuple[tuple[str, str], ...]


def require_answerable(workspace: Workspace, spec: GenerateSpec) -> AnsweringStart:
    """Refuse a request that could not be fulfilled.

    Raises:
        BakeoffError: The dataset or a contestant is not known, the dataset is sealed, a price or a budget is missing.
    """
    open_dataset(workspace, spec.dataset, "generate")
    participants = [parse(workspace, name) for name in spec.models]
    paid = [participant for participant in participants if participant.form == "api"]
    require_budget(
        workspace, [(item.endpoint, item.api_model) for item in paid], spec.budget_usd, prices(workspace)
    )
    exports = []
    for participant in participants:
        if participant.files is not None and participant.quantisation:
            wanted = participant.files.name, participant.quantisation
            if local_file(workspace, "@".join(wanted))[2] is None and wanted not in exports:
                exports.append(wanted)
    lane: Lane | None = "network" if paid and len(paid) == len(participants) else None
    return AnsweringStart(
        Words("Answers to {dataset}", dataset=spec.dataset), lane, bool(paid), tuple(exports)
    )


def paid_contestant(
    workspace: Workspace, participant: Participant, dataset_id: str, longest: int, stop: Sequence[str] = ()
) -> NewContestant:
    """The contestant that an endpoint's model is on a dataset.

    Args:
        longest: Tokens that an answer may have.
        stop: Texts that end one.
    """
    url, _ = address(workspace, participant.endpoint)
    identity = {
        "endpoint": url,
        "model": participant.api_model,
        "max_tokens": longest,
        "temperature": 0.0,
    }
    if stop:
        identity["stop"] = list(stop)
    return contestant(participant, dataset_id, identity)


def forecast_answers(workspace: Workspace, spec: GenerateSpec) -> Forecast:
    """What the paid answers that are still missing will cost. Needs no key, sends nothing.

    Raises:
        BakeoffError: The dataset or a contestant is not known, or a model has no price.
    """
    reporter = SilentReporter()
    questions = Questions(spec, open_dataset(workspace, spec.dataset, "generate"), reporter)
    known_prices = prices(workspace)
    found = []
    for participant in (parse(workspace, name, spec.entrants) for name in dict.fromkeys(spec.models)):
        if participant.form == "api":
            longest = questions.longest_paid_answer()
            who = paid_contestant(workspace, participant, questions.dataset.id, longest, spec.stop)
            missing = questions.unanswered(participant, read_outputs(workspace, who.id))
            price = known_prices.require(participant.api_model, participant.endpoint)
            found.append(forecast(map(messages_of, missing), price, max_tokens=longest))
    return Forecast(
        sum(one.calls for one in found),
        sum(one.expected_usd for one in found),
        sum(one.most_usd for one in found),
        " ".join(one.explanation for one in found if one.calls),
    )
