"""The register of processing activities, as controller and as processor.

An activity says what nobody else can: its name, its owner, when somebody last looked.  The
rest follows from the purposes it names.  A purpose that no activity names has a line of its
own, so that nothing that is done with data is left out.

Law: GDPR Art. 30(1), 30(2); the sheet per activity of the CNIL; Arts. 9, 22, 35.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date

from troth.law.right import applies, rights
from troth.policy.promise import Purpose, Recipient, RetentionRule, Transfer
from troth.policy.register import Activity, DocumentType, RegisterDocument, ServedController
from troth.rules.register import Cell, Line, Source
from troth.rules.register_document import wrong_with

INTERNAL = ("staff", "group_company")
CRITERIA_MIN = 2
"""WP248 rev.01: two criteria of nine call for an impact assessment as a rule."""


def processing(source: Source, entity: str = "") -> Iterator[Line]:
    """Yield a line for each activity we do as controller, then for each purpose that no activity names."""
    named = set()
    for one in source.policy.activities.values():
        named |= set(map(str, one.purposes))
        if one.role != "processor" and (not entity or entity in companies(one, source)):
            yield _line(source, one)
    for purpose in source.policy.purposes.values():
        if str(purpose.key) not in named and (not entity or entity in (purpose.entities or (entity,))):
            yield _line(source, None, purpose)


def as_processor(source: Source, entity: str = "") -> Iterator[Line]:
    """Yield a line for each controller for whom we do an activity as processor."""
    for one in source.policy.activities.values():
        if one.role == "processor" and (not entity or entity in companies(one, source)):
            for served in one.controllers:
                yield _for_controller(source, one, served)


def companies(one: Activity, source: Source) -> tuple[str, ...]:
    """Return the companies that do an activity; those of its purposes where it names none, else all."""
    found = tuple(map(str, one.entities)) or tuple(
        str(entity) for purpose in purposes_of(one, source) for entity in purpose.entities
    )
    every = source.policy.group.entities if source.policy.group else ()
    return found or tuple(str(entity.key) for entity in every)


def purposes_of(one: Activity, source: Source) -> tuple[Purpose, ...]:
    """Return the purposes that an activity names."""
    known = source.policy.purposes
    return tuple(known[str(name)] for name in one.purposes if str(name) in known)


def _line(source: Source, one: Activity | None, alone: Purpose | None = None) -> Line:
    purposes = purposes_of(one, source) if one else (alone,) if alone else ()
    recipients = recipients_of(source, one, purposes)
    chosen = companies(one, source) if one else tuple(map(str, alone.entities)) if alone else ()
    subjects = source.texts(one.subjects) if one else ()
    line: dict[str, Cell] = {
        "reference": (str(one.key if one else alone.key if alone else ""),),
        "name": (source.title(one or alone),),
        "created": source.day(one.created) if one else (),
        "updated": source.day(one.updated) if one else (),
        "controller": source.companies(chosen),
        "joint": source.texts(one.joint_with) if one else (),
        "representative": source.representatives(chosen),
        "dpo": source.dpo(),
        "purposes": tuple(source.text(each.does) for each in purposes),
        "legal_basis": _distinct(word for each in purposes for word in _bases(source, each)),
        "interest": _distinct(source.text(each.interest or each.duty) for each in purposes),
        "subjects": subjects or _distinct(said for each in purposes for said in source.texts(each.subjects)),
        "categories": _distinct(said for each in purposes for said in _categories(source, each, False)),
        "special": _distinct(said for each in purposes for said in _categories(source, each, True)),
        "sources": _sources(source, purposes),
        "retention": _distinct(said for each in purposes for said in _retained(source, each)),
        "internal": tuple(source.text(each.title) for each in recipients if each.class_ in INTERNAL),
        "external": tuple(
            _called(source, each)
            for each in recipients
            if each.class_ not in INTERNAL and each.role not in ("processor", "not_a_recipient")
        ),
        "processors": tuple(
            _called(source, each)
            for each in recipients
            if each.role == "processor" and each.class_ not in INTERNAL
        ),
        "transfers": source.transfers(transfers_of(source, one, purposes, recipients)),
        "measures": (source.texts(one.measures) if one else ()) or source.measures(),
        "decisions": _distinct(said for each in purposes for said in _decisions(source, each)),
        "rights": _rights(source, purposes),
        "assessment": tuple(_assessed(source, each) for each in _assessments(source, one, purposes)),
        "stores": _stores(source, one, purposes),
        "clauses": source.clauses(purposes),
        "owner": (source.text(one.owner),) if one and one.owner else (),
        "reviewed": source.day(one.reviewed) if one else (),
        "review_due": source.day(review_due(one)) if one else (),
    }
    line["lacks"] = tuple(_lacks(source, one, purposes, line))
    return line


def _for_controller(source: Source, one: Activity, served: ServedController) -> Line:
    recipients = [
        source.policy.recipients[str(name)]
        for name in one.recipients
        if str(name) in source.policy.recipients
    ]
    agreement = source.policy.register_documents.get(str(served.agreement)) if served.agreement else None
    line: dict[str, Cell] = {
        "reference": (f"{one.key}/{served.key}",),
        "name": (source.title(one),),
        "processor": source.companies(companies(one, source)),
        "representative": source.representatives(companies(one, source)),
        "dpo": source.dpo(),
        "served": (f"{served.name}, {source.words.country(served.country)}",),
        "served_contact": source.contact(served.contact),
        "served_representative": source.contact(served.representative),
        "served_dpo": source.contact(served.dpo),
        "does": source.texts(one.does),
        "processors": tuple(_called(source, each) for each in recipients),
        "transfers": source.transfers(transfers_of(source, one, (), tuple(recipients))),
        "measures": source.texts(one.measures) or source.measures(),
        "agreement": (f"{source.title(agreement)} ({agreement.dated})",) if agreement else (),
        "owner": (source.text(one.owner),) if one.owner else (),
        "reviewed": source.day(one.reviewed),
        "review_due": source.day(review_due(one)),
    }
    lacks = list(_lacks_of_entry(source, one, line))
    if agreement is None:
        lacks.append(source.lacks("no_agreement", name=served.name))
    else:
        lacks += [f"{agreement.key}: {said}" for said in wrong_with(source, agreement)]
    line["lacks"] = tuple(lacks)
    return line


def review_due(one: Activity) -> date | None:
    """Return the day by which an entry is looked at again; None where nobody ever looked."""
    return one.review_every.after(one.reviewed) if one.reviewed else None


def _lacks(source: Source, one: Activity | None, purposes: tuple[Purpose, ...], line: Line) -> Iterator[str]:
    if one is None:
        yield source.lacks("no_activity")
    else:
        yield from _lacks_of_entry(source, one, line)
        if not purposes:
            yield source.lacks("no_purpose")
    for purpose in purposes:
        if not purpose.categories:
            yield source.lacks("no_categories", name=purpose.key)
        if not purpose.retention:
            yield source.lacks("no_retention", name=purpose.key)
    if not line["subjects"]:
        yield source.lacks("no_subjects")
    papers = _assessments(source, one, purposes)
    met = _criteria(purposes)
    if len(met) >= CRITERIA_MIN and not papers:
        yield source.lacks("assessment_missing", count=len(met))
    yield from _assessment_lacks(source, papers)
    if one is not None and one.role == "joint_controller":
        yield from _arrangement_lacks(source, _arrangements(source, one))


def documents_owed(source: Source, one: Activity) -> Iterator[DocumentType]:
    """Yield the types of document that an activity needs and of which none is on record."""
    purposes = purposes_of(one, source)
    papers = _assessments(source, one, purposes)
    due = any(map(_examined_only, papers)) or len(_criteria(purposes)) >= CRITERIA_MIN
    if due and all(map(_examined_only, papers)):
        yield "dpia"
    if one.role == "joint_controller" and not _arrangements(source, one):
        yield "joint_arrangement"


def _examined_only(paper: RegisterDocument) -> bool:
    """Say whether a document is the examination that an impact assessment is needed, and none itself."""
    return paper.needed is True and not paper.says and paper.risk is None


def _assessment_lacks(source: Source, papers: Sequence[RegisterDocument]) -> Iterator[str]:
    """Say what its impact assessments lack, where none of them holds; of examinations the last one counts."""
    last = max(papers, key=lambda each: each.dated, default=None)
    counting = [each for each in papers if each is last or each.needed is not False]
    faults = [(each, [*wrong_with(source, each)]) for each in counting]
    if any(not wrong for _, wrong in faults):
        return
    for each, wrong in faults:
        if _examined_only(each):
            yield source.lacks("assessment_owed", name=each.key, day=each.dated)
        else:
            yield from (source.lacks("assessment_wrong", name=each.key, said=said) for said in wrong)


def _arrangement_lacks(source: Source, papers: Sequence[RegisterDocument]) -> Iterator[str]:
    """Say whether controllers who decide together have arranged who does what (GDPR Art. 26(1))."""
    faults = [(each, [*wrong_with(source, each)]) for each in papers]
    if not papers:
        yield source.lacks("no_arrangement")
    elif all(wrong for _, wrong in faults):
        yield from (f"{each.key}: {said}" for each, wrong in faults for said in wrong)


def _arrangements(source: Source, one: Activity) -> list[RegisterDocument]:
    """Return the joint arrangements that an activity names, or that are about a purpose of it."""
    named, meant = set(map(str, one.documents)), set(map(str, one.purposes))
    return [
        each
        for each in source.policy.register_documents.values()
        if each.type == "joint_arrangement"
        and (str(each.key) in named or meant & set(map(str, each.purposes)))
    ]


def _lacks_of_entry(source: Source, one: Activity, line: Line) -> Iterator[str]:
    if one.owner is None:
        yield source.lacks("no_owner")
    due = review_due(one)
    if due is None:
        yield source.lacks("no_review")
    elif due < source.today:
        yield source.lacks("review_overdue", day=due)
    if not line["measures"]:
        yield source.lacks("no_measures")
    for store in one.stores:
        if store not in source.maps:
            yield source.lacks("unknown_store", name=store)


def _criteria(purposes: Iterable[Purpose]) -> set[str]:
    """Return the criteria of WP248 that promises show by themselves."""
    met = set()
    for one in purposes:
        if one.profiling:
            met |= {"scoring"}
        if one.decides is not None:
            met |= {"automated_decision", "scoring"}
        if one.condition is not None:
            met |= {"sensitive_data"}
    return met


def recipients_of(
    source: Source, one: Activity | None, purposes: tuple[Purpose, ...]
) -> tuple[Recipient, ...]:
    """Return who receives data in an activity: those of its purposes, then its own."""
    names = dict.fromkeys(str(name) for each in purposes for name in each.recipients)
    names |= dict.fromkeys(map(str, one.recipients if one else ()))
    return tuple(source.policy.recipients[name] for name in names if name in source.policy.recipients)


def transfers_of(
    source: Source, one: Activity | None, purposes: tuple[Purpose, ...], recipients: tuple[Recipient, ...]
) -> Iterator[Transfer]:
    """Yield the transfers of an activity: of its recipients, as far as they are for its purposes, then its own."""
    known = source.policy.transfers
    meant = {str(each.key) for each in purposes}
    for name in (
        *(str(name) for each in recipients for name in each.transfers),
        *map(str, one.transfers if one else ()),
    ):
        found = known.get(name)
        if found is not None and (not found.purposes or not meant or meant & set(map(str, found.purposes))):
            yield found


def _called(source: Source, recipient: Recipient) -> str:
    """Return a recipient with those known by name."""
    by_name = ", ".join(
        source.phrase("of", name=party.name, what=source.words.country(party.country))
        for party in recipient.named
    )
    said = source.text(recipient.short or recipient.title)
    return source.phrase("fields", title=said, fields=by_name) if by_name else said


def _bases(source: Source, purpose: Purpose) -> Iterator[str]:
    yield source.word(purpose.legal_basis)
    if purpose.other_basis:
        yield source.phrase(
            "of", name=source.word(purpose.other_basis), what=source.text(purpose.other_basis_for)
        )


def _categories(source: Source, purpose: Purpose, special: bool) -> Iterator[str]:
    for name in purpose.categories:
        found = source.policy.categories.get(str(name))
        if found is not None and found.special is special:
            fields = ", ".join(source.texts(found.fields))
            title = source.title(found)
            yield source.phrase("fields", title=title, fields=fields) if fields else title


def _sources(source: Source, purposes: tuple[Purpose, ...]) -> Cell:
    """Return how the data of purposes is collected, and from whom where not from the subjects."""
    meant = {str(name) for each in purposes for name in each.categories}
    found = []
    for one in source.policy.collections.values():
        if meant & {*(str(each.key) for each in one.categories), *map(str, one.collects)}:
            names = ", ".join(source.title(each) for each in one.sources)
            word = source.word(one.how)
            found.append(source.phrase("fields", title=word, fields=names) if names else word)
    return _distinct(found)


def _retained(source: Source, purpose: Purpose) -> Iterator[str]:
    for name in purpose.retention:
        found = source.policy.retention.get(str(name))
        if found is not None:
            yield source.phrase("fields", title=source.title(found), fields=how_long(source, found))


def how_long(source: Source, rule: RetentionRule) -> str:
    """Say how long a retention promise keeps, from when, and what is archived after."""
    period = source.period(rule.period) if rule.period else source.text(rule.criteria)
    said = source.phrase("from", period=period, trigger=source.text(rule.trigger))
    if rule.archive is None:
        return said
    archive = rule.archive
    return source.phrase(
        "then_archived", first=said, period=source.period(archive.period), law=source.text(archive.legal)
    )


def _decisions(source: Source, purpose: Purpose) -> Iterator[str]:
    if purpose.profiling:
        yield source.phrase("profiling")
    if purpose.decides is not None:
        yield source.phrase("decision", logic=source.text(purpose.decides.logic))


def _rights(source: Source, purposes: tuple[Purpose, ...]) -> Cell:
    """Return the rights that apply to one of the purposes by its legal basis."""
    group = source.policy.group
    place = str(group.main_entity.jurisdiction or group.main_entity.country) if group else "EU"
    found = []
    for right in rights(place, source.today):
        for purpose in purposes:
            bases = [basis for basis in (purpose.legal_basis, purpose.other_basis) if basis]
            if any(
                applies(
                    right.code, basis, on=source.today, jurisdiction=place, marketing=purpose.marketing
                ).applies
                for basis in bases
            ):
                found.append(right.fr if source.language == "fr" else right.en)
    return _distinct(found)


def _assessments(
    source: Source, one: Activity | None, purposes: tuple[Purpose, ...]
) -> tuple[RegisterDocument, ...]:
    meant = {str(each.key) for each in purposes}
    named = set(map(str, one.documents)) if one else set()
    return tuple(
        each
        for each in source.policy.register_documents.values()
        if each.type == "dpia" and (str(each.key) in named or meant & set(map(str, each.purposes)))
    )


def _assessed(source: Source, found: RegisterDocument) -> str:
    if found.needed is False:
        return source.phrase("not_needed", day=found.dated)
    risk = source.word(found.risk) if found.risk else "?"
    return source.phrase("assessed", title=source.title(found), day=found.dated, risk=risk)


def _stores(source: Source, one: Activity | None, purposes: tuple[Purpose, ...]) -> Cell:
    if one and one.stores:
        return one.stores
    meant = {str(each.key) for each in purposes}
    return tuple(name for name, found in source.maps.items() if meant & set(found.purposes))


def _distinct(sayings: Iterable[str]) -> Cell:
    return tuple(dict.fromkeys(one for one in sayings if one))
