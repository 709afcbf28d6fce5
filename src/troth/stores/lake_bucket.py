"""A lake in a bucket of S3: every object that is replaced is replaced only while it is as it was read.

Danger: `swap` replaces and `drop` removes objects.  What prevents loss: new content waits under
`.troth/new/` in the bucket, and is put in place on the condition that the object still has the
ETag that was read; whoever comes after a crash finds it there.
"""

from __future__ import annotations

import io
import json
import os
import secrets
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO, cast
from urllib.parse import parse_qs, unquote, urlsplit

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, PreconditionError

from troth.errors import ConflictError, NotAllowedError, UnreachableError
from troth.stores import held_folder
from troth.stores.lake_place import HIDDEN, Mark

WAITING = f"{HIDDEN}/new"
LOCK = f"{HIDDEN}/lock"
LEASE_SECONDS = 120.0
BYTES_MAX = (
    2 * 1024**3
)  # of an object that is swapped: it is in memory then, and S3 takes no more than 5 GiB at once
STAGES = "troth-stage-"
_KNOWN = frozenset({"endpoint", "region"})
_DRAFTING = threading.Lock()
_HOLDING = threading.local()  # the lease that this thread took


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket, or what lies in it below a prefix."""

    objects: Any = field(repr=False)
    store: str
    lease_seconds: float = LEASE_SECONDS
    bytes_max: int = BYTES_MAX
    uri: str = ""
    options: Mapping[str, str] = field(default_factory=dict, repr=False)

    def files(self) -> Mapping[str, Mark]:
        """Return every object but Troth's own."""
        found: dict[str, Mark] = {}
        with self._reaching():
            for some in obstore.list(self.objects):
                for each in some:
                    name = str(each["path"])
                    if not name.startswith(f"{HIDDEN}/"):
                        found[name] = (str(each["e_tag"]), int(each["size"]))
        return dict(sorted(found.items()))

    def mark(self, name: str) -> Mark | None:
        """Return the ETag and size of an object."""
        with self._reaching():
            try:
                seen = obstore.head(self.objects, name)
            except FileNotFoundError:
                return None
        return (str(seen["e_tag"]), int(seen["size"]))

    def number(self, name: str) -> str:
        """Return its ETag, by which a listing of the bucket tells it."""
        mark = self.mark(name)
        return f"ETag {mark[0] if mark is not None else '?'}"

    def open(self, name: str) -> BinaryIO:
        """Open an object; only what is asked for is fetched."""
        with self._reaching():
            return cast("BinaryIO", io.BufferedReader(_Raw(obstore.open_reader(self.objects, name)), 1 << 20))

    def draft(self, name: str) -> Path:
        """Return a path on this machine, in a folder that only its owner may read."""
        return _drafts() / sha256(name.encode()).hexdigest()

    def offer(self, name: str) -> None:
        """Upload what was drafted."""
        path = self.draft(name)
        if path.stat().st_size > self.bytes_max:
            raise NotAllowedError(
                f"An object of the store `{self.store}` still has more than {self.bytes_max:,} bytes once it is "
                "written anew, more than can be put in its place in one step. Nothing was changed. Let whoever "
                "writes the table split it into smaller objects."
            )
        with self._reaching():
            obstore.put(self.objects, f"{WAITING}/{name}", path)
        path.unlink()

    def withdraw(self, name: str) -> None:
        """Remove what was drafted or waits."""
        self.draft(name).unlink(missing_ok=True)
        self._remove(f"{WAITING}/{name}")

    def swap(self, name: str, mark: Mark) -> bool:
        """Put what waits in the place of the object, if that still has its ETag."""
        content = self._content(f"{WAITING}/{name}")
        if content is None:
            return (self.mark(name) or ()) != mark  # put before; or lost, and then nothing was done
        mode: Any = {"e_tag": str(mark[0])} if mark else "create"
        with self._reaching():
            try:
                obstore.put(self.objects, name, content, mode=mode)
                done = True
            except (PreconditionError, AlreadyExistsError, FileNotFoundError):
                done = self._content(name) == content  # put already, before a crash
        if done:
            self._remove(f"{WAITING}/{name}")
        return done

    def drop(self, name: str, mark: Mark) -> bool:
        """Remove an object that still has its ETag."""
        now = self.mark(name)
        if now is not None and now != mark:
            return False
        self._remove(name)
        return True

    def sweep(self) -> None:
        """Remove all that waits."""
        for name in self._waiting():
            self._remove(name)

    def note(self, name: str) -> str | None:
        """Read a note."""
        found = self._content(f"{HIDDEN}/{name}")
        return None if found is None else found.decode()

    def ready(self, names: Iterable[str]) -> bool:
        """Tell whether the lease is still this thread's and will last a while, and all of these wait."""
        held = json.loads(self._content(LOCK) or b"{}")
        ours = held.get("holder") == getattr(_HOLDING, "token", "")
        if not ours or float(held["until"]) < time.time() + self.lease_seconds / 3:
            return False
        return {f"{WAITING}/{name}" for name in names} <= set(self._waiting())

    def write_note(self, name: str, text: str, *, once: bool = False) -> None:
        """Write a note; an object is there whole or not at all."""
        with self._reaching():
            try:
                obstore.put(
                    self.objects, f"{HIDDEN}/{name}", text.encode(), mode="create" if once else "overwrite"
                )
            except AlreadyExistsError:
                if self.note(name) != text:  # ours, where an answer was lost on its way
                    raise ConflictError(
                        f"Another process works on the store `{self.store}`. Nothing was changed. Measure again."
                    ) from None

    def drop_note(self, name: str) -> None:
        """Remove a note."""
        self._remove(f"{HIDDEN}/{name}")

    def notes(self, below: str) -> Iterator[str]:
        """Yield the text of every note."""
        for name in self._listed(f"{HIDDEN}/{below}"):
            yield (self._content(name) or b"").decode()

    def scratch(self) -> Path:
        """Return where this machine keeps what is temporary."""
        return Path(tempfile.gettempdir())

    def address(self, name: str) -> tuple[str, Mapping[str, str]]:
        """Return the URI of a folder of the bucket, and the credentials."""
        return f"{self.uri}/{name}", self.options

    @contextmanager
    def alone(self, store: str, wait_seconds: float) -> Iterator[None]:
        """Hold a lease, written in the bucket and renewed while it is held; one that ran out is taken over."""
        token = secrets.token_hex(16)
        tag = self._taken(store, token, wait_seconds)
        _HOLDING.token = token
        over = threading.Event()
        holder = threading.Thread(target=self._renew, args=(token, tag, over), daemon=True)
        holder.start()
        try:
            yield
        finally:
            over.set()
            holder.join()
            _HOLDING.token = ""
            with suppress(UnreachableError):
                if (self._content(LOCK) or b"").find(token.encode()) >= 0:
                    self._remove(LOCK)

    def _taken(self, store: str, token: str, wait_seconds: float) -> str:
        end = time.monotonic() + wait_seconds
        while True:
            with self._reaching():
                try:
                    got = obstore.get(self.objects, LOCK)
                    held = json.loads(bytes(got.bytes()))
                    mode: Any = {"e_tag": str(got.meta["e_tag"])}
                    free = float(held["until"]) < time.time()
                except FileNotFoundError:
                    mode, free = "create", True
                if free:
                    with suppress(PreconditionError, AlreadyExistsError, FileNotFoundError):
                        return str(obstore.put(self.objects, LOCK, self._lease(token), mode=mode)["e_tag"])
            if time.monotonic() > end:
                raise UnreachableError(
                    f"Another process works on the store `{store}`, or was killed less than "
                    f"{self.lease_seconds / 60:.0f} minutes ago. Nothing was changed; try again."
                )
            time.sleep(0.2)

    def _renew(self, token: str, tag: str, over: threading.Event) -> None:
        while not over.wait(self.lease_seconds / 3):
            with suppress(BaseError, OSError):
                try:
                    put = obstore.put(self.objects, LOCK, self._lease(token), mode={"e_tag": tag})
                    tag = str(put["e_tag"])
                except PreconditionError:  # somebody took it over, or the answer to ours was lost
                    got = obstore.get(self.objects, LOCK)
                    if json.loads(bytes(got.bytes()))["holder"] != token:
                        return
                    tag = str(got.meta["e_tag"])

    def _lease(self, token: str) -> bytes:
        return json.dumps({"holder": token, "until": time.time() + self.lease_seconds}).encode()

    def _waiting(self) -> list[str]:
        return self._listed(WAITING)

    def _listed(self, prefix: str) -> list[str]:
        with self._reaching():
            return [str(each["path"]) for some in obstore.list(self.objects, prefix=prefix) for each in some]

    def _content(self, name: str) -> bytes | None:
        with self._reaching():
            try:
                return bytes(obstore.get(self.objects, name).bytes())
            except FileNotFoundError:
                return None

    def _remove(self, name: str) -> None:
        with self._reaching(), suppress(FileNotFoundError):
            obstore.delete(self.objects, name)

    @contextmanager
    def _reaching(self) -> Iterator[None]:
        """Say an error of the service without what it was about."""
        try:
            yield
        except (BaseError, OSError) as error:
            raise UnreachableError(
                f"The bucket of the store `{self.store}` did not answer as it must ({type(error).__name__}). Check the "
                "endpoint, the region and the rights of these credentials, then try again."
            ) from None


