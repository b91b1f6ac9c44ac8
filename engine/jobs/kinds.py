"""The one table of job kinds. A kind's module is imported only inside a worker."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, get_args

#: ``compute`` jobs need the accelerator (or all cores) and run one at a time; ``network`` jobs wait for
#: an API and run beside them; ``coordinator`` jobs only start and await other jobs.
Lane = Literal["compute", "network", "coordinator"]
LANES: Final[tuple[Lane, ...]] = get_args(Lane)


@dataclass(frozen=True)
class JobKind:
    """How a kind of job is run.

    Attributes:
        package: Holds ``spec.py`` (what to do) and ``run.py`` (does it).
        lane: What it competes for.
        online: Whether it may reach a model hub.
        resuming: Names in its ``checkpoints`` that are of no use once it is done; the others, such as the bills of
            paid calls, stay for good.
        finishes: Whether what it has done so far is a product, so that it can be asked to end early and keep it.
    """

    package: str
    lane: Lane
    online: bool = False
    resuming: tuple[str, ...] = ()
    finishes: bool = False


KINDS: Final[dict[str, JobKind]] = {
    "dataset_import": JobKind("engine.datasets", "compute"),
    "model_add": JobKind("engine.models", "compute", online=True),
    "train": JobKind("engine.training", "compute", resuming=("step-*", "best.safetensors"), finishes=True),
    "merge": JobKind("engine.merging", "compute"),
    "export": JobKind("engine.exporting", "compute"),
    "drift": JobKind("engine.exporting.drift", "compute"),
    "generate": JobKind("engine.inference", "compute"),
    "judge": JobKind("engine.judging", "network", resuming=("batches",)),
    "study": JobKind("engine.studies", "coordinator"),
    "merged_export": JobKind("engine.studies.merged_export", "compute"),
    "release": JobKind("engine.studies.release", "compute"),
    "push": JobKind("engine.studies.pushing", "network", online=True),
}
