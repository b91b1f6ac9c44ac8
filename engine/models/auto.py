"""Classes of transformers, for whoever may be one of several threads that want them at once."""

from __future__ import annotations

import os
import sys
from threading import Lock
from typing import Any, Final

#: transformers puts another module into its own place while it is imported: a thread that imports it meanwhile holds
#: the one that was left, which has none of its classes.
_LOCK: Final = Lock()


def auto_class(name: str) -> Any:
    """The class of this name, such as ``AutoConfig``."""
    with _LOCK:
        import transformers

        return getattr(transformers, name)


def forgo_torch() -> None:
    """Do without PyTorch from now on, in a process that only wants tokenizers of transformers.

    Of the 3.4 seconds of processor time until such a tokenizer is there, 2.2 go to PyTorch. It cannot be imported
    afterwards.
    """
    os.environ["TRANSFORMERS_NO_ADVISORY_WARNINGS"] = "1"  # that it is missing
    sys.modules["torch"] = None  # type: ignore[assignment]
