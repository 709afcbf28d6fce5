"""Filter an audience: a list of addresses in, those who may be written to out, and why not the others.

Lists of millions are read in portions by several processes over one copy; each address is
looked up by its keyed hashes and is written nowhere but to the result.

Law: GDPR Arts. 6, 7, 21(3).
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any, BinaryIO

from troth.errors import NotAllowedError, NotFoundError
from troth.law.prospecting import Addressee
from troth.ledger.replica import PLAIN, address_keys
from troth.rules import identifier
from troth.work.gate import Gate
from troth.work.project import Project

PORTION_LINES = 50_000
ENTRIES_AT_ONCE = 3
_ODD = 0x9E3779B97F4A7C15
_WINDOW = 2 + 8 * ENTRIES_AT_ONCE


@dataclass(slots=True)
class Filtered:
    """How many addresses went out and how many did not, by the reason's code."""

    allowed: int = 0
    stopped: int = 0
    reasons: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Audience:
    """What a list is filtered for."""

    purpose: str
    channel: str | None = None
    entity: str | None = None
    kind: str = "email"
    addressee: Addressee = "consumer"
    other_basis: bool = False

    @property
    def asked(self) -> tuple[Any, ...]:
        """The question as the gate keeps it."""
        return self.purpose, self.channel, self.entity, self.addressee, self.other_basis


_gate: Gate | None = None
_audience: Audience | None = None


def filter_file(
    project: Project,
    file: Path,
    out: Path,
    audience: Audience,
    *,
    folder: Path,
    processes: int = 0,
    advance: Callable[[int], object] = lambda _: None,
) -> Filtered:
    """Write the lines of `file` (one address each) that may be used to `out`, which appears only once it is whole.

    `folder` holds the copy; it is brought up to date first.  Raises NotAllowedError for a
    purpose the policy does not have.
    """
    if audience.purpose not in project.policy.purposes:
        known = ", ".join(project.policy.purposes)
        raise NotAllowedError(f"The policy has no purpose {audience.purpose[:40]!r}. It has: {known}.")
    if not file.is_file():
        raise NotFoundError(f"There is no file {file.name!r}.")
    gate = Gate(project, folder, follow=False)
    try:
        return filter_through(gate, file, out, audience, processes=processes, advance=advance)
    finally:
        gate.close()


def filter_through(
    gate: Gate,
    file: Path,
    out: Path,
    audience: Audience,
    *,
    processes: int = 0,
    portion: int = PORTION_LINES,
    advance: Callable[[int], object] = lambda _: None,
) -> Filtered:
    """Filter through a gate that is fresh, so many lines at once; the answers are as of the moment it was."""
    global _gate, _audience  # what the processes share: they are forked, and read the same memory
    _gate, _audience = gate, audience
    done = Filtered()
    written = out.with_name(f"{out.name}.part")
    count = processes or os.cpu_count() or 1
    try:
        with file.open("rb") as read, written.open("wb") as writing:
            os.fchmod(writing.fileno(), 0o600)  # addresses are for whoever asked alone
            for lines, allowed, reasons in _answered(read, count, portion):
                writing.writelines(allowed)
                done.allowed += len(allowed)
                done.stopped += lines - len(allowed)
                done.reasons.update(reasons)
                advance(lines)
            writing.flush()
            os.fsync(writing.fileno())
        written.replace(out)
    finally:
        written.unlink(missing_ok=True)
        _gate = _audience = None
    return done


def _answered(read: BinaryIO, processes: int, size: int) -> Iterator[tuple[int, list[bytes], Counter[str]]]:
    portions = iter(lambda: list(islice(read, size)), [])
    first = next(portions, [])
    if processes < 2 or len(first) < size:
        for portion in (first, *portions) if first else ():
            yield _portion(portion)
        return
    with ProcessPoolExecutor(processes, mp_context=get_context("fork")) as pool:
        waiting: list[Future[tuple[int, list[bytes], Counter[str]]]] = [pool.submit(_portion, first)]
        for portion in portions:
            waiting.append(pool.submit(_portion, portion))
            if len(waiting) > processes + 1:
                yield waiting.pop(0).result()
        for one in waiting:
            yield one.result()


def _portion(lines: Sequence[bytes]) -> tuple[int, list[bytes], Counter[str]]:
    assert _gate is not None
    assert _audience is not None
    return through(_gate, _audience, lines)


