"""Classes of transformers, for whoever may be one of several threads that want them at once."""

from __future__ import annotations

import os
import sys
from threading import Lock
from typing import Any, Final

#: transformers puts another module into its own place while it is imported: a thread that imports it meanwhile holds
#: the one that was left, which has none of its classes.
_LOCK: Final = Lock()
#: Whether transformers keeps to itself that PyTorch is missing.
_SILENT: Final = "TRANSFORMERS_NO_ADVISORY_WARNINGS"


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
    os.environ[_SILENT] = "1"  # that it is missing
    sys.modules["torch"] = None  # type: ignore[assignment]


def forgo_models() -> None:
    """Do without transformers' models from now on, in a process that wants its tokenizers beside PyTorch.

    transformers takes 1.2 seconds of processor time more where it finds PyTorch; from then on it believes that there
    is none. Where either is imported already, everything stays as it is. No other thread may import
    PyTorch meanwhile.
    """
    with _LOCK:
        if "torch" in sys.modules or "transformers" in sys.modules:
            return
        said = os.environ.get(_SILENT)
        forgo_torch()
        try:
            import transformers

            transformers.AutoConfig, transformers.AutoTokenizer  # noqa: B018 - each is imported when it is named
        finally:
            del sys.modules["torch"]
            if said is None:
                del os.environ[_SILENT]
            else:
                os.environ[_SILENT] = said
