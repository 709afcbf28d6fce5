"""A local copy of how subjects stand, small and quick enough to be asked before every message.

Two open-addressing tables of 64-bit keys in memory-mapped files: one leads from a subject, one
from the keyed hash of an identifier or of a closed address; what they lead to is a record in a
*heap* that only grows.  It holds no identifier and no name.  Whatever it says can be made anew
from the ledger: a copy that was cut short is followed on from its last settled place.

A record is: its sort, how many entries, for each entry eight bytes of *shape* (topic, state,
scope, end) in the order they were said, then for each entry when and by which event.  Two
subjects with the same shape get the same answer, which is worked out once: what the table
holds of a subject is the number of their shape beside the place of their record.
"""

from __future__ import annotations

import json
import mmap
import os
import struct
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from troth.errors import ConflictError, NotAllowedError

if TYPE_CHECKING:
    import numpy

FORMAT = 3
SLOT_BYTES = 16
ROOM_MIN = 1 << 16
FULL = 0.7
_SHAPE = struct.Struct("<HBxHH")
_PROOF = struct.Struct("<q16s")
_NEVER = date(2000, 1, 1)
_DAYS_MAX = (1 << 16) - 1
_BEGAN = datetime(1970, 1, 1, tzinfo=UTC)
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = [first + second for first in _CROCKFORD for second in _CROCKFORD]
"""Ten bits of an event's id as two letters of it."""
_NUMBERS = {pair: number for number, pair in enumerate(_PAIRS)}
SAID = ("given", "refused", "withdrawn", "expired")
AGES = ("unknown", "alone", "guardian", "minor")
PLAIN, WRITTEN_OUT = 0, 1
PLACE_BITS = 40
PLACE = (1 << PLACE_BITS) - 1
"""A value of the table of subjects: above these bits the number of the shape, below them the place of the record."""
UNNUMBERED, EMPTY = 0, 1
"""The numbers of no shape, which sends whoever asks to the record itself, and of the shape of whom nothing is known."""
SHAPES_MAX = 1 << 20
BEFORE_ALL = "0000"
"""A moment before any other, where moments are compared as text."""
_NO, _MARKED, _TIED = 32, 64, 128
"""Bits of an entry: an objection; to marketing; said at the same moment as the one before."""


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


