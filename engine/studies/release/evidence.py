"""What is known of how good a model is: a study's ranking, or recorded verdicts; nothing, where there is neither."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError
from sqlalchemy import func, select

from engine.errors import Words
from engine.judging.recorded import recorded_verdicts, verdicts_usd
from engine.models.library import ModelFiles
from engine.progress import Reporter
from engine.ranking import Ranking, draw_chart, rank
from engine.ranking.chart import Kind
from engine.studies.release.errors import ReleaseError
from engine.studies.report import ranking_of
from engine.studies.report_words import clean
from engine.studies.result import AnswerFigures, StudyResult, TaskResult
from engine.workspace import Workspace
from engine.workspace.naming import study_named
from engine.workspace.tables import Contestant, Dataset, Export, Study, Verdict

#: Pictures of the ranking in a release.
CHARTS: Final = ("ranking.svg", "ranking.png")


@dataclass(frozen=True)
class Evidence:
    """A ranking in which the model takes part.

    Attributes:
        source: ``study`` or ``verdicts``.
        study: Its name; empty for verdicts.
        judge: Who judged.
        cost_usd: What the study's calls, or the verdicts, have cost.
        names: Under which the model, or what was fine-tuned from it, stands in the tables.
        ranking: As ``bakeoff rank --json`` tells it.
        drawn: The same, to be drawn.
        metrics: Mean metric of the model's answers per task, with the task's floors.
        sealed: The validation on the sealed task, if there was one.
        still_sealed: The sealed task that nobody has opened yet; empty: there is none.
        conclusions: What the study concluded, and its cautions.
    """

    source: str
    study: str
    judge: str
    cost_usd: float
    names: tuple[str, ...]
    ranking: dict[str, Any]
    drawn: Ranking
    kinds: dict[str, Kind]
    plain: str | None = None
    metrics: tuple[dict[str, Any], ...] = ()
    sealed: dict[str, Any] | None = None
    still_sealed: str = ""
    conclusions: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "source": self.source,
            "study": self.study or None,
            "judge": self.judge,
            "cost_usd": self.cost_usd,
            "names": list(self.names),
            "ranking": self.ranking,
            "metrics": list(self.metrics),
            "sealed_task": self.sealed,
            "still_sealed": self.still_sealed or None,
            "conclusions": list(self.conclusions),
        }

    def draw(self, folder: Path) -> list[str]:
        """Draw the ranking into ``ranking.svg`` and ``ranking.png``; returns the names."""
        import warnings

        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Glyph .* missing from font")
            for name in CHARTS:
                draw_chart(self.drawn, folder / name, reference=self.plain, kinds=self.kinds)
        return list(CHARTS)


def find_evidence(
    workspace: Workspace,
    files: ModelFiles,
    reporter: Reporter,
    *,
    study: str | None = None,
    judge: str | None = None,
) -> Evidence | None:
    """The ranking to show for a model; None where it was never ranked.

    Contestants are told by the hash of the weights that answered, so that a ranking of another model under the
    same name is not taken for one of this.

    Args:
        workspace: Where it was judged.
        files: The model.
        reporter: Hears which was chosen.
        study: Only this study's will do.
        judge: Only this judge's verdicts will do.

    Raises:
        ReleaseError: The named study has no result yet, or did not rank these weights.
        NameUnknownError: There is no such study.
    """
    contestants = _contestants(workspace, files)
    if study is not None:
        with workspace.catalogue.reading() as session:
            row = study_named(session, study)
        found = _of_study(row, contestants)
        if found is None:
            raise ReleaseError(
                "release.not_in_study",
                "The study '{study}' has no ranking in which these weights of '{model}' took part.",
                fix="Name another study, or leave --study out.",
                study=study,
                model=files.name,
            )
        return found
    with workspace.catalogue.reading() as session:
        studies = session.scalars(select(Study).order_by(Study.created_at.desc())).all()
    for row in studies if judge is None else ():
        found = _of_study(row, contestants)
        if found is not None:
            reporter.decision(
                "ranking", Words("the study {name}", name=row.name), "the newest study that ranked the model"
            )
            return found
    return _of_verdicts(workspace, contestants, reporter, judge)


def _contestants(workspace: Workspace, files: ModelFiles) -> list[Contestant]:
    """Contestants that answered with the model's weights, or with those of a fine-tune of it."""
    own = str(files.identity)

    def ours(weights: str) -> bool:
        return weights == own or (files.kind != "adapter" and weights.startswith(f"{own}+"))

    with workspace.catalogue.reading() as session:
        rows = session.scalars(select(Contestant)).all()
        exports = {row.sha256 for row in session.scalars(select(Export)) if ours(row.made_of)}
    found = []
    for row in rows:
        weights = str(row.identity.get("weights") or "")
        # A study lets go of its GGUF files once they have answered; what they were made of is remembered.
        if ours(weights) or weights in exports or ours(str(row.identity.get("made_of") or "")):
            found.append(row)
    return found


