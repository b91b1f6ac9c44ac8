"""A network as companies have it: nothing is reached but by a proxy, which encrypts with an authority of its own.

``with CompanyNetwork(folder, server) as network:`` answers ``https://models.company.test/v1`` from ``server``, for
whoever asks through ``network.proxy`` and trusts ``network.authority``.
"""

from __future__ import annotations

import datetime
import selectors
import socket
import socketserver
import ssl
import threading
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.fake_openai import FakeOpenAI

HOST = "models.company.test"
_PEM = serialization.Encoding.PEM


class CompanyNetwork:
    """The running proxy.

    Attributes:
        authority: File with the certificate of the authority.
        asked: The places that were asked for, in order.
    """

    def __init__(self, folder: Path, server: FakeOpenAI) -> None:
        self.authority = folder / "authority.pem"
        self.asked: list[str] = []
        self.target = urlsplit(server.base_url)
        self.encryption = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.encryption.load_cert_chain(_certificates(folder, self.authority))
        self._server = _Server(("127.0.0.1", 0), _Tunnel)
        self._server.network = self
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), name="proxy", daemon=True
        )

    @property
    def proxy(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> CompanyNetwork:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    network: CompanyNetwork


class _Tunnel(socketserver.StreamRequestHandler):
    """One ``CONNECT``, and what goes through it."""

    server: _Server

    def handle(self) -> None:
        network = self.server.network
        method, place, _ = self.rfile.readline().decode("ascii").split()
        while self.rfile.readline().strip():
            pass
        network.asked.append(f"{method} {place}")
        if (method, place) != ("CONNECT", f"{HOST}:443"):
            self.wfile.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
            return
        self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        try:
            asker = network.encryption.wrap_socket(self.request, server_side=True)
        except (ssl.SSLError, OSError):  # who does not trust the authority hangs up
            return
        with socket.create_connection((network.target.hostname, network.target.port)) as teller:
            _pass_on(asker, teller)


def _pass_on(asker: ssl.SSLSocket, teller: socket.socket) -> None:
    with selectors.DefaultSelector() as waiting:
        waiting.register(asker, selectors.EVENT_READ, teller)
        waiting.register(teller, selectors.EVENT_READ, asker)
        while True:
            for ready, _ in waiting.select():
                source: Any = ready.fileobj
                data = source.recv(65_536)
                while source is asker and asker.pending():
                    data += asker.recv(asker.pending())
                if not data:
                    return
                ready.data.sendall(data)


def _certificates(folder: Path, authority: Path) -> Path:
    """Make an authority and a certificate for `HOST`; returns the file with the certificate and its key."""
    today = datetime.datetime.now(datetime.UTC)

    def begun(subject: str, issuer: str, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(today - datetime.timedelta(days=1))
            .not_valid_after(today + datetime.timedelta(days=1))
        )

    root, own = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    of_root = begun("The company", "The company", root)
    of_root = of_root.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    of_root = of_root.add_extension(
        x509.SubjectKeyIdentifier.from_public_key(root.public_key()), critical=False
    )
    authority.write_bytes(of_root.sign(root, hashes.SHA256()).public_bytes(_PEM))
    of_host = begun(HOST, "The company", own)
    of_host = of_host.add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
    of_host = of_host.add_extension(
        x509.AuthorityKeyIdentifier.from_issuer_public_key(root.public_key()), critical=False
    )
    file = folder / "host.pem"
    private = own.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file.write_bytes(of_host.sign(root, hashes.SHA256()).public_bytes(_PEM) + private)
    return file
