"""Announce a coming version of the policy to people, by the ways the version before promised.

Letters about a change are owed whatever somebody objected to: they sell nothing and rest on no consent.
Whoever's data is restricted is not written to.  Each address gets one letter, however often this is said:
what was sent is known by a keyed hash, so a run that was killed goes on where it was; killed between the
sending and its record, one letter goes twice at most.  Staff attest what Troth cannot see: a site of others,
the post.

Law: GDPR Arts. 5(1)(a), 12(1), 13(3), 14(4), 18(2).
"""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from hashlib import sha256

from troth.errors import NotAllowedError, NotFoundError
from troth.ledger import append, keys, read
from troth.outside.mail import Letter, is_address
from troth.policy.difference import Difference, differences, material
from troth.policy.policy import Policy
from troth.rules import announcement, letter
from troth.rules.announcement import Announced
from troth.rules.event import Draft, Event, Fact
from troth.work import policy_as_of, publish_policy, send_letter
from troth.work.addresses import every_address
from troth.work.establishment import day_here
from troth.work.kept_back import restricted
from troth.work.project import Project

PER_MINUTE = 600
"""How many letters leave in a minute at most, where nobody says otherwise: our own default."""
FAILED_MAX = 20
"""After so many letters in a row that failed the server is taken to be away, and the run ends."""
KIND = "policy_change"


@dataclass(frozen=True, slots=True)
class Coming:
    """A published version, the one before it, and what they promise otherwise."""

    version: str
    effective: date
    event: Event
    before: Policy
    now: Policy
    differences: tuple[Difference, ...]


@dataclass(frozen=True, slots=True)
class Told:
    """What a run of letters did: sent now, known from before, failed (said again, they are tried again), no address.

    `done` says that nobody is left who is to be written to.
    """

    sent: int
    known: int
    failed: int
    unreadable: int
    restricted: int
    done: bool


def coming(project: Project, version: str = "") -> Coming:
    """Return a published version with the one before it; raises NotAllowedError where it has none or tells nothing."""
    published = [
        one for one in read.stream(project.ledger, publish_policy.STREAM) if one.kind == "policy_published"
    ]
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
    before = policy_as_of.as_published(project, names[place - 1])
    assert now is not None and before is not None
    effective = date.fromisoformat(str(published[place].facts["effective"]))
    return Coming(wanted, effective, published[place], before[0], now[0], differences(before[0], now[0]))


def write_to_all(
    project: Project,
    version: str = "",
    *,
    staff: str = "troth",
    per_minute: int = PER_MINUTE,
    most: int | None = None,
    advance: Callable[[], object] = lambda: None,
    stop_at: Callable[[str], object] = lambda _: None,
    wait: Callable[[float], object] = time.sleep,
) -> Told:
    """Write to everybody whom a store names by an e-mail address, each once; `most` letters in this run, if said.

    Raises NotAllowedError where there is nothing to announce.
    """
    found = _announceable(project, version)
    if per_minute < 1:
        raise NotAllowedError("At least one letter a minute: --per-minute 60.")
    _, secret = keys.own_key(project.ledger, "announcements")
    written, html = _written(project, found)
    digest = sha256(f"{written.subject}\n{written.text}".encode()).hexdigest()
    closed = set(restricted(project))
    sent = known = failed = unreadable = passed = in_a_row = 0
    done = True
    for address in every_address(project):
        if not is_address(address):
            unreadable += 1
            continue
        if address.casefold() in closed:
            passed += 1
            continue
        mark = _mark(secret, found.version, address)
        if read.said(project.ledger, mark):
            known += 1
            continue
        if (most is not None and sent >= most) or in_a_row >= FAILED_MAX:
            done = False
            break
        if sent or failed:
            wait(60 / per_minute)
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
            payload={"proof": went.proof}, file="announcement",
        )  # fmt: skip
        append.append(project.ledger, [draft], once=None if went.outcome == "failed" else mark)
        stop_at("recorded")
        advance()
        sent, failed = sent + (went.outcome != "failed"), failed + (went.outcome == "failed")
        in_a_row = in_a_row + 1 if went.outcome == "failed" else 0
    if done and not failed and not _ways(project, found.version).get("email"):
        _record(
            project,
            found.version,
            "email",
            day_here(project),
            staff,
            {"people": sent + known, "sha256": digest},
        )
    return Told(sent, known, failed, unreadable, passed, done and not failed)


def attest(project: Project, way: str, on: date, proof: str, staff: str, version: str = "") -> Event:
    """Record that a change was announced on a site or by post, on which day, and what shows it; once for each."""
    found = _announceable(project, version)
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
    if not _ways(project, version).get("portal"):
        _record(project, version, "portal", day_here(project), "troth", {})


def letter_to(project: Project, version: str, address: str) -> Event | None:
    """Return the event of the letter that went to an address; None where none did."""
    _, secret = keys.own_key(project.ledger, "announcements")
    found = read.said(project.ledger, _mark(secret, version, address))
    return found[0] if found else None


def announced(project: Project) -> Iterator[Announced]:
    """Yield how each version that is in force or coming was announced, where the one before promised that it is.

    What is over is history: a version that no longer holds breaks no promise of today.
    """
    published = [
        one for one in read.stream(project.ledger, publish_policy.STREAM) if one.kind == "policy_published"
    ]
    current = {one.version for one in policy_as_of.versions(project) if _holds(one, day_here(project))}
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
        known = _ways(project, version)
        ways: Mapping[str, date | None] = {
            way: date.fromisoformat(known[way]) if way in known else None for way in promised.announced_by
        }
        changed = len({each.promise for each in material(one.differences)})
        yield Announced(
            version, one.effective, changed, announcement.last_day(promised, one.effective), ways, event.id
        )


def _holds(one: policy_as_of.Version, today: date) -> bool:
    return one.until is None or one.until > today


def _announceable(project: Project, version: str) -> Coming:
    found = coming(project, version)
    if not announcement.owed(found.before.change, found.differences):
        raise NotAllowedError(
            f"Version {found.version} changes no promise that is announced before it takes effect."
        )
    return found


def _ways(project: Project, version: str) -> Mapping[str, str]:
    state = read.state(project.ledger, announcement.stream(version))
    return dict(state.body["ways"]) if state else {}


def _record(
    project: Project,
    version: str,
    way: str,
    on: date,
    staff: str,
    facts: Mapping[str, Fact],
    payload: Mapping[str, Fact] | None = None,
) -> Event:
    told: dict[str, Fact] = {"version": version, "way": way, "on": on.isoformat(), **facts}
    stream = announcement.stream(version)
    draft = Draft(
        "change_announced", stream, told, actor=staff, policy=version, payload=payload, file="announcement"
    )
    return append.append(project.ledger, [draft], once=f"announced {version} {way}")[0]


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
