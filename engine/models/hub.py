"""Downloading a model from the Hugging Face Hub: resumable, with progress, safetensors only."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from engine.models.errors import ModelError
from engine.progress import Reporter

_WANTED: Final = ("*.json", "*.safetensors", "*.jinja", "*.model", "*.txt", "README.md", "LICENSE*")


def download(repository: str, revision: str, folder: Path, reporter: Reporter) -> str:
    """Bring ``repository`` at ``revision`` to ``folder``; what is there already is not fetched again.

    Returns:
        The commit that was downloaded.

    Raises:
        ModelError: It does not exist, is gated, has no safetensors, or the Hub cannot be reached.
    """
    from huggingface_hub import HfApi, hf_hub_download
    from huggingface_hub import errors as hub

    try:
        details = HfApi().model_info(repository, revision=revision, files_metadata=True)
        files = _choose(repository, details.siblings or [])
        total = sum(size for _, size in files)
        done = 0
        reporter.progress(0, total, "bytes")
        for name, size in files:
            reporter.check()
            hf_hub_download(repository, name, revision=details.sha, local_dir=folder)
            done += size
            reporter.progress(done, total, "bytes")
        return str(details.sha)
    except hub.GatedRepoError as error:
        raise ModelError(
            "hub.gated",
            "The model {name} is gated: its owner must grant you access.",
            fix="Accept its terms on its page, then log in with: hf auth login",
            name=repository,
        ) from error
    except (hub.RepositoryNotFoundError, hub.RevisionNotFoundError) as error:
        raise ModelError(
            "hub.unknown",
            "The Hub has no model {name} at revision {revision}, or it is private.",
            fix="Check the spelling; a private model needs: hf auth login",
            name=repository,
            revision=revision,
        ) from error
    except Exception as error:
        if isinstance(error, ModelError):
            raise
        raise ModelError(
            "hub.unreachable",
            "The model {name} cannot be downloaded: the Hugging Face Hub cannot be reached ({reason}).",
            fix="Check the network and try again; what is already here is kept.",
            name=repository,
            reason=type(error).__name__,
        ) from error


def _choose(repository: str, siblings: list[Any]) -> list[tuple[str, int]]:
    """The files to fetch, with sizes; subfolders are other formats of the same weights."""
    from fnmatch import fnmatch

    names = [(item.rfilename, int(item.size or 0)) for item in siblings if "/" not in item.rfilename]
    chosen = [(name, size) for name, size in names if any(fnmatch(name, pattern) for pattern in _WANTED)]
    if not any(name.endswith(".safetensors") for name, _ in chosen):
        raise ModelError(
            "model.pickle"
            if any(name.endswith((".bin", ".pt")) for name, _ in names)
            else "model.no_weights",
            "The model {name} has no .safetensors weights; Bakeoff never opens pickles.",
            fix="Choose a version of the model with .safetensors files.",
            name=repository,
        )
    return chosen