def through(gate: Gate, audience: Audience, lines: Sequence[bytes]) -> tuple[int, list[bytes], Counter[str]]:
    """Answer for each line; return how many there were, those that may be used, and the reasons' counts."""
    import numpy

    kind, asked, reasons = audience.kind, audience.asked, Counter[str]()
    kept, exact, wide = _forms(kind, lines)
    if not kept:
        return 0, [], reasons
    codes = _codes(gate, asked, _offsets(gate, exact))
    closed = _closed(gate, exact, wide)
    for place in numpy.flatnonzero(closed):
        value = exact[place].partition(b"\x00")[2].decode()
        codes[place] = _one(gate, kind, value, asked)
    answers = [gate.answered[number] for number in codes]
    reasons.update(code for _, code in answers)
    allowed = [line if line.endswith(b"\n") else line + b"\n"
               for line, (may, _) in zip(kept, answers, strict=True) if may]  # fmt: skip
    return len(kept), allowed, reasons


def _forms(kind: str, lines: Sequence[bytes]) -> tuple[list[bytes], list[bytes], list[bytes]]:
    """Write each address in its exact and its wide form, as the keyed hashes take them; empty lines are passed by."""
    start = kind.encode() + b"\x00"
    kept, exact, wide = [], [], []
    for line in lines:
        value = line.strip()
        if not value:
            continue
        if kind == "email" and value.isascii():
            form = value.lower()
            local, _, domain = form.rpartition(b"@")
            if b"+" in local or b"." in local:
                other = local.partition(b"+")[0].replace(b".", b"") + b"@" + domain
            else:
                other = form
        else:
            text = value.decode("utf-8", "replace")
            form, other = identifier.exact(kind, text).encode(), identifier.wide(kind, text).encode()
        kept.append(line)
        exact.append(start + form)
        wide.append(start + other)
    return kept, exact, wide


def _offsets(gate: Gate, exact: Sequence[bytes]) -> Any:
    """Return where the record of each address is; 0 where there is none."""
    import numpy

    found = numpy.zeros(len(exact), dtype="<u8")
    for secret in gate.secrets.names:
        keys = address_keys(b"".join(map(secret, exact)), "name")
        subjects, known = gate.replica.addresses.find(keys)
        offsets, there = gate.replica.subjects.find(subjects)
        found = numpy.where((found == 0) & known & there, offsets, found)
    return found


def _closed(gate: Gate, exact: Sequence[bytes], wide: Sequence[bytes]) -> Any:
    """Say of each address whether anything is known to be closed to it."""
    import numpy

    closed = numpy.zeros(len(exact), dtype=bool)
    if not gate.replica.any_closed:
        return closed
    for secret in gate.secrets.closed:
        keys = address_keys(b"".join(map(secret, wide)), "wide")
        closed |= gate.replica.addresses.find(keys)[1]
    return closed


def _codes(gate: Gate, asked: tuple[Any, ...], offsets: Any) -> list[int]:
    """Answer each record once for all that have the same shape; return the numbers of the answers."""
    import numpy

    heap = numpy.frombuffer(gate.replica.heap.bytes, dtype="u1")
    room = len(heap) - _WINDOW
    at = numpy.minimum(offsets.astype("<i8"), room)
    windows = heap[at[:, None] + numpy.arange(_WINDOW)]
    windows[offsets == 0] = 0
    sort, count = windows[:, 0], windows[:, 1]
    places = numpy.arange(2, _WINDOW)
    windows[:, 2:][places >= 2 + 8 * count[:, None].astype("<i8")] = 0
    apart = (sort != PLAIN) | (count > ENTRIES_AT_ONCE) | (offsets.astype("<i8") > room)
    words = numpy.ascontiguousarray(windows[:, 2:]).view("<u8")
    mixed = numpy.zeros(len(words), dtype="<u8")
    for column in range(ENTRIES_AT_ONCE):
        mixed = (mixed ^ words[:, column]) * numpy.uint64(_ODD)
        mixed ^= mixed >> numpy.uint64(32)
    _, first, which = numpy.unique(mixed, return_index=True, return_inverse=True)
    which = which.ravel()
    apart |= (words != words[first][which]).any(axis=1)  # two shapes of one mix: looked at one by one
    numbers = [
        -1 if apart[place] else gate.number(int(offsets[place]) or None, asked) for place in first.tolist()
    ]
    found = numpy.array(numbers)[which]
    for place in numpy.flatnonzero(apart):
        found[place] = gate.number(int(offsets[place]) or None, asked)
    return list(found.tolist())


def _one(gate: Gate, kind: str, value: str, asked: tuple[Any, ...]) -> int:
    told = gate.told_address(kind, value, asked)
    return gate.number_of(told.allowed, told.code)
