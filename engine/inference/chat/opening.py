"""From the names of models to panes that can answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from engine.errors import Words
from engine.inference.access import open_endpoint
from engine.inference.budget import Budget
from engine.inference.chat.answering import Answering, LocalAnswering, PaidAnswering
from engine.inference.chat.conversation import Conversation, Pane
from engine.inference.contestants import speaker
from engine.inference.paid import require_budget
from engine.inference.talking.client import Loading
from engine.models.library import ExportedFile, ModelFiles
from engine.progress import Reporter
from engine.workspace import Workspace

#: The model and the GGUF file that speak for a name, or that go on with a pane of an earlier conversation.
FindFile = Callable[[str, Pane | None], tuple[ModelFiles, ExportedFile]]


def open_panes(
    workspace: Workspace,
    names: Sequence[str],
    find_file: FindFile,
    *,
    before: Conversation | None = None,
    budget: Budget,
    context: int = 8192,
    reporter: Reporter,
) -> tuple[list[Pane], list[Answering]]:
    """The panes, and who answers in them; local models are loaded with their first question.

    Args:
        workspace: Where the models and endpoints are.
        names: Of models, ``MODEL@QUANTISATION``, or ``ENDPOINT:MODEL``.
        find_file: See `FindFile`.
        before: A conversation that is gone on with, by the files that have answered in it; its names count.
        budget: For paid answers; without a ceiling, only free ones are possible.
        context: Tokens of a conversation at most, for local models.
        reporter: Hears what an endpoint does not take, and why nothing comes from it for a while.

    Raises:
        NameUnknownError: There is no such model.
        BakeoffError: A budget is missing, or whatever ``find_file`` raises.
    """
    earlier: list[Pane | None] = [None] * len(names) if before is None else list(before.panes)
    called = names if before is None else [pane.name for pane in before.panes]
    speakers = [speaker(workspace, name) for name in called]
    require_budget(workspace, [one for one in speakers if one is not None], budget.limit_usd)
    panes: list[Pane] = []
    answering: list[Answering] = []
    for name, paid, old in zip(called, speakers, earlier, strict=True):
        left_out = 0 if old is None else old.left_out
        if paid is not None:
            endpoint = open_endpoint(workspace, paid[0], budget, reporter)
            panes.append(Pane(name=name, kind="api", model=paid[1], left_out=left_out))
            answering.append(PaidAnswering(endpoint, paid[1]))
            continue
        files, export = find_file(name, old)
        room = min(context, files.info.context or context)
        if room < context:
            reporter.decision(
                "context",
                Words("{room:,} tokens", room=room),
                Words("{name} was made for no more", name=name),
            )
        panes.append(
            Pane(
                name=name,
                kind="local",
                file=str(export.file),
                sha256=export.sha256,
                quantisation=export.quantisation,
                context=room,
                left_out=left_out,
            )
        )
        answering.append(LocalAnswering(Loading(export.file, files.folder, files.base_folder, room)))
    return panes, answering
