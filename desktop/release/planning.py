"""What is typed about a release, and what it would hold. Knows no Qt."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from desktop import words
from desktop.language import tr
from desktop.problem import Problem
from desktop.release.faults import told
from engine.errors import BakeoffError
from engine.workspace import Workspace

if TYPE_CHECKING:
    from engine.studies.release.spec import ReleaseSpec
    from engine.studies.release.starting import Afterwards

#: Quantisations that are offered by a tick; others are typed.
USUAL: Final = ("q4_k_m", "q5_k_m", "q6_k", "q8_0", "f16")
#: Programs that can get to know a release, and what they are called.
PROGRAMS: Final = (("ollama", "Ollama"), ("lmstudio", "LM Studio"))


@dataclass(frozen=True)
class Draft:
    """What is typed in the dialog.

    Attributes:
        others: Further quantisations, separated by commas.
        study: Whose ranking is shown; empty: the newest that ranked the model. ``judge`` likewise.
        dataset: On whose test prompts quantisations are compared; empty: what the model was trained on.
        threads: 0 for one per core.
        folder: Where it goes.
        install: Programs that get to know it.
        push: Whether it is pushed to ``repository``.
    """

    model: str
    quantisations: tuple[str, ...] = ("q4_k_m",)
    others: str = ""
    safetensors: bool = True
    drift: bool = True
    study: str = ""
    judge: str = ""
    dataset: str = ""
    threads: int = 0
    folder: str = ""
    default_base: bool = False
    install: tuple[str, ...] = ()
    push: bool = False
    repository: str = ""
    public: bool = False

    def spec(self, workspace: Workspace) -> ReleaseSpec:
        """What is to be released.

        Raises:
            BakeoffError: A quantisation is none, or there is no folder.
        """
        from engine.studies.release.spec import ReleaseSpec
        from engine.studies.release.starting import quantisations_of

        if not self.folder.strip():
            raise BakeoffError("usage.no_folder", "No folder is named.", fix="Say where the release goes.")
        return ReleaseSpec(
            model=self.model,
            out=str(Path(self.folder.strip()).expanduser().absolute()),
            quantisations=quantisations_of(workspace, [*self.quantisations, *self.others.split(",")]),
            safetensors=self.safetensors,
            drift=self.drift,
            study=self.study or None,
            judge=self.judge.strip() or None,
            dataset=self.dataset or None,
            threads=self.threads or None,
        )

    def afterwards(self) -> Afterwards:
        """What becomes of it.

        Raises:
            BakeoffError: It is to be pushed, and nobody says where to.
        """
        from engine.studies.release.starting import Afterwards

        if not self.push:
            return Afterwards(self.install, self.default_base)
        if not self.repository.strip():
            raise BakeoffError(
                "usage.no_repository", "No repository is named.", fix="Write it as USER/NAME, or do not push."
            )
        return Afterwards(self.install, self.default_base, self.repository.strip(), self.public)


@dataclass(frozen=True)
class Options:
    """What can be chosen for a model.

    Attributes:
        kind: Of the model.
        can_be_default: Whether it can be what is trained where no base is named.
        missing: Programs that are not here, and why.
        studies: That have a result.
        datasets: That can be looked at.
        token: Where the Hub's token comes from; empty: there is none.
    """

    kind: str = ""
    can_be_default: bool = False
    missing: tuple[tuple[str, str], ...] = ()
    studies: tuple[str, ...] = ()
    datasets: tuple[str, ...] = ()
    token: str = ""


@dataclass(frozen=True)
class Contents:
    """What a release would hold.

    Attributes:
        parts: Files or folders with their bytes; 0 for small ones.
        free: Bytes that are free where it goes; None where there is no such place.
        ranking: Whose ranking the card shows, in a sentence.
        drift: Whether quantisations are compared, in a sentence.
        follows: What its licences ask for, a sentence each.
        conflicts: What of them cannot be met, or is not known.
        card: In Markdown.
        made: Whether just this release lies in the folder already.
        problem: Why it cannot be made like this.
    """

    parts: tuple[tuple[str, int], ...] = ()
    free: int | None = None
    ranking: str = ""
    drift: str = ""
    follows: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    card: str = ""
    made: bool = False
    problem: Problem | None = None

    @property
    def bytes(self) -> int:
        """All together."""
        return sum(size for _, size in self.parts)


@dataclass(frozen=True)
class Kept:
    """What was looked up before, for as long as it holds."""

    options: list[Options] = field(default_factory=list)
    previews: dict[Any, dict[str, Any]] = field(default_factory=dict)


def read_options(workspace: Workspace, model: str) -> Options:
    """What can be chosen. Slow: it looks for programs and into the keyring."""
    from sqlalchemy import select

    from engine.models.library import find_model, require_default_base
    from engine.studies.pushing.token import require_token
    from engine.studies.release.installing import PROGRAMS as REQUIRE
    from engine.workspace.tables import Dataset, Study

    files = find_model(workspace, model)
    with workspace.catalogue.reading() as session:
        rows = session.scalars(select(Study).order_by(Study.created_at.desc())).all()
        studies = tuple(row.name for row in rows if row.result)
        datasets = tuple(
            session.scalars(
                select(Dataset.name)
                .where(~Dataset.sealed | Dataset.opened_at.is_not(None))
                .order_by(Dataset.name)
            )
        )
    missing = []
    for program, _ in PROGRAMS:
        why = _refusal(REQUIRE[program][0])
        if why is not None:
            missing.append((program, why.message))
    token = ""
    with suppress(BakeoffError):
        token = require_token().source
    return Options(
        files.kind,
        _refusal(lambda: require_default_base(files)) is None,
        tuple(missing),
        studies,
        datasets,
        token,
    )


def read_contents(workspace: Workspace, draft: Draft, previews: dict[Any, dict[str, Any]]) -> Contents:
    """What the release would hold, and what stands against it.

    Args:
        workspace: Of the model.
        draft: What is typed.
        previews: Kept from one reading to the next.
    """
    from engine.models.library import find_model
    from engine.studies.release.preview import preview
    from engine.studies.release.starting import made_already, require_releasable

    try:
        spec = draft.spec(workspace)
        files = find_model(workspace, spec.model)
        key = spec.model_dump_json(exclude={"out", "threads"})
        if key not in previews:
            previews.clear()
            previews[key] = preview(workspace, spec, files)
    except BakeoffError as error:
        return Contents(problem=told(error))
    found = previews[key]
    made, problem = False, None
    try:
        afterwards = draft.afterwards()
        require_releasable(workspace, spec, afterwards)
        made = made_already(spec, files, afterwards) is not None
    except BakeoffError as error:
        problem = told(error)
    return Contents(
        parts=tuple((_part_words(part), int(part["bytes"])) for part in found["parts"]),
        free=_free(Path(spec.out)),
        ranking=_ranking_words(found),
        drift=_drift_words(found["drift"]),
        follows=tuple(map(words.told, found["licence"]["follows"])),
        conflicts=tuple(map(words.told, found["licence"]["conflicts"])),
        card=found["card"],
        made=made,
        problem=problem,
    )


def _refusal(require: Callable[[], Any]) -> BakeoffError | None:
    try:
        require()
    except BakeoffError as error:
        return error
    return None


def _free(out: Path) -> int | None:
    try:
        return shutil.disk_usage(out.parent).free
    except OSError:
        return None


def _ranking_words(found: dict[str, Any]) -> str:
    if not found["ranked"]:
        return tr("The model was not ranked, and the card will say so.")
    if found["study"]:
        return tr(
            "The card shows the ranking of the study {study}, judged by {judge}.",
            study=found["study"],
            judge=found["judge"],
        )
    return tr("The card shows the ranking of recorded verdicts, judged by {judge}.", judge=found["judge"])


def _drift_words(drift: dict[str, Any]) -> str:
    """Whether it is measured what quantising costs."""
    from engine.studies.release.compared import NO_GGUF, NOT_ASKED, NOT_QUANTISED, UNKNOWN_TASK

    if "pending" in drift:
        return tr(
            "What quantising costs is measured on test prompts of {dataset}, against 16 bits.",
            dataset=drift["pending"],
        )
    why = str(drift["left_out"])
    known = {
        NO_GGUF: tr("There is no GGUF file, so that there is nothing to compare."),
        NOT_ASKED: tr("What quantising costs is not measured, and the card says so."),
        NOT_QUANTISED: tr("No file is quantised, so that there is nothing to compare."),
        UNKNOWN_TASK: tr(
            "What quantising costs is not measured: choose a dataset whose test prompts it can answer."
        ),
    }
    return known.get(why) or tr("What quantising costs is not measured: {reason}.", reason=why)


def _part_words(part: dict[str, Any]) -> str:
    """What a part of a release is called."""
    from engine.studies.release.preview import first_weights

    if part["kind"] == "safetensors":
        return tr("{file}, config and tokenizer", file=first_weights(part["files"]))
    return str(part["name"])
