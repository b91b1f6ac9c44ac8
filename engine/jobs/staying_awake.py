"""Asking the system not to fall asleep while a job runs; whoever sends it to sleep by hand still can, or is asked.

On Linux a helper of systemd holds the wish while a pipe to us is open, so it ends with us, however we end. On Windows
the wish belongs to the thread that says it, which must be the one that takes it back. Elsewhere nothing is asked.
"""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import sys
import time
from typing import Final

#: Wishes in the order in which they are tried: the first also keeps a program from suspending the machine, which not
#: every session may.
_WHAT: Final = ("idle:sleep", "idle")
#: Seconds in which a wish that is refused has ended.
_REFUSED: Final = 3.0
_CONTINUOUS: Final = 0x80000000
_SYSTEM_REQUIRED: Final = 0x00000001


class StayingAwake:
    """The wish of one process; it holds or does not hold."""

    def __init__(self) -> None:
        self._held = False
        self._helper: subprocess.Popen[bytes] | None = None
        self._asked = 0.0
        self._tried = 0

    def hold(self, wanted: bool) -> None:
        """Ask for it, or take it back; called again and again, it does something only where it differs."""
        if wanted != self._held:
            self._held = wanted
            self._tried = 0
            if sys.platform == "win32":
                self._tell_windows()
            elif wanted:
                self._start_helper()
            else:
                self._end_helper()
        elif wanted and self._helper is not None and self._helper.poll() is not None:
            self._end_helper()
            self._tried = self._tried + 1 if time.monotonic() - self._asked < _REFUSED else 0
            self._start_helper()

    @property
    def held(self) -> bool:
        """Whether the system has been asked, and has not refused."""
        return self._held and (sys.platform == "win32" or self._helper is not None)

    def _start_helper(self) -> None:
        program = shutil.which("systemd-inhibit") if sys.platform == "linux" else None
        if program is None or self._tried >= len(_WHAT):
            return
        self._asked = time.monotonic()
        self._helper = subprocess.Popen(
            [
                program,
                f"--what={_WHAT[self._tried]}",
                "--who=Bakeoff",
                "--why=A job is running",
                "--mode=block",
                "cat",
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def _end_helper(self) -> None:
        helper, self._helper = self._helper, None
        if helper is None:
            return
        if helper.stdin is not None:
            helper.stdin.close()
        try:
            helper.wait(timeout=1.0)
        except subprocess.TimeoutExpired:
            helper.kill()
            helper.wait()

    def _tell_windows(self) -> None:
        if sys.platform == "win32":
            flags = _CONTINUOUS | (_SYSTEM_REQUIRED if self._held else 0)
            ctypes.windll.kernel32.SetThreadExecutionState(ctypes.c_uint32(flags))
