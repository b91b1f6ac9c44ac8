"""Classes of transformers, for whoever may be one of several threads that want them at once."""

from __future__ import annotations

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
