"""Checks what no file of the repository may contain: paths of one machine, addresses of package registries.

It also refuses large and built files, which a repository keeps for ever. Run it in a checkout.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

ROOT: Final = Path(__file__).resolve().parent.parent
#: Hosts that a file may name, with their subdomains. Package registries are none of them: pip, apt and npm
#: know where to look, and not everybody looks at the same place.
HOSTS: Final = (
    "localhost",
    "127.0.0.1",
    "example",
    "example.com",
    "example.org",
    "invalid",
    "test",
    "api.openai.com",
    "apache.org",
    "arxiv.org",
    "creativecommons.org",
    "doi.org",
    "fsf.org",
    "gnu.org",
    "huggingface.co",
    "json-schema.org",
    "keepachangelog.com",
    "semver.org",
    "w3.org",
)
LARGEST_MB: Final = 2.0
BUILT: Final = frozenset({".whl", ".gguf", ".pyc", ".so", ".exe", ".zip", ".egg"})

_ADDRESS: Final = re.compile(r"\bhttps?://[^\s\"'`<>()\[\]{}\\]+")
_PIP_OPTION: Final = re.compile(r"--(?:extra-)?index-url[= ]|--find-links[= ]|--trusted-host[= ]")
#: An absolute path below a folder in which a machine's owner, not its system, keeps things.
_MACHINE_PATH: Final = re.compile(r"(?<![\w.$})~-])/(?:farm|home|mnt|opt|root|srv|Users|work)/[\w.-]+")


def main() -> int:
    """Print every offence; the number of them is the failure."""
    offences = [offence for path in _files() for offence in _offences(path)]
    print("\n".join(offences) or "No machine path, no registry, no built file.")
    return 1 if offences else 0


def _files() -> list[Path]:
    """Files that are committed or about to be."""
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    names = listing.stdout.decode().split("\0")
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


def _offences(path: Path) -> Iterable[str]:
    name = path.relative_to(ROOT).as_posix()
    size = path.stat().st_size / 1e6
    if path.suffix in BUILT:
        yield f"{name}: a built file"
        return
    if size > LARGEST_MB:
        yield f"{name}: {size:.1f} MB, more than {LARGEST_MB}"
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return
    for number, line in enumerate(text.splitlines(), 1):
        for address in _ADDRESS.findall(line):
            host = _host(address)
            if "." in host and not any(host == known or host.endswith(f".{known}") for known in HOSTS):
                yield f"{name}:{number}: names the host {host} (known ones stand in packaging/check_tree.py)"
        if path != Path(__file__).resolve():
            for match in [*_PIP_OPTION.findall(line), *_MACHINE_PATH.findall(line)]:
                yield f"{name}:{number}: {match.strip()} belongs to one machine"


def _host(address: str) -> str:
    try:
        return (urlsplit(address).hostname or "").lower()
    except ValueError:
        return ""


if __name__ == "__main__":
    sys.exit(main())
