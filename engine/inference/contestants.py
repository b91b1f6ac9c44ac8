"""Who answers: from the words of the command line to a contestant with an identity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import select

from engine.errors import BakeoffError, Words
from engine.files import sha256_json
from engine.models.library import ExportedFile, ModelFiles, find_export, find_model
from engine.workspace import Workspace
from engine.workspace.adoption import NewContestant
from engine.workspace.tables import Contestant, Endpoint, Export, Model

#: The name under which a dataset's own answers are known.
DATASET = "dataset"
_UNTUNED = "untuned:"
_FEW_SHOT = "fewshot:"
#: Solved examples that a few-shot contestant is shown.
_SHOTS = 3
#: Stands between a model's name and the quantisation of the GGUF file that answers.
_QUANTISED = "@"


class ContestantError(BakeoffError):
    """Words that name no contestant, or one that has not answered."""

    title = "This contestant is not known"


@dataclass(frozen=True)
class Participant:
    """A contestant before it is known how it will compute.

    Attributes:
        name: As written by the user.
        entrant: What it stands for in a ranking: its base, or itself.
        files: The model, for local ones.
        endpoint: The endpoint's name, for ``api``.
        api_model: The model's name there.
        shots: Solved train examples that it is shown before each prompt.
        quantisation: Of the GGUF file that answers; empty where the weights themselves do.
    """

    name: str
    entrant: str
    form: Literal["model", "api", "dataset"]
    files: ModelFiles | None = None
    endpoint: str = ""
    api_model: str = ""
    shots: int = 0
    quantisation: str = ""


def parse(workspace: Workspace, text: str, entrants: dict[str, str] | None = None) -> Participant:
    """Tell what ``text`` names.

    That is ``dataset``, ``untuned:BASE``, ``fewshot:BASE`` (untuned, shown three solved examples), a model, or
    ``ENDPOINT:MODEL``. Of a model's GGUF file speak ``MODEL@QUANTISATION``, ``untuned:BASE@QUANTISATION`` and so on.

    Raises:
        ContestantError: The part before the colon is no endpoint.
        NameUnknownError: There is no such model.
    """
    entrant = (entrants or {}).get(text)
    if text == DATASET:
        return Participant(text, entrant or DATASET, "dataset")
    for prefix, shots in ((_UNTUNED, 0), (_FEW_SHOT, _SHOTS)):
        if text.startswith(prefix):
            files, quantisation = _model(workspace, text.removeprefix(prefix))
            return Participant(text, entrant or text, "model", files, shots=shots, quantisation=quantisation)
    known = _is_model(workspace, text) or _is_model(workspace, text.rpartition(_QUANTISED)[0])
    if not known and ":" in text:
        endpoint, _, model = text.partition(":")
        if not model or not _is_endpoint(workspace, endpoint):
            raise ContestantError(
                "contestant.unknown_endpoint",
                "'{name}' names no contestant: there is no endpoint '{endpoint}'.",
                fix="Add it with: bakeoff endpoint add {endpoint} --base-url URL",
                name=text,
                endpoint=endpoint,
            )
        return Participant(text, entrant or text, "api", endpoint=endpoint, api_model=model)
    files, quantisation = _model(workspace, text)
    default = files.base_name if files.kind == "adapter" else f"{_UNTUNED}{files.name}"
    if quantisation:
        default += f"{_QUANTISED}{quantisation}"
    return Participant(text, entrant or default, "model", files, quantisation=quantisation)


def local_file(workspace: Workspace, text: str) -> tuple[ModelFiles, str, ExportedFile | None]:
    """The model that ``text``, ``MODEL`` or ``MODEL@QUANTISATION``, names, and the GGUF file that speaks for it.

    Returns:
        The model, the quantisation asked for (empty: any), and the newest such file, if there is one.

    Raises:
        NameUnknownError: There is no such model.
    """
    files, quantisation = _model(workspace, text)
    return files, quantisation, find_export(workspace, files, quantisation or None)


def recorded_file(workspace: Workspace, text: str, sha256: str) -> tuple[ModelFiles, ExportedFile] | None:
    """The model that ``text`` names (see `local_file`), and its GGUF file with a given hash, where it is still there.

    Raises:
        NameUnknownError: There is no such model.
    """
    files, _ = _model(workspace, text)
    query = select(Export).where(Export.model_id == files.id, Export.sha256 == sha256)
    with workspace.catalogue.reading() as session:
        for row in session.scalars(query.order_by(Export.created_at.desc())):
            at_its_place = select(Export.sha256).where(Export.file == row.file)
            newest = session.scalars(at_its_place.order_by(Export.created_at.desc())).first()
            file = workspace.absolute(row.file)
            if newest == sha256 and file.is_file() and file.stat().st_size == row.info.get("bytes"):
                return files, ExportedFile(file, row.quantisation, row.sha256, row.info)
    return None


def speaker(workspace: Workspace, text: str) -> tuple[str, str] | None:
    """Endpoint and model that ``text`` names; None where it names a model of the workspace.

    Raises:
        ContestantError: It is neither, or a dataset's answers or an untuned base, which nobody talks with.
    """
    participant = parse(workspace, text)
    if participant.form == "api":
        return participant.endpoint, participant.api_model
    if participant.form == "dataset" or participant.shots or text.startswith(_UNTUNED):
        raise ContestantError(
            "contestant.no_speaker",
            "'{name}' is no model to talk with.",
            fix="Name a model of the workspace, MODEL@QUANTISATION or ENDPOINT:MODEL.",
            name=text,
        )
    return None


def contestant(
    participant: Participant, dataset_id: str, identity: dict[str, Any], made_of: str = ""
) -> NewContestant:
    """The contestant of ``participant`` on one dataset; its id is the hash of ``identity``.

    Args:
        made_of: Of what a GGUF file that answers was made (see `ModelFiles.identity`): it says whose answers they
            are when the file is gone. The file's own hash in ``identity`` tells it from all others.
    """
    return NewContestant(
        id=sha256_json({"dataset": dataset_id, "name": participant.name, **identity})[:32],
        name=participant.name,
        entrant=participant.entrant,
        dataset_id=dataset_id,
        identity={**identity, "made_of": made_of} if made_of else identity,
    )


def latest(workspace: Workspace, dataset_id: str, name: str) -> Contestant:
    """The contestant called ``name`` that answered last on a dataset.

    Raises:
        ContestantError: It has not answered there.
    """
    with workspace.catalogue.reading() as session:
        row = session.scalars(
            select(Contestant)
            .where(Contestant.dataset_id == dataset_id, Contestant.name == name)
            .order_by(Contestant.created_at.desc())
        ).first()
        if row is None:
            known = sorted(
                set(session.scalars(select(Contestant.name).where(Contestant.dataset_id == dataset_id)))
            )
            raise ContestantError(
                "contestant.no_answers",
                "'{name}' has not answered this dataset yet.",
                fix="Let it answer first, with: bakeoff generate --model {name} --dataset DATASET. Known: {known}.",
                name=name,
                known=", ".join(known) or Words("nobody yet"),
            )
        return row


def _model(workspace: Workspace, text: str) -> tuple[ModelFiles, str]:
    """The model that ``text`` names, and the quantisation, if it asks for a GGUF file."""
    name, found, quantisation = text.rpartition(_QUANTISED)
    if not found or _is_model(workspace, text):
        return find_model(workspace, text), ""
    return find_model(workspace, name), quantisation.lower()


def _is_model(workspace: Workspace, name: str) -> bool:
    with workspace.catalogue.reading() as session:
        return session.scalar(select(Model.id).where(Model.name == name)) is not None


def _is_endpoint(workspace: Workspace, name: str) -> bool:
    if name == "openai":
        return True
    with workspace.catalogue.reading() as session:
        return session.get(Endpoint, name) is not None
