"""What a run would be before it starts, and the process that the window asks for it.

The process (``python -m engine.training.planning WORKSPACE``) reads a spec per line and answers each with a plan
or an error, as JSON; it ends when its input is closed. It imports transformers, which a window must not.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import BakeoffError, Words
from engine.progress import SilentReporter
from engine.training.spec import TrainRecipe, TrainSpec

if TYPE_CHECKING:
    from engine.training.examples import TrainingExample
    from engine.workspace import Workspace


class Decisions(SilentReporter):
    """Keeps what would be chosen, as the events of a run tell it."""

    def __init__(self) -> None:
        self.decisions: list[dict[str, Any]] = []

    def decision(self, subject: str, choice: Any, reason: str, /, **data: Any) -> None:
        """Keep it."""
        self.decisions.append({"subject": subject, "choice": choice, "reason": reason, **data})


class Planner:
    """Plans runs of a workspace; tokenised examples are kept for the next plan that uses the same ones."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._key: tuple[Any, ...] = ()
        self._examples: list[TrainingExample] = []
        self._notes: list[dict[str, Any]] = []

    def plan(self, spec: TrainSpec) -> dict[str, Any]:
        """The plan that ``train --dry-run`` shows: steps, tokens, memory, seconds, and what would be chosen."""
        from engine.datasets.library import open_dataset
        from engine.datasets.selection import select
        from engine.models.device import choose_device
        from engine.models.template import load_template
        from engine.training.base import find_base
        from engine.training.estimate import plan
        from engine.training.examples import longest_example, split_off_evaluation, tokenise
        from engine.training.schedule import plan_schedule

        recipe = spec.recipe
        base = find_base(self._workspace, spec.base)
        dataset = open_dataset(self._workspace, spec.dataset, "train")
        key: tuple[Any, ...] = (base.id, str(base.folder), dataset.store.content_sha256)
        key += (recipe.limit, recipe.max_length, *spec.answers)
        if key != self._key:
            fresh = Decisions()
            template = load_template(base.folder, fresh)
            chosen = select(dataset.store, "train", limit=recipe.limit, answers=spec.answers)
            longest = longest_example(recipe.max_length, base.info.context, fresh)
            self._examples = tokenise(chosen, template, longest, fresh)
            self._key, self._notes = key, fresh.decisions
        notes = Decisions()
        notes.decisions += self._notes
        train, held_out = split_off_evaluation(self._examples, recipe.eval_share, recipe.seed, notes)
        device = choose_device(notes, recipe.dtype)
        schedule = plan_schedule(len(self._examples), recipe, notes, held_out=len(held_out))
        document = {"base": spec.base, "dataset": spec.dataset, "model": spec.name, "device": device.name}
        document |= plan(base.info, train, schedule, recipe, device.dtype)
        return document | {"decisions": notes.decisions}


def prepare(
    workspace: Workspace, base: str, dataset: str, name: str | None, recipe: TrainRecipe
) -> TrainSpec:
    """The spec of a run whose base and dataset are there.

    Args:
        name: What to call the result; by default after both.

    Raises:
        BakeoffError: A base or a dataset is not there or cannot be used.
    """
    from engine.datasets.library import open_dataset
    from engine.training.base import find_base

    find_base(workspace, base)
    open_dataset(workspace, dataset, "train")
    return TrainSpec(base=base, dataset=dataset, name=name or usual_name(base, dataset), recipe=recipe)


def run_title(spec: TrainSpec) -> Words:
    """What a run is called among the jobs; its result is named where that is not named after base and dataset."""
    if spec.name == usual_name(spec.base, spec.dataset):
        return Words("Train {base} on {dataset}", base=spec.base, dataset=spec.dataset)
    return Words("Train {base} on {dataset} as {name}", base=spec.base, dataset=spec.dataset, name=spec.name)


def usual_name(base: str, dataset: str) -> str:
    """What the result of a run is called that is given no name."""
    from engine.workspace.naming import fitting, slug

    return fitting(f"{base}-{slug(dataset)}")


def answer(planner: Planner, line: str) -> dict[str, Any]:
    """The answer to one line: ``plan`` or ``error``, with the question's ``id``."""
    question = json.loads(line)
    try:
        return {"id": question["id"], "plan": planner.plan(TrainSpec.model_validate(question["spec"]))}
    except BakeoffError as error:
        return {"id": question["id"], "error": error.record()}
    except Exception as error:  # told, and the next question may do better
        message = f"{type(error).__name__}: {error}"
        return {"id": question["id"], "error": {"code": "unexpected", "message": message, "fix": ""}}


def main() -> None:
    """Answer until the input is closed."""
    from engine.workspace import open_workspace

    answers, sys.stdout = sys.stdout, sys.stderr  # what libraries print is no answer
    planner = Planner(open_workspace(Path(sys.argv[1])))
    for line in sys.stdin:
        answers.write(json.dumps(answer(planner, line), default=str) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
