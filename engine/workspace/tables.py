"""The tables of the catalogue.

Rows are added by adoption of a finished job and by short user edits; API outputs and verdicts, which
may have cost money, are committed one by one while their job runs.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, DateTime, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


def now() -> datetime:
    """The present moment, in UTC (SQLite stores it without the zone)."""
    return datetime.now(UTC).replace(tzinfo=None)


class Table(DeclarativeBase):
    """Base of all tables."""

    type_annotation_map = {dict[str, Any]: JSON, list[str]: JSON, datetime: DateTime}  # noqa: RUF012


class Dataset(Table):
    """A dataset; its examples lie in ``folder`` as Parquet."""

    __tablename__ = "datasets"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(200), unique=True)
    folder: Mapped[str]
    #: Number of examples per split, source, form: the store's manifest.
    manifest: Mapped[dict[str, Any]]
    sealed: Mapped[bool] = mapped_column(default=False)
    #: When and by which study the seal was opened.
    opened_at: Mapped[datetime | None]
    opened_by: Mapped[str | None]
    job_id: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(default=now)


class Model(Table):
    """A base, an adapter or a merge."""

    __tablename__ = "models"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(200), unique=True)
    #: ``base``, ``adapter`` or ``merge``.
    kind: Mapped[str] = mapped_column(String(16))
    #: Folder of the weights: relative when the workspace owns it, absolute otherwise.
    folder: Mapped[str]
    weights_sha256: Mapped[str]
    #: Architecture, parameters, vocabulary, template hash and so on (`engine.models.inspect`).
    info: Mapped[dict[str, Any]]
    #: The recipe and versions that made the model; empty for a base from outside.
    recipe: Mapped[dict[str, Any]]
    job_id: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(default=now)

    parents: Mapped[list[Parentage]] = relationship(
        foreign_keys="Parentage.child_id", order_by="Parentage.position", cascade="all, delete-orphan"
    )


class Parentage(Table):
    """One edge of the lineage: ``child`` was made from ``parent``."""

    __tablename__ = "parentage"

    child_id: Mapped[str] = mapped_column(ForeignKey("models.id", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    #: None when the parent is not (or no longer) in the workspace.
    parent_id: Mapped[str | None] = mapped_column(ForeignKey("models.id", ondelete="SET NULL"))
    parent_name: Mapped[str]
    parent_sha256: Mapped[str]


class Export(Table):
    """A GGUF file that was made of a model."""

    __tablename__ = "exports"

    id: Mapped[str] = mapped_column(String(96), primary_key=True)
    model_id: Mapped[str] = mapped_column(ForeignKey("models.id", ondelete="CASCADE"), index=True)
    #: Hash of what it was made of (`engine.models.library.ModelFiles.identity`).
    made_of: Mapped[str]
    quantisation: Mapped[str] = mapped_column(String(16))
    #: Relative when the workspace owns it, absolute otherwise.
    file: Mapped[str]
    sha256: Mapped[str] = mapped_column(String(64))
    #: Size, types of its tensors, what was checked.
    info: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(default=now)


class Job(Table):
    """A job that has ended (until then its directory is the truth)."""

    __tablename__ = "jobs"

    id: Mapped[str] = mapped_column(String(96), primary_key=True)
    kind: Mapped[str] = mapped_column(String(32))
    title: Mapped[str]
    study: Mapped[str | None]
    summary: Mapped[dict[str, Any]]
    adopted_at: Mapped[datetime] = mapped_column(default=now)


class Contestant(Table):
    """One entrant's concrete answerer on one dataset; ``id`` is the hash of ``identity``."""

    __tablename__ = "contestants"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str]
    entrant: Mapped[str]
    dataset_id: Mapped[str] = mapped_column(ForeignKey("datasets.id", ondelete="CASCADE"))
    #: Weights hash, runtime, sampling; or endpoint and model snapshot.
    identity: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(default=now)


class OutputSet(Table):
    """The answers that one job let one local contestant write (a Parquet file)."""

    __tablename__ = "output_sets"

    id: Mapped[str] = mapped_column(String(160), primary_key=True)
    contestant_id: Mapped[str] = mapped_column(ForeignKey("contestants.id", ondelete="CASCADE"), index=True)
    file: Mapped[str]
    count: Mapped[int]
    job_id: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=now)


class ApiOutput(Table):
    """One answer of an endpoint's model, committed before the next is asked for."""

    __tablename__ = "api_outputs"
    __table_args__ = (UniqueConstraint("contestant_id", "prompt_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    contestant_id: Mapped[str] = mapped_column(ForeignKey("contestants.id", ondelete="CASCADE"))
    prompt_id: Mapped[str] = mapped_column(String(64))
    text: Mapped[str]
    stop: Mapped[str] = mapped_column(String(32))
    tokens: Mapped[int]
    seconds: Mapped[float]
    cost_usd: Mapped[float]
    snapshot: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=now)


class Verdict(Table):
    """One judged pair in one order.

    ``key`` hashes prompt, answers, order, judge and judge prompt: the same question is never paid twice.
    ``winner`` is ``a``, ``b`` or ``tie`` and None where ``state`` is ``failed``.
    """

    __tablename__ = "verdicts"
    __table_args__ = (Index("verdicts_by_dataset", "dataset_id", "split", "judge"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(64), index=True)
    dataset_id: Mapped[str] = mapped_column(ForeignKey("datasets.id", ondelete="CASCADE"))
    split: Mapped[str] = mapped_column(String(8))
    prompt_id: Mapped[str] = mapped_column(String(64))
    contestant_a: Mapped[str] = mapped_column(String(64))
    contestant_b: Mapped[str] = mapped_column(String(64))
    name_a: Mapped[str]
    name_b: Mapped[str]
    entrant_a: Mapped[str]
    entrant_b: Mapped[str]
    judge: Mapped[str]
    judge_snapshot: Mapped[str] = mapped_column(default="")
    judge_prompt_sha256: Mapped[str] = mapped_column(String(64), default="")
    state: Mapped[str] = mapped_column(String(8))
    winner: Mapped[str | None] = mapped_column(String(4))
    explanation: Mapped[str] = mapped_column(default="")
    #: Why the verdict failed; empty otherwise.
    reason: Mapped[str] = mapped_column(default="")
    input_tokens: Mapped[int] = mapped_column(default=0)
    output_tokens: Mapped[int] = mapped_column(default=0)
    cost_usd: Mapped[float] = mapped_column(default=0.0)
    seconds: Mapped[float] = mapped_column(default=0.0)
    job_id: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(default=now)


class Study(Table):
    """A saved study: its file, the job that runs it, and what came out."""

    __tablename__ = "studies"

    name: Mapped[str] = mapped_column(String(200), primary_key=True)
    definition: Mapped[dict[str, Any]]
    job_id: Mapped[str]
    result: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(default=now)


class Endpoint(Table):
    """An OpenAI-compatible endpoint. Its key is never here (`engine.workspace.secrets`)."""

    __tablename__ = "endpoints"

    name: Mapped[str] = mapped_column(String(100), primary_key=True)
    base_url: Mapped[str]
    #: Environment variable that holds the key; empty when it is in the keyring.
    key_env: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime] = mapped_column(default=now)