class Shapes:
    """The shapes there are, each with its number, in a file that only grows."""

    def __init__(self, file: Path) -> None:
        self._kept = Heap(file)
        self.texts = [b"", b""]  # unnumbered, and the empty one
        place = 8
        while place < self._kept.end:
            size = 8 * self._kept.bytes[place]
            self.texts.append(self._kept.bytes[place + 1 : place + 1 + size])
            place += 1 + size
        self.numbers = {shape: number for number, shape in enumerate(self.texts)}

    def number(self, shape: bytes) -> int:
        """Return the number of a shape, a new one where it has none yet; `UNNUMBERED` where there are too many."""
        found = self.numbers.get(shape)
        if found is None:
            if len(self.texts) >= SHAPES_MAX:
                return UNNUMBERED
            self._kept.add(bytes((len(shape) // 8,)) + shape)
            self.texts.append(shape)
            found = self.numbers[shape] = len(self.texts) - 1
        return found

    def flush(self) -> None:
        """Write what changed to the disk."""
        self._kept.flush()


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
            for name in ("subjects", "addresses", "heap", "shapes"):
                with suppress(FileNotFoundError):
                    (folder / name).unlink()
        first, second, third = told.get("settled", (0, 0, 0))
        self.settled: tuple[int, int, int] = (first, second, third)
        self.topics, self.scopes, self.closings = Names(), Names(), Names()
        for names, key in self._names():
            for text in told.get(key, [])[1:]:
                names.number(text)
        self._named = self._numbers()
        self.heap, self.shapes = Heap(folder / "heap"), Shapes(folder / "shapes")
        self.subjects = Table(folder / "subjects", room)
        self.addresses = Table(folder / "addresses", room)
        self._write(closed=False)

    def _names(self) -> tuple[tuple[Names, str], ...]:
        return (self.topics, "topics"), (self.scopes, "scopes"), (self.closings, "closings")

    def _numbers(self) -> int:
        return len(self.topics.texts) + len(self.scopes.texts) + len(self.closings.texts)

    def _read(self) -> dict[str, Any]:
        try:
            told: dict[str, Any] = json.loads((self.folder / "settled.json").read_text("utf-8"))
        except (FileNotFoundError, ValueError):
            return {}
        return told

    def save(self, settled: tuple[int, int, int], *, closed: bool = False) -> None:
        """Write down how far the ledger was followed, once everything up to there is on the disk."""
        self.heap.flush()
        self.shapes.flush()
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
        self.subjects.put(self.subject_key(subject), self.value(record, self._keep(record)))

    def value(self, record: bytes, place: int) -> int:
        """Return what the table of subjects holds for a record that is kept at a place."""
        number = self.shapes.number(record[2 : 2 + 8 * record[1]]) if record[0] == PLAIN else UNNUMBERED
        return number << PLACE_BITS | place

    def is_special(self, subject: str) -> bool:
        """Say whether a subject's record is written out, as are those of whom something special is known."""
        found = self.subjects.get(self.subject_key(subject))
        return found is not None and self.heap.bytes[found & PLACE] == WRITTEN_OUT

    def written(self, state: Mapping[str, Any], special: Mapping[str, Any] | None) -> bytes:
        """Write the choices of a subject as a record; what is special is written out whole."""
        entries = []
        for key, one in sorted(state["consents"].items()):
            bits = SAID.index(one["said"]) | (4 if one["proven"] else 0) | AGES.index(one["age"]) << 3
            until = _days(one["until"]) if one["until"] else 0
            scope = self.scopes.number(one["scope"] or "")
            rank = 0 if one["said"] == "given" else 1
            entries.append((one["at"], rank, self.topics.number(key), bits, scope, until, one["event"]))
        for key, one in sorted(state["objections"].items()):
            bits = _NO | (_MARKED if one["marketing"] else 0)
            entries.append((one["at"], 2, self.topics.number(key), bits, 0, 0, one["event"]))
        if special or len(entries) > 255:
            text = json.dumps({"state": dict(state), **(special or {})}, separators=(",", ":")).encode()
            return bytes((WRITTEN_OUT, 0)) + len(text).to_bytes(4, "little") + text
        entries.sort(key=lambda one: one[:2])  # of the same moment the no comes last
        shapes, before = [], ""
        for at, _, topic, bits, scope, until, _ in entries:
            shapes.append(_SHAPE.pack(topic, bits | (_TIED if at == before else 0), scope, until))
            before = at
        proofs = b"".join(_PROOF.pack(_moment(one[0]), _event(one[6])) for one in entries)
        return bytes((PLAIN, len(entries))) + b"".join(shapes) + proofs

    def read(self, place: int) -> dict[str, Any]:
        """Read the record at a place back: the state of choices, and what is special."""
        heap = self.heap.bytes
        if heap[place] == WRITTEN_OUT:
            size = int.from_bytes(heap[place + 2 : place + 6], "little")
            told: dict[str, Any] = json.loads(heap[place + 6 : place + 6 + size])
            return told
        count = heap[place + 1]
        shape = heap[place + 2 : place + 2 + 8 * count]
        return {"state": self._state(shape, [self.proof(place, number) for number in range(count)])}

    def proof(self, place: int, number: int) -> tuple[str, str]:
        """Return when an entry of the record at a place was said, and by which event."""
        heap = self.heap.bytes
        start = place + 2 + 8 * heap[place + 1] + number * _PROOF.size
        moment, event = _PROOF.unpack_from(heap, start)
        return _said_at(moment), _event_id(event)

    def said_until(self, place: int, moment: str) -> int:
        """Return how many entries of the record at a place were said up to a moment."""
        heap, last = self.heap.bytes, _moment(moment)
        count = heap[place + 1]
        proofs = _PROOF.iter_unpack(heap[place + 2 + 8 * count : place + 2 + (8 + _PROOF.size) * count])
        return sum(said <= last for said, _ in proofs)

    def outline(self, number: int) -> dict[str, Any]:
        """Return the state that all records of a shape share; each entry's event is its number, on a day of year 1."""
        shape, proofs = self.shapes.texts[number], list[tuple[str, str]]()
        for entry, (_, bits, _, _) in enumerate(_SHAPE.iter_unpack(shape)):
            proofs.append((proofs[-1][0] if bits & _TIED else outlined_at(entry), str(entry)))
        return {"state": self._state(shape, proofs)}

    def _state(self, shape: bytes, proofs: Sequence[tuple[str, str]]) -> dict[str, Any]:
        state: dict[str, Any] = {"consents": {}, "objections": {}}
        for (topic, bits, scope, until), (at, event) in zip(_SHAPE.iter_unpack(shape), proofs, strict=True):
            key = self.topics.texts[topic]
            if bits & _NO:
                state["objections"][key] = {"marketing": bool(bits & _MARKED), "at": at, "event": event}
                continue
            ends = (_NEVER + timedelta(days=until)).isoformat() if until else None
            state["consents"][key] = {
                "said": SAID[bits & 3], "at": at, "event": event, "scope": self.scopes.texts[scope] or None,
                "version": "", "until": ends, "proven": bool(bits & 4), "age": AGES[bits >> 3 & 3],
            }  # fmt: skip
        return state

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
    second, microsecond = divmod(moment, 1_000_000)
    return f"{_second(second)}.{microsecond:06}+00:00"


@lru_cache(maxsize=4096)
def _second(second: int) -> str:
    return (_BEGAN + timedelta(seconds=second)).isoformat()[:19]


@cache
def outlined_at(entry: int) -> str:
    """Return the moment of year 1 that stands in an outline for when an entry was said, in the order of entries."""
    return (datetime.min.replace(tzinfo=UTC) + timedelta(days=entry)).isoformat(timespec="microseconds")


def _event(event: str) -> bytes:
    number = 0
    for place in range(0, len(event), 2):
        number = number << 10 | _NUMBERS[event[place : place + 2]]
    return number.to_bytes(17, "big")[1:]


def _event_id(event: bytes) -> str:
    number = int.from_bytes(event, "big")
    return "".join([_PAIRS[number >> bits & 1023] for bits in range(120, -1, -10)])
