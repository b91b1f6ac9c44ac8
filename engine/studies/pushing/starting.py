"""What must hold before a release is pushed, so that none is made in vain."""

from __future__ import annotations

import re
from typing import Final

from engine.studies.pushing.token import Token, require_token
from engine.studies.release.errors import ReleaseError

_NAME: Final = re.compile(r"[\w.\-]+/[\w.\-]+", re.ASCII)


def require_pushable(repository: str) -> Token:
    """Refuse a push that could only fail; returns the token to push with.

    Raises:
        ReleaseError: ``repository`` cannot be the name of one.
        SecretError: There is no token.
    """
    if not _NAME.fullmatch(repository):
        raise ReleaseError(
            "push.bad_name",
            "{name} cannot be the name of a repository.",
            fix="Write it as USER/NAME, of letters, digits, hyphens, dots and underscores.",
            name=repository,
        )
    return require_token()
