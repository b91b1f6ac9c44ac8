"""A workspace in which contestants have answered, for the pages that compare answers."""

from __future__ import annotations

import json
from pathlib import Path

from engine.datasets import DatasetStore, ImportOptions, import_files
from engine.inference.outputs import Output, write_outputs
from engine.judging.ledger import CatalogueLedger
from engine.judging.verdicts import Verdict, Winner
from engine.workspace import Workspace
from engine.workspace.adoption import Adoption, NewContestant, NewDataset, NewOutputSet, adopt

COUNT = 12
#: On so many prompts Good and Copy answer alike.
SAME = 4
NAMES = ("Good", "Bad", "Copy")


def fill(workspace: Workspace, folder: Path, count: int = COUNT, names: tuple[str, ...] = NAMES) -> None:
    """A dataset ``things``; Good answers as it does, Bad does not and is cut off on the last prompt."""
    rows = [
        {"prompt": f"Name thing number {n} of them.", "completion": f"it is good {n}", "split": "test"}
        for n in range(count)
    ]
    rows += [{"prompt": f"Teach {n}.", "completion": f"taught {n}", "split": "train"} for n in range(4)]
    file = folder / "things.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    report = import_files([file], ImportOptions(name="things"), workspace.datasets / "d1")
    dataset = NewDataset(id="d1", name="things", folder="datasets/d1", manifest=dict(report.manifest))
    _adopt(workspace, "import", Adoption(datasets=[dataset]))
    for name in names:
        answers = []
        for place, prompt_id in enumerate(prompts(workspace)):
            says = "good" if name == "Copy" and place < SAME else name.lower()
            stop = "length" if name == "Bad" and place == count - 1 else "stop"
            answers.append(Output(prompt_id, f"it is {says} {place}", stop, 3, 0.1))
        answer(workspace, name, answers)


def prompts(workspace: Workspace) -> list[str]:
    return [example.prompt_id for example in DatasetStore(workspace.datasets / "d1").examples("test")]


def answer(workspace: Workspace, name: str, answers: list[Output]) -> None:
    path = workspace.outputs / f"{name}.parquet"
    write_outputs(path, answers, {})
    who = NewContestant(
        id=f"c-{name}", name=name, entrant=f"base of {name}", dataset_id="d1", identity={"n": name}
    )
    outputs = NewOutputSet(
        id=f"o-{name}", contestant_id=who.id, file=workspace.relative(path), count=len(answers)
    )
    _adopt(workspace, f"generate-{name}", Adoption(contestants=[who], output_sets=[outputs]))


def judge(
    workspace: Workspace, prompt_id: str, first: str, second: str, winner: Winner | None, **more: str
) -> None:
    """Store what `said` returns."""
    CatalogueLedger(workspace.catalogue, "d1", "test").add([said(prompt_id, first, second, winner, **more)])


def said(prompt_id: str, first: str, second: str, winner: Winner | None, **more: str) -> Verdict:
    """A verdict of ``lab:judge``; None where it could not be used."""
    return Verdict(
        key=f"{prompt_id}/{first}/{second}",
        prompt_id=prompt_id,
        contestant_a=f"c-{first}",
        contestant_b=f"c-{second}",
        name_a=first,
        name_b=second,
        entrant_a=f"base of {first}",
        entrant_b=f"base of {second}",
        judge=more.get("judge", "lab:judge"),
        judge_prompt_sha256="p",
        state="ok" if winner is not None else "failed",
        winner=winner,
        explanation=more.get("explanation", ""),
        reason=more.get("reason", ""),
        cost_usd=0.01,
        seconds=1.0,
    )


def _adopt(workspace: Workspace, job: str, what: Adoption) -> None:
    adopt(workspace.catalogue, job_id=job, kind="test", title=job, study=None, summary={}, what=what)
