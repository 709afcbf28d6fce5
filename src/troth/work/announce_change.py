"""Announce a coming version of the policy to people, by the ways the version before promised.

Letters about a change are owed whatever somebody objected to: they sell nothing and rest on no consent.
Whoever's data is restricted is not written to.  Each address gets one letter, however often this is said:
what was sent is known by a keyed hash, so a run that was killed goes on where it was; killed between the
sending and its record, one letter goes twice at most.  One run writes at a time.  Staff attest what Troth cannot
see: a site of others, the post.

Law: GDPR Arts. 5(1)(a), 12(1), 13(3), 14(4), 18(2).
"""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256

from troth.errors import NotAllowedError, NotFoundError
from troth.ledger import append, keys, lease, read
from troth.ledger.lease import Lease
from troth.outside.mail import Letter, is_address
from troth.policy.difference import Difference, differences, material
from troth.policy.policy import Policy
from troth.rules import announcement, letter, own_record
from troth.rules.announcement import Announced
from troth.rules.event import Draft, Event, Fact
from troth.work import policy_as_of, send_letter
from troth.work.addresses import every_address, unreadable
from troth.work.establishment import day_here
from troth.work.kept_back import restricted
from troth.work.project import Project

PER_MINUTE = 600
"""How many letters leave in a minute at most, where nobody says otherwise: our own default."""
FAILED_MAX = 20
"""After so many letters in a row that failed the server is taken to be away, and the run ends."""
LEASE_SECONDS = 300
"""How long a run holds the writing from one letter to the next: longer than the wait of one letter a minute."""
WRITING = "announcing"
KIND = "policy_change"


@dataclass(frozen=True, slots=True)
class Coming:
    """A published version, the one that holds until it does, and what they promise otherwise.

    `alike` are versions of the same day that it replaced and that promise the same: what people were told
    of those they were told of this one.
    """

    version: str
    effective: date
    event: Event
    before: Policy
    now: Policy
    differences: tuple[Difference, ...]
    alike: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Told:
    """What a run of letters did: sent now, known from before, failed (said again, they are tried again), no address.

    `done` says that nobody is left who is to be written to; `unread` names the stores whose people could not be
    looked up, and nobody said that they are reached otherwise.  `recorded` says that it stands in the record that
    the change was announced by e-mail.
    """

    sent: int
    known: int
    failed: int
    unreadable: int
    restricted: int
    done: bool
    unread: tuple[str, ...] = ()
    recorded: bool = False


def coming(project: Project, version: str = "") -> Coming:
    """Return a published version with the one that holds until it does; raises NotAllowedError where none does."""
    published = policy_as_of.published(project)
    names = [str(one.facts["version"]) for one in published]
    wanted = version or (names[-1] if names else "")
    if wanted not in names:
        raise NotFoundError(
            f"Version {wanted[:20]!r} was never published. There are: {', '.join(names)}."
            if wanted
            else "No version of the policy is published yet. Say `troth publish` first."
        )
    place = names.index(wanted)
    if place == 0:
        raise NotAllowedError(f"Version {wanted} is the first: there is no change to announce.")
    now = policy_as_of.as_published(project, wanted)
    held = policy_as_of.held_before(project, published[: place + 1])
    assert held is not None
    before = policy_as_of.as_published(project, str(held.facts["version"]))
    assert now is not None and before is not None
    effective = date.fromisoformat(str(published[place].facts["effective"]))
    replaced = published[published.index(held) + 1 : place]
    return Coming(
        wanted, effective, published[place], before[0], now[0], differences(before[0], now[0]),
        tuple(_alike(project, replaced, effective, now[0])),
    )  # fmt: skip


def _alike(
    project: Project, published: Sequence[Event], effective: date | None, now: Policy
) -> Iterator[str]:
    """Yield those of these versions that take effect on a day and promise what another does."""
    for one in published:
        if effective is None or one.facts["effective"] != effective.isoformat():
            continue
        try:
            found = policy_as_of.as_published(project, str(one.facts["version"]))
        except NotFoundError:  # published before texts were kept
            continue
        if found is not None and not differences(found[0], now):
            yield str(one.facts["version"])


