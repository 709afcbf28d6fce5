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
from troth.ledger.suppression import Suppression, since
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
    closed = _closed(gate, audience, exact)
    for place in sorted({*closed, *numpy.flatnonzero(numbers == UNNUMBERED).tolist()}):
        one, stopped = int(found[place]), closed.get(place)
        shared = gate.shared_closed(one, stopped, asked) if stopped else gate.shared_of(one, asked)
        which[place] = _place(answers, (shared.allowed, shared.code))
    counts = numpy.bincount(which, minlength=len(answers)).tolist()
    may = numpy.array([allowed for allowed, _ in answers])[which]
    allowed = b"\n".join([*compress(lines, may.tolist()), b""])
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
    wide = list(exact)
    for place in _dotted(exact):
        local, _, domain = wide[place].rpartition(b"@")
        wide[place] = local.partition(b"+")[0].replace(b".", b"") + b"@" + domain
    return wide


def _dotted(exact: Sequence[bytes]) -> list[int]:
    """Return the places of the addresses with a dot or a plus before their last @, or with nothing before it."""
    import numpy

    text = numpy.frombuffer(b"\n".join(exact), dtype="u1")
    starts = numpy.append(0, numpy.flatnonzero(text == ord("\n")) + 1)
    ats = numpy.flatnonzero(text == ord("@"))
    marks = numpy.flatnonzero((text == ord(".")) | (text == ord("+")))
    last = numpy.full(len(starts), -1)
    last[numpy.searchsorted(starts, ats, side="right") - 1] = (
        ats  # of several in one address, the last counts
    )
    of = numpy.searchsorted(starts, marks, side="right") - 1
    dotted = last <= starts
    dotted[of[marks < last[of]]] = True
    return numpy.flatnonzero(dotted).tolist()


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


def _closed(gate: Gate, audience: Audience, exact: Sequence[bytes]) -> dict[int, str]:
    """Return since when the addresses that are closed to what is asked are, by their places.

    What stops an address is kept by its wide form too, so that most are looked up by it alone.
    """
    import numpy

    if not gate.replica.any_closed:
        return {}
    wide, start = _wide(audience.kind, exact), f"{audience.kind}\x00".encode()
    known: dict[int, list[Suppression]] = {}
    for macs in gate.secrets.closed:
        keys = address_keys(macs(start, wide), "wide")
        for place in numpy.flatnonzero(gate.replica.addresses.find(keys)[1]).tolist():
            known.setdefault(place, []).extend(gate.closed_at(int(keys[place])))
    for macs in gate.secrets.closed:
        keys = address_keys(macs(start, [exact[place] for place in known]), "exact")
        for place, key in zip(known, keys.tolist(), strict=True):
            known[place] += gate.closed_at(key)
    closings = gate.closings(audience.asked)
    stopped = {place: since(told, *closings) for place, told in known.items()}
    return {place: stop.at for place, stop in stopped.items() if stop}
