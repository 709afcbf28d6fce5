"""An OpenID provider that says what it is told to: what a real one never would."""

import base64
import hmac
import json
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from joserfc import jwt
from joserfc.jwk import RSAKey


class Liar:
    """What it says of itself, whom its tokens name, and how it signs them."""

    def __init__(self, port):
        self.issuer = f"http://127.0.0.1:{port}"
        self.key = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})
        self.published = [self.key.as_dict(private=False)]
        self.discovery = {
            "issuer": self.issuer, "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token", "jwks_uri": f"{self.issuer}/keys",
        }  # fmt: skip
        self.claims, self.header, self.signer, self.nonce, self.codes = (
            {},
            {"alg": "RS256", "kid": "one"},
            None,
            "",
            [],
        )

    def token(self):
        """Return the token as it is told to make it."""
        now = int(time.time())
        claims = {
            "iss": self.issuer, "aud": "troth", "sub": "s-1", "nonce": self.nonce, "iat": now, "exp": now + 300,
            "email": "anne@staff.example", "name": "Anne Durand",
        } | self.claims  # fmt: skip
        claims = {name: value for name, value in claims.items() if value is not None}
        if self.header["alg"] == "none":
            return ".".join(_plain(json.dumps(one).encode()) for one in ({"alg": "none"}, claims)) + "."
        if self.header["alg"] == "HS256":  # by the published key's own bytes: the old confusion of kinds
            parts = [_plain(json.dumps(one).encode()) for one in (self.header, claims)]
            mac = hmac.digest(self.key.as_pem(private=False), ".".join(parts).encode(), "sha256")
            return ".".join([*parts, _plain(mac)])
        return jwt.encode(self.header, claims, self.signer or self.key, algorithms=[self.header["alg"]])


def _plain(one):
    return base64.urlsafe_b64encode(one).decode().rstrip("=")


@contextmanager
def lying_provider():
    """Run it on a free loopback port."""

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self):
            self._say(liar.discovery if "well-known" in self.path else {"keys": liar.published})

        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            liar.codes.append(body)
            self._say({"id_token": liar.token(), "access_token": "x", "token_type": "Bearer"})

        def _say(self, told):
            body = json.dumps(told).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    liar = Liar(server.server_port)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield liar
    finally:
        server.shutdown()
        server.server_close()
