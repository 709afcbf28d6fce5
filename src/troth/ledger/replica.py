"""A local copy of how subjects stand, small and quick enough to be asked before every message.

Two open-addressing tables of 64-bit keys in memory-mapped files: one leads from a subject, one
from the keyed hash of an identifier or of a closed address; what they lead to is a record in a
*heap* that only grows.  It holds no identifier and no name.  Whatever it says can be made anew
from the ledger: a copy that was cut short is followed on from its last settled place.

A record is: its sort, how many entries, for each entry eight bytes of *shape* (topic, state,
scope, end) in the order they were said, then for each entry when and by which event.  Two
subjects with the same shape get the same answer, which is worked out once.
"""

from __future__ import annotations

import base64
import json
import mmap
import os
import struct
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from troth.errors import ConflictError, NotAllowedError

if TYPE_CHECKING:
    import numpy

FORMAT = 2
SLOT_BYTES = 16
ROOM_MIN = 1 << 16
FULL = 0.7
_SHAPE = struct.Struct("<HBxHH")
_PROOF = struct.Struct("<q16s")
_NEVER = date(2000, 1, 1)
_DAYS_MAX = (1 << 16) - 1
_BEGAN = datetime(1970, 1, 1, tzinfo=UTC)
_BASE32, _CROCKFORD = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_FROM_CROCKFORD, _TO_CROCKFORD = str.maketrans(_CROCKFORD, _BASE32), str.maketrans(_BASE32, _CROCKFORD)
SAID = ("given", "refused", "withdrawn", "expired")
AGES = ("unknown", "alone", "guardian", "minor")
PLAIN, WRITTEN_OUT = 0, 1


def libraries() -> Any:
    """Import what the copy needs; raises NotAllowedError naming the extra where it is not installed."""
    try:
        import numpy
        import xxhash
    except ImportError:
        raise NotAllowedError(
            "A local copy needs numpy and xxhash. Install them: pip install 'troth[gate]'."
        ) from None
    return numpy, xxhash


class Table:
    """64-bit keys to 64-bit values in one file: open addressing, growing by doubling.  A key of 0 is none."""

    def __init__(self, file: Path, room: int = ROOM_MIN) -> None:
        self.file = file
        self.count = 0
        if not file.exists() or file.stat().st_size < ROOM_MIN * SLOT_BYTES:
            _sized(file, room * SLOT_BYTES)
        self._open()
        self.count = int((self.arrays()[0] != 0).sum())

    def _open(self) -> None:
        with self.file.open("r+b") as opened:
            self._map = mmap.mmap(opened.fileno(), 0)
        self.room = len(self._map) // SLOT_BYTES
        whole = memoryview(self._map).cast("Q")
        # Keys and values lie side by side, and are swapped for larger ones in one assignment.
        self.view = (whole[::2], whole[1::2], self.room - 1)

    def arrays(self) -> tuple[Any, Any]:
        """Return keys and values as arrays of numpy over the same memory."""
        import numpy

        both = numpy.frombuffer(self._map, dtype="<u8").reshape(-1, 2)
        return both[:, 0], both[:, 1]

    def get(self, key: int) -> int | None:
        """Return the value of a key, or None."""
        keys, values, mask = self.view
        slot = key & mask
        while True:
            found = keys[slot]
            if found == key:
                return values[slot]
            if not found:
                return None
            slot = (slot + 1) & mask

    def put(self, key: int, value: int) -> None:
        """Set the value of a key: the value before the key, so that who reads meanwhile sees both or neither."""
        if self.count + 1 > self.room * FULL:
            self._grow()
        keys, values, mask = self.view
        slot = key & mask
        while keys[slot] and keys[slot] != key:
            slot = (slot + 1) & mask
        values[slot] = value
        if not keys[slot]:
            self.count += 1
            keys[slot] = key

    def put_all(self, keys: Any, values: Any) -> None:
        """Set many new or known keys at once; of the same key twice, the last counts."""
        import numpy

        keys = numpy.asarray(keys, dtype="<u8")
        values = numpy.asarray(values, dtype="<u8")
        while self.count + len(keys) > self.room * FULL:
            self._grow()
        table, held = self.arrays()
        # Of a key that comes twice the last is kept, so that no two rows claim one slot.
        _, last = numpy.unique(keys[::-1], return_index=True)
        keys, values = keys[::-1][last], values[::-1][last]
        slots = keys & numpy.uint64(self.room - 1)
        left = numpy.arange(len(keys))
        while len(left):
            at, wanted = slots[left], keys[left]
            found = table[at]
            free = found == 0
            # Of several that want one free slot the first gets it; the others look on.
            takers = left[free]
            _, first = numpy.unique(at[free], return_index=True)
            winners = takers[first]
            held[slots[winners]] = values[winners]
            table[slots[winners]] = keys[winners]
            self.count += len(winners)
            same = left[found == wanted]
            held[slots[same]] = values[same]
            settled = numpy.zeros(len(keys), dtype=bool)
            settled[winners] = True
            settled[same] = True
            left = left[~settled[left]]
            slots[left] = (slots[left] + numpy.uint64(1)) & numpy.uint64(self.room - 1)

    def find(self, keys: Any) -> tuple[Any, Any]:
        """Look many keys up at once; return their values and whether each was found."""
        import numpy

        table, held = self.arrays()
        mask = len(table) - 1  # of this memory, also where another thread makes room meanwhile
        values = numpy.zeros(len(keys), dtype="<u8")
        known = numpy.zeros(len(keys), dtype=bool)
        slots = (keys & numpy.uint64(mask)).astype("<i8")
        left = numpy.arange(len(keys))
        while len(left):
            at = slots[left]
            found = table[at]
            hit = found == keys[left]
            values[left[hit]] = held[at[hit]]
            known[left[hit]] = True
            on = ~hit & (found != 0)
            left = left[on]
            slots[left] = (slots[left] + 1) & mask
        return values, known

    def _grow(self) -> None:
        import numpy

        keys, values = self.arrays()
        there = keys != 0
        before = (keys[there].copy(), values[there].copy())
        larger = self.file.with_suffix(".larger")
        with suppress(FileNotFoundError):
            larger.unlink()
        _sized(larger, self.room * 2 * SLOT_BYTES)
        grown = Table(larger)
        grown.put_all(*before)
        grown.flush()
        larger.replace(self.file)
        # Readers of the old mapping finish on it; it is let go of with the last of them.
        self._map, self.room, self.view = grown._map, grown.room, grown.view
        assert numpy.count_nonzero(self.arrays()[0]) == self.count

    def flush(self) -> None:
        """Write what changed to the disk."""
        self._map.flush()


