"""The job that runs a study: the whole loop, phase by phase. Read it from top to bottom."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, Literal

from engine.datasets.library import open_seal
from engine.errors import Words, templates
from engine.inference.constraints import constraint_of
from engine.inference.spec import GenerateSpec
from engine.jobs.context import JobContext, JobResult
from engine.jobs.kinds import Lane
from engine.judging.spec import JudgeSpec
from engine.merging.spec import MergeSpec
from engine.ranking import Ranking
from engine.studies.choices import merge_sentence, parents_sentence
from engine.studies.conclusions import conclude, listed, validate_sentence
from engine.studies.exports import Exports
from engine.studies.figures import machine_in_words, task_result
from engine.studies.paid import is_endpoint, spent_usd
from engine.studies.plan import plan_study
from engine.studies.planned import Plan
from engine.studies.preparing import Preparation, was_closed
from engine.studies.products import Merge, Products
from engine.studies.recipes import fill_recipe, recipe_name, recipe_text
from engine.studies.report import write_report
from engine.studies.result import Choice, EntrantResult, StudyResult, Validation
from engine.studies.spec import Merging, Study, StudySpec, Task
from engine.studies.standings import leaders, rank_verdicts, strongest
from engine.studies.steps import Step, Steps
from engine.training.spec import TrainSpec
from engine.workspace.adoption import Adoption
from engine.workspace.adoption import StudyResult as AdoptedStudy
from engine.workspace.naming import fitting

#: Of the money that is left a reference's answers may use this much: without them it cannot be judged at all, and
#: before a call is sent the most that it can cost has to be there, which is many times the usual.
_FOR_ANSWERS: Final = 0.5


def run(context: JobContext) -> JobResult:
    """Run the study of the spec, or go on with it."""
    spec = StudySpec.model_validate(context.spec)
    plan = plan_study(spec.study, context.workspace)
    context.event("study.plan", **plan.as_dict())
    loop = _Loop(context, spec.study, Path(spec.folder), plan)
    result = loop.run()
    folder = context.workspace.reports / spec.study.name
    result.report = context.workspace.relative(write_report(result, folder))
    document = result.model_dump(mode="json")
    return JobResult(document, Adoption(studies=[AdoptedStudy(name=spec.study.name, result=document)]))


class _Loop:
    """One run of the loop."""

    def __init__(self, context: JobContext, study: Study, folder: Path, plan: Plan) -> None:
        self.context = context
        self.workspace = context.workspace
        self.study = study
        self.folder = folder
        self.plan = plan
        self.steps = Steps(context, study.name, plan.seconds)
        self.products = Products(
            bases=[base.name for base in study.bases],
            references=list(study.references),
            quantisation=study.quantisation,
        )
        self.exports = Exports(context.workspace, self.steps, self.products, plan)
        self.choices: list[Choice] = []
        self.cautions: list[str] = []
        #: Sentences of the result that it holds without their templates.
        self.said: list[Words] = []
        #: The plan of comparisons and prices, made when the datasets are here.
        self.shares = plan
        #: The sealed task, where it stays closed for now.
        self.still_sealed = ""
        #: What the plan calls the entrants of the validation, whom it cannot know.
        self.finalists: dict[str, str] = {}

    def run(self) -> StudyResult:
        """All phases."""
        open_tasks = self.study.open_tasks()
        self._phase("prepare")
        preparation = Preparation(self.context, self.study, self.folder, self.steps, self.plan)
        self.cautions = preparation.run()
        if not preparation.exportable:
            self.products.quantisation = None
        self.shares = plan_study(self.study, self.workspace)
        self._phase("fine-tune")
        self._fine_tune(open_tasks, self.products.bases)
        self._phase("answer")
        self._answer(open_tasks, self.products.bases, references=True)
        if self.study.merging is not None:
            self._phase("choose on dev")
            dev = self._judge(open_tasks, self.products.bases, "dev", "choose bases", references=False)
            parents = self._choose_parents(dev, self.study.merging)
            self._phase("merge")
            self._merge(parents, self.study.merging)
            merges = [merge.name for merge in self.products.merges]
            self._fine_tune(open_tasks, merges)
            self._answer(open_tasks, merges, references=False)
            self._judge_merges_on_dev(open_tasks, merges)
        self._phase("rank on test")
        everyone = self.products.trained_entrants
        ranking = self._judge(open_tasks, everyone, "test", "rank", references=True)
        winner = next(iter(strongest(ranking, everyone)), None)
        validation = self._validate(ranking, winner)
        return self._result(ranking, winner, validation)

    # --- fine-tune and answer --------------------------------------------------------------------

    def _fine_tune(self, tasks: list[Task], entrants: list[str]) -> None:
        """Every entrant on every task, ``repeats`` times with different seeds."""
        steps: list[tuple[Task, str, Step]] = []
        for task in tasks:
            for entrant in entrants:
                for repeat in range(self.study.repeats):
                    suffix = f" #{repeat + 1}" if self.study.repeats > 1 else ""
                    spec = TrainSpec(
                        base=entrant,
                        dataset=task.dataset,
                        name=fitting(f"{entrant}-{task.dataset}{suffix.replace(' #', '-r')}"),
                        answers=task.answers,
                        recipe=self.study.recipe(task, seed=self.study.seed + repeat),
                    )
                    key = f"train {task.dataset} {self._plan_name(entrant)}{suffix}"
                    title = Words(
                        "Train {base} on {dataset}{suffix}", base=entrant, dataset=task.dataset, suffix=suffix
                    )
                    steps.append((task, entrant, self._submit(key, "train", spec, title)))
        self.steps.run([step for _, _, step in steps])
        for task, entrant, step in steps:
            self.products.tuned[task.dataset].setdefault(entrant, []).append(self.steps.model_of(step))

    def _answer(self, tasks: list[Task], entrants: list[str], *, references: bool) -> None:
        """Answers on dev and test; all local contestants of a task in one process."""
        who = "bases" if references else "merges"
        for task in tasks:
            names = self.products.contestants(task.dataset, entrants, references=references)
            local = [name for name in names if not is_endpoint(name)]
            self._answer_locally(
                who, f"answer {who} {task.dataset}", task, local, self._generate(task, local)
            )
            for name in names:
                if is_endpoint(name):
                    key, title = (
                        f"api {task.dataset} {name}",
                        Words("{name} answers {dataset}", name=name, dataset=task.dataset),
                    )
                    spec = self._generate(task, [name], budget=self._share(key, at_least=_FOR_ANSWERS))
                    self.steps.run(
                        [self._submit(key, "generate", spec, title, lane="network", own_runner=True)]
                    )
        self.exports.drop()

    def _answer_locally(
        self, who: str, key: str, task: Task, contestants: list[str], spec: GenerateSpec
    ) -> None:
        """The GGUF files of contestants, and their answers: each in one process for all of them."""
        answered = self.steps.is_done(key, "generate", spec)
        self.exports.make(f"export {who} {task.dataset}", task.dataset, contestants, needed=not answered)
        self.steps.run([self._submit(key, "generate", spec, Words("Answer {dataset}", dataset=task.dataset))])

    def _generate(
        self,
        task: Task,
        names: list[str],
        *,
        splits: tuple[Literal["dev", "test"], ...] | None = None,
        budget: float | None = None,
    ) -> GenerateSpec:
        everything: tuple[Literal["dev", "test"], ...] = ("dev", "test") if self.study.merging else ("test",)
        return GenerateSpec(
            models=names,
            dataset=task.dataset,
            splits=list(splits or everything),
            limits={"dev": task.limits.dev, "test": task.limits.test},
            only_test=[self.products.answering(name) for name in self.products.references],
            entrants=self.products.entrants_of(task.dataset, self.products.trained_entrants, references=True),
            answers=task.answers,
            max_new_tokens=task.max_new_tokens,
            stop=task.stop,
            constrain=constraint_of(task.constrain, self.folder),
            batch_size=self.study.batch_size,
            budget_usd=budget,
        )

    # --- judge and choose ------------------------------------------------------------------------

    def _judge(
        self, tasks: list[Task], entrants: list[str], split: str, phase: str, *, references: bool
    ) -> Ranking:
        """Judge the entrants' answers and rank them over ``tasks``."""
        judging = self.study.judging
        contestants = {
            task.dataset: self.products.contestants(task.dataset, entrants, references=references)
            for task in tasks
        }
        paid = is_endpoint(judging.judge)
        steps = []
        for task in tasks:
            key = f"{phase} judge {task.dataset}"
            planned = self.shares.job(key)
            spec = JudgeSpec(
                dataset=task.dataset,
                contestants=contestants[task.dataset],
                split="test" if split == "test" else "dev",
                judge=judging.judge,
                goal=self._goal(task, phase),
                budget_usd=self._share(key) if paid else None,
                max_comparisons=planned.comparisons if planned and judging.max_comparisons else None,
                metric=task.metric,
                show_expected=judging.show_expected,
                across_entrants=True,
                seed=self.study.seed,
            )
            lane: Lane = "compute" if judging.judge.startswith("local:") else "network"
            title = Words("Judge {dataset} ({split})", dataset=task.dataset, split=split)
            steps.append(self._submit(key, "judge", spec, title, lane=lane, own_runner=paid))
            if paid:  # one after another, so that each knows what is left
                self.steps.run(steps[-1:])
        if not paid:
            self.steps.run(steps)
        names = [task.dataset for task in tasks]
        return rank_verdicts(self.workspace, names, split, judging.judge, contestants)

    def _goal(self, task: Task, phase: str) -> str:
        """What a judging is for: the study's goal where the table is made, everybody's place elsewhere."""
        goal = self.study.judging.goal
        if phase != "rank":
            return "ranking"
        kind, colon, entrant = goal.partition(":")
        tuned = self.products.tuned[task.dataset].get(entrant, [])
        if not colon:
            return goal
        return f"{kind}:{self.products.answering(tuned[0] if tuned else entrant)}"

    def _choose_parents(self, dev: Ranking, merging: Merging) -> list[str]:
        """The strongest bases on dev prompts."""
        bases = self.products.bases
        order = strongest(dev, bases)
        chosen = [*order, *(name for name in bases if name not in order)][: merging.parents]
        sentence = parents_sentence(bases, chosen, leaders(dev, bases) if order else [])
        self._record("parents", chosen, sentence, dev)
        return chosen

    def _merge(self, parents: list[str], merging: Merging) -> None:
        steps = []
        for number, wanted in enumerate(merging.recipes, start=1):
            recipe = fill_recipe(wanted, parents, self.study.bases[0].name)
            name = fitting(f"{self.study.name}-{recipe_name(wanted)}-{number}")
            spec = MergeSpec(recipe=recipe, name=name, seed=self.study.seed)
            title = Words("Merge {parents} by {recipe}", parents=listed(parents), recipe=recipe_name(wanted))
            steps.append((recipe_text(wanted, recipe), self._submit(f"merge {number}", "merge", spec, title)))
        self.steps.run([step for _, step in steps])
        self.products.merges = [Merge(self.steps.model_of(step), parents, text) for text, step in steps]

    def _judge_merges_on_dev(self, tasks: list[Task], merges: list[str]) -> None:
        everyone = self.products.trained_entrants
        ranking = self._judge(tasks, everyone, "dev", "choose merges", references=False)
        order = strongest(ranking, merges)
        if not order:
            return
        sentence = merge_sentence(merges, order[0], leaders(ranking, merges), leaders(ranking, everyone))
        self._record("merge", order[:1], sentence, ranking)

    def _record(self, what: str, chosen: list[str], sentence: str, ranking: Ranking) -> None:
        self.choices.append(Choice(what=what, chosen=chosen, sentence=sentence, ranking=ranking.as_dict()))
        self.context.event("study.choice", what=what, chosen=chosen, sentence=sentence)

    # --- validate --------------------------------------------------------------------------------

    def _validate(self, ranking: Ranking, winner: str | None) -> Validation | None:
        """Open the sealed task and let the winner meet the plain base there (or, if it is that, the next)."""
        task = self.study.sealed_task()
        if task is None or winner is None:
            return None
        plain = self.study.bases[0].name
        order = strongest(ranking, self.products.trained_entrants)
        second = plain if winner != plain else next((name for name in order if name != plain), None)
        if second is None:
            return None
        if self.study.opening == "by_hand":
            self.still_sealed = task.dataset
            return None
        self._phase("validate")
        self.finalists = {winner: "winner", second: "plain"}
        closed = was_closed(self.workspace, task.dataset, since=self.context.created)
        if open_seal(self.workspace, task.dataset, self.study.name):
            self.context.event("study.seal_opened", dataset=task.dataset)
        self._fine_tune([task], [winner, second])
        names = self.products.contestants(task.dataset, [winner, second], references=False)
        spec = self._generate(task, names, splits=("test",))
        self._answer_locally("validate", f"validate {task.dataset}", task, names, spec)
        self.exports.drop()
        judged = self._judge([task], [winner, second], "test", "validate", references=False)
        contestants = {task.dataset: names}
        compared = rank_verdicts(
            self.workspace,
            [task.dataset],
            "test",
            self.study.judging.judge,
            contestants,
            reference=second if self.study.repeats > 1 else names[1],
        )
        standing = next((row for row in compared.contestants if row.name in (winner, names[0])), None)
        verdict, sentence = validate_sentence(winner, second, task.dataset, standing)
        self.said.append(sentence)
        return Validation(
            dataset=task.dataset,
            first=winner,
            second=second,
            difference=standing.rating if standing else None,
            lo=standing.lo if standing else None,
            hi=standing.hi if standing else None,
            verdict=verdict,
            sentence=sentence,
            sealed_until_now=closed,
            ranking=judged.as_dict(),
            task=task_result(self.workspace, task, self.products, [winner, second]),
        )

    # --- result ----------------------------------------------------------------------------------

    def _result(self, ranking: Ranking, winner: str | None, validation: Validation | None) -> StudyResult:
        import platform

        import engine

        study, everyone = self.study, self.products.trained_entrants
        merges = {merge.name: merge for merge in self.products.merges}
        entrants = [EntrantResult(name=name, kind="base") for name in self.products.bases]
        entrants += [
            EntrantResult(name=merge.name, kind="merge", parents=merge.parents, recipe=merge.recipe)
            for merge in merges.values()
        ]
        entrants += [EntrantResult(name=name, kind="reference") for name in self.products.references]
        result = StudyResult(
            study=study.name,
            about=study.about,
            judge=study.judging.judge,
            repeats=study.repeats,
            plain=study.bases[0].name,
            winner=winner,
            entrants=entrants,
            tasks=[task_result(self.workspace, task, self.products, everyone) for task in study.open_tasks()],
            ranking=ranking.as_dict(),
            groups=[list(group) for group in ranking.groups],
            choices=self.choices,
            validation=validation,
            still_sealed=self.still_sealed,
            steps=self.steps.finished,
            seconds=round(sum(step.seconds for step in self.steps.finished), 1),
            cost_usd=round(spent_usd(self.workspace, study.name), 6),
            machine=machine_in_words(),
            versions={"bakeoff": engine.__version__, "python": platform.python_version()},
        )
        conclusions, cautions = conclude(result, ranking)
        result.conclusions, result.cautions = conclusions, [*self.cautions, *cautions]
        result.words = templates([*conclusions, *self.cautions, *cautions, *self.said])
        return result

    # --- small helpers ---------------------------------------------------------------------------

    def _submit(
        self,
        key: str,
        kind: str,
        spec: Any,
        title: str,
        *,
        lane: Lane | None = None,
        own_runner: bool = False,
    ) -> Step:
        return self.steps.submit(
            key,
            kind,
            spec,
            title,
            self.plan.of(key),
            lane=lane,
            own_runner=own_runner,
            budget_usd=self.study.budget_usd,
        )

    def _phase(self, name: str) -> None:
        self.context.event("study.phase", phase=name)

    def _plan_name(self, entrant: str) -> str:
        """How the plan, which knew no names of merges and no winner, calls an entrant."""
        if entrant in self.finalists:
            return self.finalists[entrant]
        names = [merge.name for merge in self.products.merges]
        return f"merge {names.index(entrant) + 1}" if entrant in names else entrant

    def _share(self, key: str, *, at_least: float = 0.0) -> float | None:
        """The part of the budget that is for one paid step: all but what later ones are expected to need.

        Where it is not enough for all, each gets its share of what is left.

        Args:
            key: Of the step.
            at_least: The share of what is left that the step may use whatever later ones need.
        """
        if self.study.budget_usd is None:
            return None
        left = max(self.study.budget_usd - spent_usd(self.workspace, self.study.name), 0.0)
        planned = self.shares.job(key)
        later = self.shares.usd_after(key)
        if planned is None or not planned.usd:
            return left
        return max(left - later, left * planned.usd / (planned.usd + later), left * at_least)
