"""What an import is asked to do, and the checks that need no file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from engine.errors import UsageError

Split = Literal["train", "dev", "test"]
Container = Literal["jsonl", "json", "csv", "tsv", "parquet"]

#: Version of the store's layout.
PROTOCOL: Final = 1
SPLITS: Final[tuple[Split, ...]] = ("train", "dev", "test")
CONTAINERS: Final[tuple[Container, ...]] = ("jsonl", "json", "csv", "tsv", "parquet")
#: The forms that rows come in (see `engine.datasets.forms`); ``columns`` needs a map.
FORMS: Final = (
    "openai-chat",
    "input-output",
    "prompt-completion",
    "alpaca",
    "sharegpt",
    "columns",
    "snips",
    "nlupp",
)
#: The roles that ``--map`` gives to columns.
ROLES: Final = ("system", "prompt", "completion", "messages", "split")

#: The words people use for a split, in lower case.
_SPLIT_WORDS: Final[dict[str, Split]] = {
    "train": "train",
    "training": "train",
    "dev": "dev",
    "val": "dev",
    "valid": "dev",
    "validation": "dev",
    "eval": "dev",
    "test": "test",
    "testing": "test",
}


@dataclass(frozen=True)
class Source:
    """A file to import.

    Attributes:
        path: The file.
        split: The split of all its rows that name none themselves.
    """

    path: Path
    split: Split | None = None


@dataclass(frozen=True)
class ImportOptions:
    """How files become a dataset.

    Attributes:
        name: The dataset's name, for the report.
        format: A container or a form, when the detection is not to be trusted.
        mapping: Role -> column, path or converter (see `engine.datasets.mapping`).
        system: System message for rows that have none.
        test_share: Share of all examples that goes to test, where rows name no split.
        dev_share: Share of all examples that goes to dev, where rows name no split.
        seed: Decides which examples go where.
        sealed: Keep the dataset closed until validation.
    """

    name: str = "dataset"
    format: str | None = None
    mapping: Mapping[str, str] = field(default_factory=dict)
    system: str | None = None
    test_share: float = 0.2
    dev_share: float = 0.1
    seed: int = 0
    sealed: bool = False

    def validate(self) -> None:
        """Refuse what cannot be meant.

        Raises:
            UsageError: Unknown format or role, an incomplete map, or shares that leave nothing to train on.
        """
        self.container_or_form()
        unknown = [role for role in self.mapping if role not in ROLES]
        if unknown:
            raise UsageError(
                "dataset.unknown_role",
                "'{role}' is not a role that a column can have.",
                fix="Use --map ROLE=COLUMN with one of: {known}.",
                role=unknown[0],
                known=", ".join(ROLES),
            )
        given = set(self.mapping)
        if "messages" in given and given & {"prompt", "completion"}:
            raise UsageError(
                "dataset.map_conflict",
                "The map names messages as well as prompt or completion.",
                fix="Map either messages, or prompt and completion.",
            )
        if len(given & {"prompt", "completion"}) == 1:
            raise UsageError(
                "dataset.map_incomplete",
                "The map names a {there} but no {missing}.",
                fix="Add --map {missing}=COLUMN.",
                there=(given & {"prompt", "completion"}).pop(),
                missing=({"prompt", "completion"} - given).pop(),
            )
        shares = (self.test_share, self.dev_share)
        if not all(0 <= share < 1 for share in shares) or sum(shares) >= 1:
            raise UsageError(
                "dataset.bad_shares",
                "A test share of {test} and a dev share of {dev} leave nothing to train on.",
                fix="Each must be at least 0, and their sum below 1.",
                test=self.test_share,
                dev=self.dev_share,
            )

    def container_or_form(self) -> tuple[Container | None, str | None]:
        """What ``format`` overrides: the container, the form, or neither.

        Raises:
            UsageError: It names neither.
        """
        if self.format is None:
            return None, None
        wanted = self.format.strip().lower().replace("_", "-")
        for container in CONTAINERS:
            if wanted == container:
                return container, None
        if wanted in FORMS:
            return None, wanted
        raise UsageError(
            "dataset.unknown_format",
            "'{format}' is not a format that can be imported.",
            fix="Use one of: {known}.",
            format=self.format,
            known=", ".join((*CONTAINERS, *FORMS)),
        )

    def maps_answer(self) -> bool:
        """Whether the map alone says where prompt and answer are."""
        return "messages" in self.mapping or "prompt" in self.mapping


def split_named(word: str) -> Split | None:
    """The split that a word in the data stands for; None if it stands for none."""
    return _SPLIT_WORDS.get(word.strip().lower())