class Heap:
    """Records one after the other in a file that only grows; its first eight bytes say where it ends."""

    def __init__(self, file: Path) -> None:
        self.file = file
        if not file.exists() or file.stat().st_size < ROOM_MIN:
            _sized(file, ROOM_MIN * 16)
        self._open()
        self.end = max(8, int.from_bytes(self.bytes[:8], "little"))

    def _open(self) -> None:
        with self.file.open("r+b") as opened:
            self.bytes = mmap.mmap(opened.fileno(), 0)

    def add(self, record: bytes) -> int:
        """Add a record; return where it is."""
        at, self.end = self.end, self.end + len(record)
        if self.end > len(self.bytes):
            size = len(self.bytes)
            while size < self.end:
                size += max(size // 2, ROOM_MIN)
            _sized(self.file, size)
            self._open()
        self.bytes[:8] = self.end.to_bytes(8, "little")
        self.bytes[at : self.end] = record
        return at

    def flush(self) -> None:
        """Write what was added to the disk."""
        self.bytes.flush()


def _sized(file: Path, size: int) -> None:
    with file.open("ab") as opened:
        os.ftruncate(opened.fileno(), size)


@dataclass(slots=True)
class Names:
    """Short numbers for texts that come again and again, such as topics and scopes."""

    texts: list[str] = field(default_factory=lambda: [""])
    numbers: dict[str, int] = field(default_factory=lambda: {"": 0})

    def number(self, text: str) -> int:
        """Return the number of a text, a new one where it has none yet."""
        found = self.numbers.get(text)
        if found is None:
            found = self.numbers[text] = len(self.texts)
            self.texts.append(text)
        return found


class Replica:
    """The copy: its tables, its heap, and how far the ledger of this origin was followed.

    One process at a time writes to a folder; raises ConflictError where another does.  A process
    that was killed loses nothing: the pages are the system's.  After the machine itself stopped
    in the middle, and for another ledger, the copy is begun anew.
    """

    def __init__(self, folder: Path, origin: str, room: int = ROOM_MIN) -> None:
        _, xxhash = libraries()
        self.hash: Callable[[bytes], int] = xxhash.xxh3_64_intdigest
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder, self.origin = folder, origin
        self._lock = _locked(folder / "lock")
        told = self._read()
        whole = told.get("format") == FORMAT and told.get("origin") == origin
        if not whole or not (told["closed"] or (_boot() and told["boot"] == _boot())):
            told = {}
            for name in ("subjects", "addresses", "heap"):
                with suppress(FileNotFoundError):
                    (folder / name).unlink()
        first, second, third = told.get("settled", (0, 0, 0))
        self.settled: tuple[int, int, int] = (first, second, third)
        self.topics, self.scopes, self.closings = Names(), Names(), Names()
        for names, key in self._names():
            for text in told.get(key, [])[1:]:
                names.number(text)
        self._named = self._numbers()
        self.heap = Heap(folder / "heap")
        self.subjects = Table(folder / "subjects", room)
        self.addresses = Table(folder / "addresses", room)
        self._write(closed=False)

    def _names(self) -> tuple[tuple[Names, str], ...]:
        return (self.topics, "topics"), (self.scopes, "scopes"), (self.closings, "closings")

    def _numbers(self) -> int:
        return sum(len(names.texts) for names, _ in self._names())

    def _read(self) -> dict[str, Any]:
        try:
            told: dict[str, Any] = json.loads((self.folder / "settled.json").read_text("utf-8"))
        except (FileNotFoundError, ValueError):
            return {}
        return told

    def save(self, settled: tuple[int, int, int], *, closed: bool = False) -> None:
        """Write down how far the ledger was followed, once everything up to there is on the disk."""
        self.heap.flush()
        self.subjects.flush()
        self.addresses.flush()
        self.settled = settled
        self._write(closed=closed)

    def _write(self, *, closed: bool) -> None:
        told = {"format": FORMAT, "origin": self.origin, "settled": self.settled, "boot": _boot(), "closed": closed,
                **{key: names.texts for names, key in self._names()}}  # fmt: skip
        self._named = self._numbers()
        written = self.folder / "settled.new"
        with written.open("w", encoding="utf-8") as opened:
            json.dump(told, opened)
            opened.flush()
            os.fsync(opened.fileno())
        written.replace(self.folder / "settled.json")

    def _keep(self, record: bytes) -> int:
        """Add a record, once the names it uses numbers of are written down."""
        if self._numbers() != self._named:
            self._write(closed=False)
        return self.heap.add(record)

    def close(self) -> None:
        """Let another process write here."""
        os.close(self._lock)

    def subject_key(self, subject: str) -> int:
        """Return the key of a subject."""
        return self.hash(subject.encode()) or 1

    def put(self, subject: str, record: bytes) -> None:
        """Set how a subject stands."""
        self.subjects.put(self.subject_key(subject), self._keep(record))

    def record_at(self, at: int) -> tuple[bytes, int]:
        """Return the shape of the record at a place, and its sort."""
        heap = self.heap.bytes
        sort, count = heap[at], heap[at + 1]
        if sort == PLAIN:
            return heap[at + 2 : at + 2 + count * 8], PLAIN
        size = int.from_bytes(heap[at + 2 : at + 6], "little")
        return heap[at + 6 : at + 6 + size], WRITTEN_OUT

    def written(self, state: Mapping[str, Any], special: Mapping[str, Any] | None) -> bytes:
        """Write the choices of a subject as a record; what is special is written out whole."""
        entries = []
        for key, one in state["consents"].items():
            bits = SAID.index(one["said"]) | (4 if one["proven"] else 0) | AGES.index(one["age"]) << 3
            until = _days(one["until"]) if one["until"] else 0
            scope = self.scopes.number(one["scope"] or "")
            rank = 0 if one["said"] == "given" else 1
            entries.append((one["at"], rank, self.topics.number(key), bits, scope, until, one["event"]))
        for key, one in state["objections"].items():
            bits = 32 | (64 if one["marketing"] else 0)
            entries.append((one["at"], 2, self.topics.number(key), bits, 0, 0, one["event"]))
        if special or len(entries) > 255:
            text = json.dumps({"state": dict(state), **(special or {})}, separators=(",", ":")).encode()
            return bytes((WRITTEN_OUT, 0)) + len(text).to_bytes(4, "little") + text
        entries.sort(key=lambda one: one[:3])  # of the same moment the no comes last, and so counts
        shapes = b"".join(_SHAPE.pack(*one[2:6]) for one in entries)
        proofs = b"".join(_PROOF.pack(_moment(one[0]), _event(one[6])) for one in entries)
        return bytes((PLAIN, len(entries))) + shapes + proofs

    def read(self, at: int) -> dict[str, Any]:
        """Read the record at a place back: the state of choices, and what is special."""
        content, sort = self.record_at(at)
        if sort == WRITTEN_OUT:
            told: dict[str, Any] = json.loads(content)
            return told
        start = at + 2 + len(content)
        proofs = self.heap.bytes[start : start + len(content) // 8 * _PROOF.size]
        state: dict[str, Any] = {"consents": {}, "objections": {}}
        for (topic, bits, scope, until), (moment, event) in zip(
            _SHAPE.iter_unpack(content), _PROOF.iter_unpack(proofs), strict=True
        ):
            key, when, named = self.topics.texts[topic], _said_at(moment), _event_id(event)
            if bits & 32:
                state["objections"][key] = {"marketing": bool(bits & 64), "at": when, "event": named}
                continue
            ends = (_NEVER + timedelta(days=until)).isoformat() if until else None
            state["consents"][key] = {
                "said": SAID[bits & 3], "at": when, "event": named, "scope": self.scopes.texts[scope] or None,
                "version": "", "until": ends, "proven": bool(bits & 4), "age": AGES[bits >> 3 & 3],
            }  # fmt: skip
        return {"state": state}

    @property
    def any_closed(self) -> bool:
        """Say whether any address is closed to anything."""
        return len(self.closings.texts) > 1

    def close_addresses(self, rows: Sequence[Any]) -> None:
        """Take in what is not sent to addresses any more, and what was opened again."""
        for _, _, mac, form, controller, purpose, channel, state, at in rows:
            key = address_key(bytes(mac), form)
            line = [self.closings.number(f"{controller}|{purpose}|{channel}"), state == "resumed", at]
            known = self.closed(key)
            if line not in known:
                text = json.dumps([*known, line], separators=(",", ":")).encode()
                self.addresses.put(key, self._keep(len(text).to_bytes(4, "little") + text))

    def closed(self, key: int) -> list[Any]:
        """Return what is known of an address: its topics, whether opened again, and since when."""
        at = self.addresses.get(key)
        if at is None:
            return []
        size = int.from_bytes(self.heap.bytes[at : at + 4], "little")
        told: list[Any] = json.loads(self.heap.bytes[at + 4 : at + 4 + size])
        return told

    def name_subjects(self, rows: Sequence[Any]) -> None:
        """Take in which keyed hashes name which subjects."""
        numpy, _ = libraries()
        keys = numpy.array([address_key(bytes(mac), "name") for _, _, mac, _ in rows], dtype="<u8")
        values = numpy.array([self.subject_key(subject) for *_, subject in rows], dtype="<u8")
        self.addresses.put_all(keys, values)

    def forget(self, subject: str) -> None:
        """Let no identifier lead to a subject any more: what it leads to is nothing."""
        self.put(subject, bytes((PLAIN, 0)))


_FORMS = {"name": 0x9E3779B97F4A7C15, "wide": 0xC2B2AE3D27D4EB4F, "exact": 0x165667B19E3779F9}


def address_key(mac: bytes, form: str) -> int:
    """Return the key of a keyed hash, another for each use of it."""
    return int.from_bytes(mac[:8], "little") ^ _FORMS[form] or 1


def address_keys(macs: bytes, form: str) -> Any:
    """Return the keys of keyed hashes of 32 bytes that stand one after the other."""
    import numpy

    first: numpy.ndarray[Any, Any] = numpy.frombuffer(macs, dtype="<u8").reshape(-1, 4)[:, 0]
    keys = first ^ numpy.uint64(_FORMS[form])
    keys[keys == 0] = 1
    return keys


def _boot() -> str:
    """Return what names this run of the machine; empty where the system does not say."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        return ""


def _locked(file: Path) -> int:
    import fcntl

    opened = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(opened)
        raise ConflictError(
            f"Another process follows the ledger in {file.parent.name!r}. Give each process a folder of its own."
        ) from None
    return opened


def _days(until: str) -> int:
    """Return the days since `_NEVER`, as near as the shape holds them: 0 stands for no end."""
    return min(max((date.fromisoformat(until) - _NEVER).days, 1), _DAYS_MAX)


def _moment(at: str) -> int:
    return (datetime.fromisoformat(at) - _BEGAN) // timedelta(microseconds=1)


def _said_at(moment: int) -> str:
    return (_BEGAN + timedelta(microseconds=moment)).isoformat(timespec="microseconds")


def _event(event: str) -> bytes:
    return base64.b32decode("AAAAAA" + event.translate(_FROM_CROCKFORD))[4:]


def _event_id(event: bytes) -> str:
    return base64.b32encode(event.rjust(20, b"\x00"))[6:].decode().translate(_TO_CROCKFORD)
