"""One window per workspace: who comes second asks the first to come forward, and ends."""

from __future__ import annotations

import getpass
import hashlib
import time
from typing import Final, Literal

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtNetwork import QLocalServer, QLocalSocket

from engine.locks import ProcessLock
from engine.workspace import Workspace

#: What one window says to another.
_COME: Final = b"come forward\n"
#: Seconds for which a window that is just starting is tried, and milliseconds for each try.
_PATIENCE: Final = 3.0
_TRY: Final = 300


class Instance(QObject):
    """This window's claim to its workspace; held until the process ends, however it ends.

    Args:
        workspace: Which; its folder holds the lock.
    """

    #: Somebody has opened this workspace once more.
    asked = Signal()

    def __init__(self, workspace: Workspace, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._lock = ProcessLock(workspace.root / "window.lock")
        whose = f"{getpass.getuser()} {workspace.root}"
        self._name = f"bakeoff-{hashlib.sha256(whose.encode()).hexdigest()[:24]}"
        self._server: QLocalServer | None = None

    def claim(self) -> Literal["first", "raised", "held"]:
        """Be the window of the workspace, or ask the one that is to come forward.

        Returns:
            ``first``: this one is. ``raised``: another one is, and has heard. ``held``: another one is, and does not
            answer, as it is another user's, or hangs.
        """
        if self._lock.acquire():
            self._listen()
            return "first"
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            if self._call():
                return "raised"
            time.sleep(0.05)
        return "held"

    def close(self) -> None:
        """Let the workspace go."""
        if self._server is not None:
            self._server.close()
            self._server = None
        self._lock.release()

    def _listen(self) -> None:
        QLocalServer.removeServer(self._name)  # of a window that was killed; the lock says that it is gone
        self._server = QLocalServer(self)
        self._server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        self._server.newConnection.connect(self._answer)
        self._server.listen(self._name)

    def _call(self) -> bool:
        socket = QLocalSocket()
        socket.connectToServer(self._name)
        if not socket.waitForConnected(_TRY):
            return False
        socket.write(_COME)
        heard = socket.waitForBytesWritten(_TRY) and (
            socket.bytesAvailable() > 0 or socket.waitForReadyRead(int(_PATIENCE * 1000))
        )  # the answer may have come while this one was still speaking
        socket.disconnectFromServer()
        return bool(heard)

    @Slot()
    def _answer(self) -> None:
        while self._server is not None and (socket := self._server.nextPendingConnection()) is not None:
            socket.write(b"yes\n")
            socket.flush()
            socket.disconnected.connect(socket.deleteLater)
            self.asked.emit()
