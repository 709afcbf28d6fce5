"""Filter an audience: a list of addresses in, those who may be written to out, and why not the others.

Lists of millions are read in portions by several processes over one copy; each address is
looked up by its keyed hashes and is written nowhere but to the result.  Everybody of one
shape gets one answer, so that what is done for each line is little.

Law: GDPR Arts. 6, 7, 21(3).
"""

from __future__ import annotations

import os
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import compress
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeAlias

from troth.errors import NotAllowedError, NotFoundError
from troth.law.prospecting import Addressee
from troth.ledger.replica import EMPTY, PLACE_BITS, UNNUMBERED, address_keys
from troth.rules import identifier
from troth.work.gate import Gate
from troth.work.project import Project

PORTION_BYTES = 1 << 20


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


Answered: TypeAlias = tuple[bytes, Counter[tuple[bool, str]]]
"""The lines that may be used, and how many lines were answered so: whether it may be done, and the reason's code."""
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
    portion: int = PORTION_BYTES,
    advance: Callable[[int], object] = lambda _: None,
) -> Filtered:
    """Filter through a gate that is fresh, so many bytes at once; the answers are as of the moment it was."""
    global _gate, _audience  # what the processes share: they are forked, and read the same memory
    _gate, _audience = gate, audience
    done = Filtered()
    written = out.with_name(f"{out.name}.part")
    count = processes or os.cpu_count() or 1
    try:
        with written.open("wb") as writing:
            os.fchmod(writing.fileno(), 0o600)  # addresses are for whoever asked alone
            for allowed, reasons in _answered(file, count, portion):
                writing.write(allowed)
                for (may, code), lines in reasons.items():
                    done.allowed += lines if may else 0
                    done.stopped += 0 if may else lines
                    done.reasons[code] += lines
                advance(reasons.total())
            writing.flush()
            os.fsync(writing.fileno())
        written.replace(out)
    finally:
        written.unlink(missing_ok=True)
        _gate = _audience = None
    return done


def _answered(file: Path, processes: int, size: int) -> Iterator[Answered]:
    """Yield what each portion of the file was answered, in its order."""
    if processes < 2 or file.stat().st_size <= size:
        for start, end in _portions(file, size):
            yield _portion(file, start, end)
        return
    with ProcessPoolExecutor(processes, mp_context=get_context("fork")) as pool:
        waiting: deque[Future[Answered]] = deque()
        for start, end in _portions(file, size):
            waiting.append(pool.submit(_portion, file, start, end))
            if len(waiting) > processes + 1:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _portions(file: Path, size: int) -> Iterator[tuple[int, int]]:
    """Yield where portions of about so many bytes begin and end, each of whole lines."""
    with file.open("rb") as read:
        start = 0
        while True:
            read.seek(start + size)
            read.readline()
            end = min(read.tell(), file.stat().st_size)
            if end <= start:
                return
            yield start, end
            start = end


def _portion(file: Path, start: int, end: int) -> Answered:
    assert _gate is not None
    assert _audience is not None
    with file.open("rb") as read:
        read.seek(start)
        return through(_gate, _audience, read.read(end - start))


def through(gate: Gate, audience: Audience, text: bytes) -> Answered:
    """Answer for each line of a text; return those that may be used, and how many lines got which answer."""
    import numpy

    asked, kind = audience.asked, audience.kind
    lines, exact = _lines(kind, text)
    if not lines:
        return b"", Counter()
    found = _found(gate, kind, exact)
    numbers = (found >> numpy.uint64(PLACE_BITS)).astype("<i8")
    there = numpy.flatnonzero(numpy.bincount(numbers))
    alike = {one: gate.shared_of(one << PLACE_BITS, asked) for one in there.tolist() if one != UNNUMBERED}
    answers = [(one.allowed, one.code) for one in alike.values()]
    which = numpy.zeros(int(there[-1]) + 1, dtype="<i8")
    which[list(alike)] = range(len(alike))
    which = which[numbers]
    closed = _closed(gate, kind, exact)
    for place in numpy.flatnonzero(closed | (numbers == UNNUMBERED)).tolist():
        since = gate.closed_since(kind, exact[place].decode(), asked) if closed[place] else None
        one = int(found[place])
        shared = gate.shared_closed(one, since, asked) if since else gate.shared_of(one, asked)
        which[place] = _place(answers, (shared.allowed, shared.code))
    counts = numpy.bincount(which, minlength=len(answers)).tolist()
    may = numpy.array([allowed for allowed, _ in answers])[which]
    allowed = b"".join(line + b"\n" for line in compress(lines, may.tolist()))
    reasons = Counter[tuple[bool, str]]()
    for answer, count in zip(answers, counts, strict=True):
        reasons[answer] += count
    return allowed, reasons


def _place(answers: list[tuple[bool, str]], answer: tuple[bool, str]) -> int:
    if answer not in answers:
        answers.append(answer)
    return answers.index(answer)


def _lines(kind: str, text: bytes) -> tuple[list[bytes], list[bytes]]:
    """Return the lines of a text as they stand, and each address in its exact form; empty lines are passed by."""
    lines = text.split(b"\n")
    bare = list(map(bytes.strip, lines))
    if b"" in bare:
        lines, bare = list(compress(lines, bare)), list(filter(None, bare))
    if kind == "email" and text.isascii():
        return lines, list(map(bytes.lower, bare))
    exact = [
        one.lower()
        if kind == "email" and one.isascii()
        else identifier.exact(kind, one.decode("utf-8", "replace")).encode()
        for one in bare
    ]
    return lines, exact


def _wide(kind: str, exact: Sequence[bytes]) -> list[bytes]:
    """Return the wide form of each address."""
    if kind != "email":
        return [identifier.wide(kind, one.decode()).encode() for one in exact]
    wide = []
    for one in exact:
        local, _, domain = one.rpartition(b"@")
        if not local or b"+" in local or b"." in local:
            wide.append(local.partition(b"+")[0].replace(b".", b"") + b"@" + domain)
        else:
            wide.append(one)
    return wide


def _found(gate: Gate, kind: str, exact: Sequence[bytes]) -> Any:
    """Return what the copy holds of whoever each address names."""
    import numpy

    nobody, start = EMPTY << PLACE_BITS, f"{kind}\x00".encode()
    found = numpy.full(len(exact), nobody, dtype="<u8")
    for macs in gate.secrets.names:
        subjects, known = gate.replica.addresses.find(address_keys(macs(start, exact), "name"))
        values, there = gate.replica.subjects.find(subjects)
        found = numpy.where((found == nobody) & known & there, values, found)
    return found


def _closed(gate: Gate, kind: str, exact: Sequence[bytes]) -> Any:
    """Say of each address whether anything is known to be closed to it."""
    import numpy

    closed = numpy.zeros(len(exact), dtype=bool)
    if not gate.replica.any_closed:
        return closed
    wide, start = _wide(kind, exact), f"{kind}\x00".encode()
    for macs in gate.secrets.closed:
        closed |= gate.replica.addresses.find(address_keys(macs(start, wide), "wide"))[1]
    return closed