def write_to_all(
    project: Project,
    version: str = "",
    *,
    staff: str = "troth",
    per_minute: int = PER_MINUTE,
    most: int | None = None,
    left_out: Collection[str] = (),
    lease_seconds: float = LEASE_SECONDS,
    advance: Callable[[], object] = lambda: None,
    stop_at: Callable[[str], object] = lambda _: None,
    wait: Callable[[float], object] = time.sleep,
) -> Told:
    """Write to everybody whom a store names by an e-mail address, each once; `most` letters in this run, if said.

    `left_out` names stores that cannot be read whole and whose people are reached otherwise; while there are others,
    the letters go out and the announcement is not recorded.  Raises NotAllowedError where there is nothing to announce
    or another run writes; NotFoundError for a store that there is not.
    """
    found = announceable(project, version)
    if per_minute < 1:
        raise NotAllowedError("At least one letter a minute: --per-minute 60.")
    unread = unread_stores(project, left_out)
    held = lease.claim(project.ledger, WRITING, lease_seconds)
    if held is None:
        raise NotAllowedError(
            "Another run is writing about a change at this moment. Say it again once that one has ended; one that was "
            f"killed holds up the next for {lease_seconds:g} seconds at most."
        )
    _, secret = keys.own_key(project.ledger, "announcements")
    sent = known = failed = unreadable_ = passed = in_a_row = 0
    done = True
    try:
        written, html = _written(project, found)
        digest = sha256(f"{written.subject}\n{written.text}".encode()).hexdigest()
        closed = set(restricted(project))
        for address in every_address(project):
            if not is_address(address):
                unreadable_ += 1
                continue
            if address.casefold() in closed:
                passed += 1
                continue
            if _letter(project, secret, found, address):
                known += 1
                continue
            if (most is not None and sent >= most) or in_a_row >= FAILED_MAX:
                done = False
                break
            if sent or failed:
                wait(60 / per_minute)
            if not lease.renew(project.ledger, held, lease_seconds):  # another run took over and goes on
                done = False
                break
            went = project.mailer.send(
                Letter(address, written.subject, written.text, project.policy.language, html=html)
            )
            stop_at("sent")
            facts: dict[str, Fact] = {
                "letter": f"change-{found.version}", "kind": KIND, "sha256": digest, "channel": "email",
                "attempt": 1, "outcome": went.outcome, "language": project.policy.language,
            }  # fmt: skip
            draft = Draft(
                "letter_sent", announcement.stream(found.version), facts, actor=staff, policy=found.version,
                payload={"proof": went.proof},
                file=own_record.dated("announcement", project.clock().date()),
            )  # fmt: skip
            # Recorded whoever holds the writing by now: it left, and whoever writes next must know.
            mark = _mark(secret, found.version, address)
            append.append(project.ledger, [draft], once=None if went.outcome == "failed" else mark)
            stop_at("recorded")
            advance()
            sent, failed = sent + (went.outcome != "failed"), failed + (went.outcome == "failed")
            in_a_row = in_a_row + 1 if went.outcome == "failed" else 0
        done = done and not failed and not unread
        recorded = done and _recorded(project, found, digest, staff, left_out, held)
        if done:
            _end(project, found, staff, held)
    finally:
        lease.release(project.ledger, held)
    return Told(sent, known, failed, unreadable_, passed, done, unread, recorded)


def unread_stores(project: Project, left_out: Collection[str]) -> tuple[str, ...]:
    """Name the stores whose people cannot be looked up, but for those that staff leave out knowingly."""
    blind = unreadable(project)
    for name in left_out:
        if name not in project.maps:
            known = ", ".join(project.maps)
            raise NotFoundError(f"There is no store called {name[:40]!r}. There are: {known}.")
        if name not in blind:
            raise NotAllowedError(
                f"Nobody is left out of `{name}`: whom it names by an e-mail address is written to."
            )
    return tuple(name for name in blind if name not in left_out)


