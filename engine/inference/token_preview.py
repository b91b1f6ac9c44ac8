"""The exact tokens of one example under one model's template, and which of them are trained."""

from __future__ import annotations

from typing import Any

from engine.errors import BakeoffError, Words
from engine.workspace import Workspace


class PreviewError(BakeoffError):
    """An example cannot be shown in tokens."""

    title = "There is nothing to preview"


def token_preview(workspace: Workspace, name: str, row: int | None, model: str | None) -> dict[str, Any]:
    """Tokenise one example exactly as training and generation do.

    Args:
        workspace: Whose dataset and model.
        name: The dataset.
        row: Row of its file, from 1; None for its first example.
        model: Whose tokenizer and template; None for the only base of the workspace.

    Returns:
        ``name``, ``row``, ``split``, ``model``, ``template_sha256``, ``tokens`` (each ``id``, ``text``, ``trained``),
        ``warnings``.

    Raises:
        SealedError: The dataset is sealed.
        PreviewError: The model is not named and not plain, or its template cannot show the example.
    """
    from engine.datasets.library import open_dataset

    dataset = open_dataset(workspace, name, "preview")
    example = dataset.store.example(row) if row is not None else next(dataset.store.examples(limit=1))
    files = _model(workspace, model)

    from engine.models.errors import TemplateError
    from engine.models.template import load_template
    from engine.models.token_texts import token_texts

    notes = _Notes()
    template = load_template(files.folder, notes, fallback=files.base_folder)
    uses_tools = bool(example.tools) or any(
        message.tool_calls or message.role == "tool" for message in example.messages
    )
    if uses_tools and not template.renders_tools:
        raise PreviewError(
            "preview.tools",
            "Row {row} calls tools, which the chat template of '{model}' cannot show.",
            fix="Choose a model whose template renders tools, or leave the row out.",
            row=example.row,
            model=files.name,
        )
    messages = [message.as_dict() for message in example.messages]
    try:
        rendered = template.render(messages, example.tools)
        opening, rest = template.parts(messages, example.tools)
    except TemplateError as error:
        raise PreviewError(
            error.code,
            "Row {row} cannot be shown: {reason}",
            fix="{way_out}",
            row=example.row,
            reason=error,
            way_out=error.way_out,
        ) from error
    texts = [*token_texts(template.tokenizer, opening), *token_texts(template.tokenizer, rest)]
    texts = texts[: len(rendered.ids)]
    # A stop token that the template itself does not write.
    texts += [template.tokenizer.decode([token]) for token in rendered.ids[len(texts) :]]
    tokens = [
        {"id": token, "text": text, "trained": place >= rendered.prompt_length}
        for place, (token, text) in enumerate(zip(rendered.ids, texts, strict=True))
    ]
    warnings = list(notes.sentences)
    if files.info.context and len(tokens) > files.info.context:
        warnings.append(
            Words(
                "The example has {count} tokens, and '{model}' was made for {context}.",
                count=len(tokens),
                model=files.name,
                context=files.info.context,
            )
        )
    return {
        "name": name,
        "row": example.row,
        "split": example.split,
        "model": files.name,
        "template_sha256": template.sha256,
        "tokens": tokens,
        "warnings": warnings,
    }


def _model(workspace: Workspace, name: str | None) -> Any:
    from engine.models.library import find_model

    if name is not None:
        return find_model(workspace, name)
    from sqlalchemy import select

    from engine.workspace.tables import Model

    with workspace.catalogue.reading() as rows:
        bases = sorted(rows.scalars(select(Model.name).where(Model.kind == "base")))
    if len(bases) != 1:
        raise PreviewError(
            "preview.model",
            "Tokens depend on the model, and there are several bases ({known})."
            if bases
            else "Tokens depend on the model, and there is no base in this workspace yet.",
            fix="Name one with --model." if bases else "Add one with: bakeoff model add",
            known=", ".join(bases[:8]),
        )
    return find_model(workspace, bases[0])


class _Notes:
    """Keeps the decisions of the template as sentences."""

    def __init__(self) -> None:
        self.sentences: list[str] = []

    def event(self, type: str, /, **data: Any) -> None:
        """Nothing that a preview tells."""

    def decision(self, subject: str, choice: Any, reason: str, /, **data: Any) -> None:
        """Keep it."""
        self.sentences.append(f"{subject.replace('_', ' ')}: {choice} ({reason}).")

    def progress(self, done: float, total: float | None, unit: str, /, **data: Any) -> None:
        """Nothing that a preview tells."""

    def check(self) -> None:
        """Never interrupt."""