def _of_study(row: Study, contestants: Sequence[Contestant]) -> Evidence | None:
    try:
        result = StudyResult.model_validate(row.result)
    except ValidationError:  # it has none yet
        return None
    ours = {(one.name, str(one.identity.get("weights") or "")) for one in contestants}

    def among(tasks: Sequence[TaskResult]) -> list[tuple[TaskResult, AnswerFigures]]:
        return [
            (task, one) for task in tasks for one in task.figures if (one.contestant, one.weights) in ours
        ]

    figures = among(result.tasks)
    if not figures and result.validation is not None:
        figures = among([result.validation.task])  # tuned for the sealed task alone
    if not figures:
        return None
    names = dict.fromkeys(name for _, one in figures for name in (one.entrant, one.contestant))
    kinds: dict[str, Kind] = {
        clean(one.name): {"base": "tuned", "merge": "merge", "reference": "reference"}[one.kind]  # type: ignore[misc]
        for one in result.entrants
    }
    plain = clean(result.plain)
    sealed = result.validation
    return Evidence(
        source="study",
        study=result.study,
        judge=result.judge,
        cost_usd=result.cost_usd,
        names=tuple(names),
        ranking=result.ranking,
        drawn=ranking_of(result.ranking, result.groups),
        kinds={**kinds, plain: "tuned"},
        plain=plain,
        metrics=tuple(
            {
                "dataset": task.dataset,
                "contestant": one.contestant,
                "metric": task.metric_title,
                "value": one.metric,
                "prompts": one.prompts,
                "untuned": task.untuned,
                "few_shot": task.few_shot,
                "most_frequent_answer": task.floor,
            }
            for task, one in figures
        ),
        sealed=sealed.model_dump(exclude={"ranking", "task"}) if sealed is not None else None,
        still_sealed=result.still_sealed,
        conclusions=(*result.conclusions, *result.cautions),
    )


def _of_verdicts(
    workspace: Workspace, contestants: Sequence[Contestant], reporter: Reporter, judge: str | None
) -> Evidence | None:
    ids = [one.id for one in contestants]
    with workspace.catalogue.reading() as session:
        query = (
            select(Dataset.name, Verdict.judge, func.max(Verdict.id))
            .join(Dataset, Dataset.id == Verdict.dataset_id)
            .where(Verdict.split == "test", Verdict.state == "ok")
            .where(Verdict.contestant_a.in_(ids) | Verdict.contestant_b.in_(ids))
            .group_by(Dataset.name, Verdict.judge)
            .order_by(func.max(Verdict.id).desc())
        )
        rows = [(str(name), str(who)) for name, who, _ in session.execute(query)]
    judges = list(dict.fromkeys(who for _, who in rows))
    if judge is not None and judge not in judges:
        raise ReleaseError(
            "release.judge_unknown",
            "The judge '{judge}' has not judged these weights.",
            fix="Judges that have: {known}.",
            judge=judge,
            known=", ".join(judges) or Words("none"),
        )
    if not rows:
        return None
    chosen = judge or judges[0]
    if len(judges) > 1 and judge is None:
        reporter.decision(
            "judge", chosen, Words("the one asked last of {count}; --judge names another", count=len(judges))
        )
    datasets = sorted({name for name, who in rows if who == chosen})
    table = recorded_verdicts(workspace, datasets, "test", chosen, by_entrant=len(datasets) > 1)
    ranking = rank(table)
    shown = {row.name for one in [ranking, *ranking.tasks.values()] for row in one.contestants}
    names = [name for one in contestants for name in (one.entrant, one.name) if name in shown]
    if not names:
        return None
    return Evidence(
        source="verdicts",
        study="",
        judge=chosen,
        cost_usd=verdicts_usd(workspace, datasets, chosen, "test"),
        names=tuple(dict.fromkeys(names)),
        ranking=ranking.as_dict(),
        drawn=_drawable(ranking),
        kinds={},
    )


def _drawable(ranking: Ranking) -> Ranking:
    """The ranking with names that a picture can hold."""
    rows = tuple(replace(row, name=clean(row.name)) for row in ranking.contestants)
    apart = frozenset((clean(first), clean(second)) for first, second in ranking.apart)
    return replace(ranking, contestants=rows, apart=apart)
