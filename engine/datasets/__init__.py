"""Datasets: read -> map -> check -> split -> store. Light to import: pyarrow and numpy load when work begins."""

from engine.datasets.errors import DatasetError, RowFaultError, SealedError, StoreError
from engine.datasets.example import Example, Message, prompt_id
from engine.datasets.importing import import_files
from engine.datasets.options import FORMS, ROLES, SPLITS, ImportOptions, Source, Split
from engine.datasets.report import ImportReport, Rejected
from engine.datasets.seal import require_open
from engine.datasets.store import DatasetStore

__all__ = [
    "FORMS",
    "ROLES",
    "SPLITS",
    "DatasetError",
    "DatasetStore",
    "Example",
    "ImportOptions",
    "ImportReport",
    "Message",
    "Rejected",
    "RowFaultError",
    "SealedError",
    "Source",
    "Split",
    "StoreError",
    "import_files",
    "prompt_id",
    "require_open",
]
