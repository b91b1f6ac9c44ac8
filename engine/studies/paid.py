"""What in a study costs money."""

from __future__ import annotations

from engine.studies.spec import Study

_LOCAL = ("untuned:", "fewshot:", "local:")


def paid_models(study: Study) -> list[tuple[str, str]]:
    """``(endpoint, model)`` of every reference and judge behind an endpoint."""
    names = [name for name in [*study.references, study.judging.judge] if _is_endpoint(name)]
    pairs = [name.partition(":") for name in dict.fromkeys(names)]
    return [(endpoint, model) for endpoint, _, model in pairs]


def _is_endpoint(name: str) -> bool:
    return ":" in name and not name.startswith(_LOCAL)
