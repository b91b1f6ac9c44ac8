"""A repository on the Hugging Face Hub, and what can be wrong with it.

Large files go up one by one before the commit that shows them. What has arrived is not sent again: the Hub knows
files by their hash, and with its own storage protocol (Xet) also parts of files.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx2

from engine.errors import Words, reason_of
from engine.progress import Reporter
from engine.studies.pushing.token import require_token
from engine.studies.release.bundle import FACTS, SUMS
from engine.studies.release.errors import ReleaseError
from engine.studies.release.hub_licences import fault_of_card

#: Seconds to wait before a file is sent again after the connection broke off.
_WAITS: Final = (1.0, 2.0, 4.0)
#: Files that every new repository has, or that the Hub makes.
_OWN_FILES: Final = frozenset({".gitattributes"})
_PASSING: Final = frozenset({408, 429, 500, 502, 503, 504})


class Repository:
    """One model repository.

    Args:
        name: ``USER/NAME``.
        reporter: Hears what happens, and may interrupt.

    Raises:
        SecretError: There is no token.
    """

    def __init__(self, name: str, reporter: Reporter) -> None:
        from huggingface_hub import HfApi

        self.name = name
        self.private = True
        self._reporter = reporter
        secret = require_token()
        reporter.event("push.token", source=secret.source)
        self._api = HfApi(endpoint=os.environ.get("HF_ENDPOINT") or None, token=secret.value)
        self._operations: list[Any] = []
        self._earlier: set[str] = set()

    @property
    def url(self) -> str:
        """Its page."""
        return f"{self._api.endpoint}/{self.name}"

    def prepare(self, *, public: bool) -> None:
        """Make it, or see that it may be written over.

        Raises:
            ReleaseError: It holds something else, is public against the wish, or the token is not allowed to.
        """
        found = self._found()
        self.private = not public
        if found is None:
            with self._told():
                self._api.create_repo(self.name, private=not public, exist_ok=True)
            self._reporter.event("push.created", repository=self.name, private=not public)
            return
        private, names = found
        if not private and not public:
            raise ReleaseError(
                "push.public",
                "The repository {name} is public, and what is pushed stays private unless it is asked for.",
                fix="Add --public, or push to another name.",
                name=self.name,
            )
        self.private = private
        if private and public:
            self._reporter.decision(
                "visibility", Words("private"), "the repository was there already, and is private"
            )
        if names - _OWN_FILES and FACTS not in names:
            raise ReleaseError(
                "push.exists",
                "The repository {name} exists and holds something that is no release of Bakeoff.",
                fix="Push to another name.",
                name=self.name,
            )
        if FACTS in names:
            self._reporter.decision("repository", Words("updated"), "it holds an earlier release")
            self._earlier = self._released(names)

    def check_card(self, text: str) -> None:
        """Let the Hub read a model card, before anything large is sent.

        Raises:
            ReleaseError: It does not accept the card.
        """
        from huggingface_hub import get_session

        with self._told():
            answer = get_session().post(
                f"{self._api.endpoint}/api/validate-yaml",
                json={"content": text, "repoType": "model"},
                headers={"authorization": f"Bearer {self._api.token}"},
            )
            if answer.status_code != 400:
                answer.raise_for_status()
                return
        faults = [str(one.get("message")) for one in answer.json().get("errors", [])]
        raise _card_refused("; ".join(faults) or "its first lines cannot be read")

    def upload(self, folder: Path, name: str) -> None:
        """Send one file, unless the Hub has it; small ones travel with the commit.

        Raises:
            ReleaseError: The connection broke off too often, or the token is not allowed to.
        """
        from huggingface_hub import CommitOperationAdd

        def send() -> None:
            addition = CommitOperationAdd(path_in_repo=name, path_or_fileobj=folder / name)
            self._api.preupload_lfs_files(self.name, [addition], free_memory=False)
            self._operations.append(addition)

        self._persistently(send, name)

    def commit(self, message: str) -> str:
        """Show all files that were sent, at once, without those of an earlier release; returns the commit."""
        from huggingface_hub import CommitOperationDelete

        info: list[Any] = []
        left = self._earlier - {one.path_in_repo for one in self._operations}
        deletions = [CommitOperationDelete(name) for name in sorted(left)]
        if left:
            self._reporter.decision(
                "earlier files", Words("removed"), "this release does not have them", files=sorted(left)
            )

        def send() -> None:
            operations = [*self._operations, *deletions]
            info.append(self._api.create_commit(self.name, operations, commit_message=message))

        self._persistently(send, "the commit")
        return str(info[-1].oid)

    def _found(self) -> tuple[bool, set[str]] | None:
        """Whether it is private, and its files; None where there is none that the token can see."""
        from huggingface_hub.errors import RepositoryNotFoundError

        with self._told():
            try:
                info = self._api.model_info(self.name)
            except RepositoryNotFoundError as error:
                if error.response.status_code == 401 and error.response.headers.get("X-Error-Code") is None:
                    raise
                return None
        return bool(info.private), {item.rfilename for item in info.siblings or []}

    def _released(self, names: set[str]) -> set[str]:
        """Those files of the repository that an earlier release put there, as its list of hashes says."""
        from huggingface_hub import get_session, hf_hub_url

        if SUMS not in names:
            return set()
        with self._told():
            answer = get_session().get(
                hf_hub_url(self.name, SUMS, endpoint=self._api.endpoint),
                headers={"authorization": f"Bearer {self._api.token}"},
                follow_redirects=True,
            )
            answer.raise_for_status()
        listed = {line.partition("  ")[2] for line in answer.text.splitlines()}
        return names & {*listed, SUMS}

    def _persistently(self, send: Callable[[], None], what: str) -> None:
        """Do something, and again when the connection breaks off."""
        waits = iter(_WAITS)
        while True:
            try:
                with self._told():
                    send()
                return
            except ReleaseError as error:
                wait = next(waits, None)
                if error.code != "hub.unreachable" or wait is None:
                    raise
                self._reporter.event("push.broken_off", what=what, reason=error.message)
            end = time.monotonic() + wait
            while time.monotonic() < end:
                self._reporter.check()
                time.sleep(0.1)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Tell failures of the Hub and of the network in words."""
        try:
            yield
        except ReleaseError:
            raise
        except Exception as error:
            raise self._in_words(error) from error

    def _in_words(self, error: Exception) -> Exception:
        from huggingface_hub import errors as hub

        response = _response_of(error)
        status = response.status_code if response is not None else None
        if isinstance(error, hub.HFValidationError):
            return ReleaseError(
                "push.bad_name",
                "{name} cannot be the name of a repository.",
                fix="Write it as USER/NAME, of letters, digits, hyphens, dots and underscores.",
                name=self.name,
            )
        if status == 401:
            return ReleaseError(
                "push.token_refused",
                "The Hugging Face Hub does not accept the token.",
                fix="Make a new one with write access, and store it with: bakeoff key set huggingface",
            )
        if status in (402, 403, 404):
            return ReleaseError(
                "push.forbidden",
                "The token may not write to {name}.",
                fix="Use a token with write access, and a name of your own or of an organisation that you belong to.",
                name=self.name,
            )
        if status in _PASSING or (status is None and _is_network(error)):
            return ReleaseError(
                "hub.unreachable",
                "{name} cannot be pushed: the Hugging Face Hub cannot be reached ({reason}).",
                fix="Check the network and give the same command again; what has arrived is not sent again.",
                name=self.name,
                reason=f"status {status}" if status else type(_cause(error)).__name__,
            )
        if status is not None or isinstance(error, ValueError):
            return ReleaseError(
                "push.refused",
                "The Hugging Face Hub refuses {name}: {reason}.",
                fix="Check the name and the model card.",
                name=self.name,
                reason=reason_of(error),
            )
        return error


def require_card(text: str) -> None:
    """See without the network that a model card is one that the Hub can read.

    Raises:
        ReleaseError: It is not.
    """
    if fault := fault_of_card(text):
        raise _card_refused(fault)


def _card_refused(reason: str) -> ReleaseError:
    return ReleaseError(
        "push.card_refused",
        "The Hugging Face Hub does not accept the model card: {reason}.",
        fix="Correct the lines between the dashes at the top of README.md, and release the model again.",
        reason=reason.rstrip(".")[:300],
    )


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error and what caused it."""
    found: BaseException | None = error
    while found is not None:
        yield found
        found = found.__cause__ or found.__context__


def _response_of(error: Exception) -> Any:
    """The Hub's answer behind an error, if there was one."""
    return next(
        (one.response for one in _chain(error) if getattr(one, "response", None) is not None),  # type: ignore[attr-defined]
        None,
    )


def _is_network(error: Exception) -> bool:
    return any(isinstance(one, httpx2.HTTPError | ConnectionError | TimeoutError) for one in _chain(error))


def _cause(error: Exception) -> BaseException:
    return next(
        (one for one in _chain(error) if isinstance(one, httpx2.HTTPError | ConnectionError | TimeoutError)),
        error,
    )