def opened(url: str, store: str) -> Bucket:
    """Open `s3://BUCKET/PREFIX?endpoint=…&region=…`, with `KEY:SECRET@` before the bucket or none.

    Without them the credentials are those of the environment or of the machine.
    """
    parts = urlsplit(url)
    asked = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    bucket = parts.netloc.rpartition("@")[2]
    if not bucket or not set(asked) <= _KNOWN or parts.fragment:
        raise NotAllowedError(
            f"The URL of the bucket of the store `{store}` is not written as `s3://BUCKET/PREFIX`, with "
            "`?endpoint=…&region=…` where it is not at Amazon."
        )
    given: dict[str, Any] = {"region": asked.get("region", os.environ.get("AWS_REGION", "us-east-1"))}
    if "endpoint" in asked:
        given["endpoint"] = asked["endpoint"]
        given["client_options"] = {"allow_http": asked["endpoint"].startswith("http://")}
    if parts.username:
        given["access_key_id"] = unquote(parts.username)
        given["secret_access_key"] = unquote(parts.password or "")
    retry: Any = {"max_retries": 3}
    made = obstore.store.S3Store(bucket, prefix=parts.path.strip("/") or None, retry_config=retry, **given)
    prefix = parts.path.strip("/")
    options = {f"aws_{name}": str(value) for name, value in given.items() if name != "client_options"}
    if "client_options" in given:
        options["allow_http"] = str(given["client_options"]["allow_http"]).lower()
    return Bucket(made, store, uri=f"s3://{bucket}/{prefix}".rstrip("/"), options=options)


class _Raw(io.RawIOBase):
    """An object as a file that can be read from any place."""

    def __init__(self, reader: Any) -> None:
        self._reader = reader

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        self._reader.seek(offset, whence)
        return int(self._reader.tell())

    def tell(self) -> int:
        return int(self._reader.tell())

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        try:
            read = memoryview(self._reader.read(len(view)))
        except BaseError:
            raise OSError("the bucket did not answer") from None
        view[: len(read)] = read
        return len(read)


def _drafts() -> Path:
    """Return the folder in which this process drafts; what a killed one left is removed with old stages."""
    with _DRAFTING:  # files are written by several threads, and there is one folder
        return _made()


@cache
def _made() -> Path:
    return held_folder.held(STAGES)[0]
