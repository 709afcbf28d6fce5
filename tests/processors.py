"""A processor that speaks OpenDSR, real enough to refuse, to lie, to hang and to sign."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID

DOMAIN = "processor.example"


@dataclass
class Processor:
    """What it does with the next messages (`accept`, `refuse`, `fail`, `lie`, `unsigned`, `hang`), and what it got."""

    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
    certificate: bytes
    url: str = ""
    mood: str = "accept"
    got: list[tuple[dict[str, str], dict]] = field(default_factory=list)
    go_on: threading.Event = field(default_factory=threading.Event)

    def sign(self, body: bytes) -> str:
        """Sign bytes as its certificate says."""
        if isinstance(self.key, rsa.RSAPrivateKey):
            signature = self.key.sign(body, padding.PKCS1v15(), SHA256())
        else:
            signature = self.key.sign(body, ec.ECDSA(SHA256()))
        return base64.b64encode(signature).decode()

    def headers(self, body: bytes) -> dict[str, str]:
        """Return the headers of a message of its own."""
        return {"X-OpenDSR-Processor-Domain": DOMAIN, "X-OpenDSR-Signature": self.sign(body)}

    def says(self, status: str, **other: str) -> bytes:
        """Write what it says of the last message it got."""
        sent = self.got[-1][1]
        told = {
            "controller_id": "shop",
            "expected_completion_time": "2026-12-01T00:00:00Z",
            "status_callback_url": sent["status_callback_urls"][0],
            "subject_request_id": sent["subject_request_id"],
            "request_status": status,
        }
        return json.dumps(told | other).encode()


def certified(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, domain: str = DOMAIN) -> bytes:
    """Return a certificate for a key."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, domain)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=365))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(domain)]), critical=False)
        .sign(key, SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM)


@contextmanager
def processor(*, elliptic: bool = False) -> Iterator[Processor]:
    """Run a processor on a free port until the block ends."""
    key = ec.generate_private_key(ec.SECP256R1()) if elliptic else rsa.generate_private_key(65537, 2048)
    made = Processor(key, certified(key))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            made.got.append((dict(self.headers), json.loads(body)))
            if made.mood == "hang":
                made.go_on.wait(20)
                return
            status = {"refuse": 400, "fail": 503}.get(made.mood, 201)
            told = {
                "controller_id": "shop",
                "received_time": "2026-11-23T09:00:00Z",
                "expected_completion_time": "2026-12-01T00:00:00Z",
                "encoded_request": base64.b64encode(b"another" if made.mood == "lie" else body).decode(),
                "subject_request_id": made.got[-1][1]["subject_request_id"],
            }
            answer = json.dumps(told).encode()
            self.send_response(status)
            if made.mood != "unsigned":
                for name, value in made.headers(answer).items():
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.url = f"http://127.0.0.1:{server.server_port}/v1/requests"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        made.go_on.set()
        server.shutdown()
        server.server_close()
        thread.join(10)
