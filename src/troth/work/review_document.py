"""Take a reviewed document in: proposals by clause, which somebody takes into a draft one by one, or declines.

Nothing is merged by itself.  What was changed without tracking is found by comparing with the very text that was
given out, which the document names by its hash.

Law: GDPR Art. 5(2).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any

from troth.errors import NotAllowedError, NotFoundError
from troth.ledger import read, vault
from troth.outside import word_review
from troth.outside.notice_word import given_out, tag_of
from troth.policy import clause_text
from troth.policy.notice_text import sha256 as notice_sha256
from troth.policy.paragraphs import replaced
from troth.policy.policy import Policy
from troth.policy.proposal import Document, GivenOut, Proposal, Remark, proposals
from troth.rules.event import Fact
from troth.work import draft_policy
from troth.work.draft_policy import PolicyDraft
from troth.work.policy_as_of import as_published, published
from troth.work.project import Project


@dataclass(frozen=True, slots=True)
class Review:
    """What a document proposes; `known` says whether it could be compared with what was given out."""

    language: str
    version: str
    known: bool
    proposals: tuple[Proposal, ...]


@dataclass(frozen=True, slots=True)
class Kept:
    """A proposal kept with a draft: its name there, and whether it is open, taken or declined."""

    name: str
    state: str
    proposal: Proposal
    language: str


def review(project: Project, content: bytes) -> Review:
    """Read a reviewed document; raises NotAllowedError, in a sentence, for one that cannot be read."""
    came = word_review.read(content)
    policy = next((one for one in _candidates(project) if _is_of(one, came)), None)
    given = given_out(policy, came.language) if policy else _as_it_came(came)
    placeholders = {name for found in given.values() for one in found for name, _ in one.values}
    if cut := {tag_of(name): name for name in placeholders if tag_of(name) != name}:
        came = word_review.read(content, cut)
    return Review(came.language, came.version, policy is not None, proposals(given, came))


def propose(project: Project, draft: PolicyDraft, content: bytes, staff: str) -> Review:
    """Keep the proposals of a document with a draft; its text stays as it is."""
    found = review(project, content)
    files = [one.language for one in draft.documents.values()]
    if found.language not in files:
        raise NotAllowedError(
            f"The document does not say in which of the policy's languages it is ({', '.join(files)}). Give one out "
            "with `troth notice --format docx`, and have that one reviewed."
        )
    facts: dict[str, Fact] = {"count": len(found.proposals), "sha256": sha256(content).hexdigest()}
    payload: dict[str, Any] = {
        "language": found.language, "known": found.known, "proposals": [asdict(one) for one in found.proposals],
    }  # fmt: skip
    draft_policy.record(project, draft, "proposed", staff, facts, payload)
    return found


def kept(project: Project, draft: PolicyDraft) -> tuple[Kept, ...]:
    """Return every proposal that was kept with a draft, document by document."""
    return tuple(_kept(project, draft))


def take(project: Project, draft: PolicyDraft, name: str, staff: str) -> PolicyDraft:
    """Turn one proposal into a change of the draft; a comment becomes a comment there.

    Raises NotAllowedError where it is about a promise, or the paragraph is not in the draft as it was given out.
    """
    found = _open(project, draft, name)
    one = found.proposal
    number = "" if one.clause == "top" else one.clause
    if one.what == "promise":
        raise NotAllowedError(
            f"These words come from a promise (`{one.promise}`): change its value in the form of its clause, then "
            "decline the proposal."
        )
    if one.what == "comment":
        _comment(project, draft, "" if number == "front" else number, one, staff)
        return _answered(project, name, staff, draft_policy.opened(project, draft.name))
    file = next(file for file, document in draft.documents.items() if document.language == found.language)
    document = draft.documents[file]
    if number and number not in document.by_number:
        raise NotAllowedError("This proposal is not about a clause of the draft: write the change by hand.")
    title = f"{number} {document.by_number[number].title}" if number else ""
    if number and one.was == title:
        if not one.becomes:
            raise NotAllowedError(
                "A clause is removed with its heading, by hand: nothing else takes it away."
            )
        if not one.becomes.startswith(f"{number} "):
            raise NotAllowedError("A clause keeps its number: change its title by hand.")
        draft = draft_policy.write_title(
            project, draft, file, number, one.becomes.removeprefix(f"{number} "), staff
        )
        draft = _answered(project, name, staff, draft)
        if one.remarks:
            _comment(project, draft, number, one, staff)
        return draft_policy.opened(project, draft.name)
    prose = clause_text.prose(document, number)
    behind = "" if one.was else _anchor(one, _beside(project, draft, found))
    if not one.was and number and not behind:
        raise NotAllowedError("Behind what this paragraph stands is not known: write the change by hand.")
    behind = "" if behind == title else behind
    words = replaced(prose, document.language, one.was, one.becomes, behind)
    draft = draft_policy.write_prose(project, draft, file, number, words, staff, name)
    if one.remarks:
        _comment(project, draft, number, one, staff)
    return draft_policy.opened(project, draft.name)


def _beside(project: Project, draft: PolicyDraft, found: Kept) -> tuple[Kept, ...]:
    """Return the proposals of the same document for the words of the same clause."""
    event = found.name.partition("/")[0]
    return tuple(
        one
        for one in kept(project, draft)
        if one.name.partition("/")[0] == event
        and one.proposal.clause == found.proposal.clause
        and one.proposal.what == "words"
    )


def _anchor(one: Proposal, beside: Sequence[Kept]) -> str:
    """Return the paragraph behind which a new one goes, as it stands in the draft now.

    The one before it may have been written otherwise since, removed, or be a new one that nobody took.
    """
    behind = one.behind
    for _ in beside:
        about = next(
            (each for each in beside if (each.proposal.was or each.proposal.becomes) == behind), None
        )
        if about is None:
            return behind
        stands = about.proposal.becomes if about.state == "taken" else about.proposal.was
        if stands:
            return stands
        behind = about.proposal.behind
    return behind


def decline(project: Project, draft: PolicyDraft, name: str, staff: str) -> PolicyDraft:
    """Record that a proposal is not wanted."""
    _open(project, draft, name)
    return _answered(project, name, staff, draft, "declined")


def _answered(
    project: Project, name: str, staff: str, draft: PolicyDraft, outcome: str = "taken"
) -> PolicyDraft:
    draft_policy.record(project, draft, "answered", staff, {"proposal": name, "outcome": outcome})
    return draft_policy.opened(project, draft.name)


def _comment(project: Project, draft: PolicyDraft, number: str, one: Proposal, staff: str) -> None:
    text = "\n".join(f"{remark.who}, {remark.when[:10]}: {remark.text}" for remark in one.remarks)
    draft_policy.comment(project, draft, number, text, staff)


def _open(project: Project, draft: PolicyDraft, name: str) -> Kept:
    found = next((one for one in kept(project, draft) if one.name == name), None)
    if found is None:
        raise NotFoundError(
            "There is no such proposal in this draft. `troth policy draft proposals` shows them."
        )
    if found.state != "open":
        raise NotAllowedError(f"This proposal is {found.state} already.")
    return found


def _kept(project: Project, draft: PolicyDraft) -> Iterator[Kept]:
    events = {one.id: one for one in read.stream(project.ledger, draft.stream)}
    for entry in draft.state["proposals"]:
        payload = vault.payload(project.ledger, events[entry["event"]])
        for number, one in enumerate(payload["proposals"], 1):
            name = f"{entry['event']}/{number}"
            yield Kept(
                name, draft.state["answered"].get(name, "open"), _proposal(one), str(payload["language"])
            )


def _proposal(found: Mapping[str, Any]) -> Proposal:
    return Proposal(**{**found, "remarks": tuple(Remark(**one) for one in found["remarks"])})


def _candidates(project: Project) -> Iterator[Policy]:
    yield project.written
    for state in draft_policy.every(project):
        if state["status"] == "open" and (policy := draft_policy.opened(project, state["name"]).loaded[0]):
            yield policy
    for event in reversed(published(project)):
        try:
            found = as_published(project, str(event.facts["version"]))
        except NotFoundError:  # published before texts were kept
            continue
        if found is not None:
            yield found[0]


def _is_of(policy: Policy, came: Document) -> bool:
    return (
        bool(came.sha256)
        and came.language in policy.documents
        and notice_sha256(policy, came.language) == came.sha256
    )


def _as_it_came(came: Document) -> dict[str, tuple[GivenOut, ...]]:
    """Take a document whose origin is not known for what it was before its tracked changes."""
    return {
        clause: tuple(
            GivenOut(one.before, tuple((name, was) for name, was, _ in one.values))
            for one in found
            if one.before
        )
        for clause, found in came.clauses.items()
    }