def _recorded(
    project: Project, found: Coming, digest: str, staff: str, left_out: Collection[str], held: Lease
) -> bool:
    """Record that everybody was written to, once; say whether that stands, which it never does of no letter at all."""
    if known_by(project, found).get("email"):
        return True
    states = [read.state(project.ledger, announcement.stream(one)) for one in (found.version, *found.alike)]
    people = sum(int(one.body["letters"].get("sent", 0)) for one in states if one)
    if not people:
        return False
    facts: dict[str, Fact] = {"people": people, "sha256": digest}
    facts |= {"left_out": sorted(set(left_out))} if left_out else {}
    _record(project, found.version, "email", day_here(project), staff, facts, held=held)
    return True


def _end(project: Project, found: Coming, staff: str, held: Lease) -> None:
    """End what was scheduled, where nobody is left to be written to and the record did not end it."""
    stream = announcement.stream(found.version)
    state = read.state(project.ledger, stream)
    if state is None or state.status != "scheduled":
        return
    facts: dict[str, Fact] = {
        "version": found.version, "way": "email", "on": day_here(project).isoformat(), "scheduled": False,
    }  # fmt: skip
    draft = Draft("change_announced", stream, facts, actor=staff, policy=found.version)
    append.append(project.ledger, [draft], expect={stream: state.version}, lease=held)


def attest(project: Project, way: str, on: date, proof: str, staff: str, version: str = "") -> Event:
    """Record that a change was announced on a site or by post, on which day, and what shows it; once for each."""
    found = announceable(project, version)
    wrong = []
    if way not in announcement.ATTESTED:
        wrong.append(
            f"Staff attest {' or '.join(announcement.ATTESTED)}; what Troth sends or shows it records itself."
        )
    if on > day_here(project):
        wrong.append(f"{on} is still to come.")
    if not proof.strip():
        wrong.append("Say what shows it: an address, a picture, the invoice of the post.")
    if wrong:
        raise NotAllowedError(" ".join(wrong))
    return _record(project, found.version, way, on, staff, {}, {"proof": proof.strip()})


def shown(project: Project, version: str) -> None:
    """Record that the portal shows a change from today on; said again, it records no more."""
    state = read.state(project.ledger, announcement.stream(version))
    if state is None or "portal" not in state.body["ways"]:
        _record(project, version, "portal", day_here(project), "troth", {})


def letter_to(project: Project, version: str, address: str) -> Event | None:
    """Return the event of the letter that went to an address; None where none did."""
    _, secret = keys.own_key(project.ledger, "announcements")
    return _letter(project, secret, coming(project, version), address)


def _letter(project: Project, secret: bytes, found: Coming, address: str) -> Event | None:
    """Return the event of the letter about a version, or about one that it replaced and that promised the same."""
    for version in (found.version, *found.alike):
        said = read.said(project.ledger, _mark(secret, version, address))
        if said:
            return said[0]
    return None


def told_in_time(project: Project, then: Policy, now: Policy) -> bool:
    """Say whether people know of a version though it is new: one alike, of the same day, was announced.

    That counts where it was done by every way that the version before promised, and in time.
    """
    promised, by = then.change, announcement.last_day(then.change, now.effective or date.max)
    if promised is None or by is None:
        return False
    ways = _ways(project, _alike(project, policy_as_of.published(project), now.effective, now))
    return all(way in ways and ways[way] <= by.isoformat() for way in promised.announced_by)


