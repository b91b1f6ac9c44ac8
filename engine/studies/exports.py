"""The GGUF files that answer in a study: made before they are asked, removed when they have answered."""

from __future__ import annotations

from engine.errors import Words
from engine.exporting.spec import ExportSpec
from engine.models.library import drop_exports, find_export, find_model
from engine.studies.planned import Plan
from engine.studies.products import Products
from engine.studies.steps import Step, Steps
from engine.workspace import Workspace


class Exports:
    """Files in use.

    They are as many as fine-tunes and each as large as a model, so none is kept; the winner's is made again,
    byte for byte, by ``bakeoff export``.

    Args:
        workspace: Where they are.
        steps: Submits and awaits the study's jobs.
        products: What answers as a file.
        plan: How long each step may take.
    """

    def __init__(self, workspace: Workspace, steps: Steps, products: Products, plan: Plan) -> None:
        self._workspace = workspace
        self._steps = steps
        self._products = products
        self._plan = plan
        self._used: dict[str, Step] = {}

    def make(self, key: str, dataset: str, contestants: list[str], *, needed: bool) -> None:
        """The files that answer a task, all in one process; those of bases serve every task.

        Args:
            key: Of the step.
            dataset: The task.
            contestants: Who is to answer, references included.
            needed: They have not answered yet; otherwise the step is only booked.

        Raises:
            StudyError: A model cannot be exported.
        """
        models = [name for name in self._products.models_of(contestants) if name not in self._used]
        if not models:
            return
        step = self._run(key, key, dataset, models)
        repeated = key
        while needed and not all(self._has_file(name) for name in models):
            repeated += " again"  # what an earlier attempt made was removed when it had answered
            step = self._run(repeated, key, dataset, models)
        self._used.update(dict.fromkeys(models, step))

    def drop(self) -> None:
        """Remove all files made so far."""
        for job_id in {step.job.id for step in self._used.values()}:
            drop_exports(self._workspace, job_id)
        self._used.clear()

    def _run(self, key: str, planned: str, dataset: str, models: list[str]) -> Step:
        quantisation = str(self._products.quantisation)
        spec = ExportSpec(model=models[0], others=models[1:], quantisation=quantisation, dataset=dataset)
        title = Words("Export models of {dataset} as {form}", dataset=dataset, form=quantisation)
        step = self._steps.submit(key, "export", spec, title, self._plan.of(planned))
        self._steps.run([step])
        return step

    def _has_file(self, model: str) -> bool:
        files = find_model(self._workspace, model)
        return find_export(self._workspace, files, self._products.quantisation) is not None