def announced(project: Project) -> Iterator[Announced]:
    """Yield how each version that is in force or coming was announced, where the one before promised that it is.

    What is over is history: a version that no longer holds breaks no promise of today.
    """
    published = policy_as_of.published(project)
    today = day_here(project)
    current = {one.version for one in policy_as_of.versions(project) if not one.is_over(today)}
    for event in published[1:]:
        version = str(event.facts["version"])
        if version not in current:
            continue
        try:
            one = coming(project, version)
        except NotFoundError:  # published before texts were kept: nobody can say what changed
            continue
        promised = one.before.change
        if promised is None or not announcement.owed(promised, one.differences):
            continue
        known = known_by(project, one)
        ways: Mapping[str, date | None] = {
            way: date.fromisoformat(known[way]) if way in known else None for way in promised.announced_by
        }
        changed = len({each.promise for each in material(one.differences)})
        yield Announced(
            version, one.effective, changed, announcement.last_day(promised, one.effective), ways, event.id
        )


def announceable(project: Project, version: str) -> Coming:
    """Return a version with what is announced of it; raises NotAllowedError where nothing is."""
    found = coming(project, version)
    if not announcement.owed(found.before.change, found.differences):
        raise NotAllowedError(
            f"Version {found.version} changes no promise that is announced before it takes effect."
        )
    return found


def known_by(project: Project, found: Coming) -> Mapping[str, str]:
    """Return by which ways people were told of a version, or of one alike that it replaced, and since which day."""
    return _ways(project, (found.version, *found.alike))


def _ways(project: Project, versions: Iterable[str]) -> Mapping[str, str]:
    ways: dict[str, str] = {}
    for version in versions:
        state = read.state(project.ledger, announcement.stream(version))
        for way, on in (state.body["ways"] if state else {}).items():
            ways[way] = min(on, ways.get(way, on))
    return ways


def _record(
    project: Project,
    version: str,
    way: str,
    on: date,
    staff: str,
    facts: Mapping[str, Fact],
    payload: Mapping[str, Fact] | None = None,
    held: Lease | None = None,
) -> Event:
    told: dict[str, Fact] = {"version": version, "way": way, "on": on.isoformat(), **facts}
    stream = announcement.stream(version)
    draft = Draft(
        "change_announced",
        stream,
        told,
        actor=staff,
        policy=version,
        payload=payload,
        file=own_record.dated("announcement", project.clock().date()),
    )
    return append.append(project.ledger, [draft], once=f"announced {version} {way}", lease=held)[0]


def _mark(secret: bytes, version: str, address: str) -> str:
    """Name a letter to an address by a keyed hash: whoever has the ledger cannot tell whose it is."""
    told = f"{version}\0{address.strip().casefold()}".encode()
    return f"announced {version} {hmac.digest(secret, told, 'sha256').hex()}"


def _written(project: Project, found: Coming) -> tuple[letter.Written, str]:
    """Write the letter in every language of the policy, its own first, one below the other."""
    spoken = [one for one in found.now.documents if one in letter.LANGUAGES] or [project.policy.language]
    parts = [
        letter.write(KIND, one, _fields(project, found, one), send_letter.own_template(project, KIND, one))
        for one in spoken
    ]
    text = "\n— — —\n\n".join(one.text for one in parts)
    whole = letter.Written(parts[0].subject, text)
    return whole, letter.as_html(whole, spoken[0])


def _fields(project: Project, found: Coming, language: str) -> dict[str, object]:
    group = found.now.group
    return {
        "organisation": send_letter.organisation(project, language),
        "version": found.version,
        "effective": send_letter.day(found.effective.isoformat(), language),
        "changes": list(changes(found, language)),
        "notice": f"{project.settings.public_url}/notice/{language}/versions",
        "dpo": send_letter.contact(group.dpo if group else None, language) or project.settings.mail_from,
    }


def changes(found: Coming, language: str) -> Iterator[str]:
    """Yield what changed as people read it: what the history of the policy says of it, then its clauses."""
    change = found.now.change
    for one in change.history if change else ():
        if one.version == found.version:
            yield one.what.said(language)
    document = found.now.documents.get(language) or found.now.document
    numbers = dict.fromkeys(one.clause for one in material(found.differences) if one.what != "removed")
    for number in numbers:
        clause = document.by_number.get(number)
        if clause is not None:
            yield f"{number} {clause.title}"
