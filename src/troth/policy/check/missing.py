"""Rules on what a notice must say of the processing and does not.

Where promises stand beside the prose they decide; the prose is read where there are none.
A rule on something absent first makes sure that the document ought to have it.

Law: GDPR Arts. 5(2), 12(1), 13(1) and (2), 14, 22, 26(2), 34.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from troth.policy.check.contact import EVERY_COMPANY, first, of
from troth.policy.check.finding import Spot
from troth.policy.check.prose import Paragraph, Prose, Section, said_in, small
from troth.policy.check.rule import rule

TOPICS = (
    r"\bcollect",
    r"\bpurposes?\b",
    r"\b(?:recipients?|disclos|shar(?:e|ing)\b|transfer)",
    r"\b(?:right to|right of|rights)\b",
    r"\b(?:retain|retention|stored?|keep|kept)\b",
    r"\bcookies?\b",
    r"\bcontact\b",
)
TOPICS_MIN = 4
"""A document on personal data that speaks of so many topics is a whole privacy policy."""

_BASIS = (
    r"\blegal bas[ei]s\b|\blawful bas[ei]s\b|\blegal grounds?\b|\blegitimate interests?\b|\bconsent\b|"
    r"\bperformance of (?:a|the|our|your) contract\b|\blegal obligations?\b|\bpublic interest\b|"
    r"\bvital interests?\b|\b(?:art\.|article) 6\b|\(contract\)"
)
_OTHER_BASIS = (
    r"\bcontract|\bconsent|\brequested\b|\bordered\b|\byou (?:ask|order|request)|\blegal obligation|"
    r"\brequired by law\b|\bcomply with\b"
)
_NECESSARY = (
    r"\b(?:period of time|time|period|as long as (?:is |it is )?|duration)\s?(?:which is |that is )?"
    r"(?:strictly )?(?:necessary|needed|required)\b|"
    r"\b(?:temps|durées?|périodes?) (?:strictement )?nécessaires?\b"
)
_PERIOD = re.compile(
    r"\b(?:\d+|one|two|three|four|five|six|ten|twelve|thirty|un|deux|trois|cinq|dix|douze|treize)\s+"
    r"(?:calendar\s+)?(?:days?|weeks?|months?|years?|jours?|semaines?|mois|ans?|années?)\b",
    re.IGNORECASE,
)
_KEEPS = r"\b(?:keep|kept|retain|retained|retention|stored?|delet|eras|purge|archiv|conserv|effac|supprim)"
_PROFILES = (
    r"\btargeted (?:information|advert|messag|offer|content|marketing)|"
    r"\b(?:tailor|adapt|personali[sz]e)[^.]{0,60}\b(?:messages?|advert|offers?|content)|"
    r"\b(?:advert|messages?|offers?)[^.]{0,80}\bbased on[^.]{0,60}\b(?:interests?|behaviou?r|profile)"
)
_BASED_ON = r"\b(?:based on|according to|depending on|selon|en fonction)\b"
_AUTOMATED = (
    r"\bprofiling\b|\bautomated[ -](?:individual |individual[ -])?(?:decision|processing|processes)|"
    r"\bsolely (?:on |by )?automat|\bdecisions? made by a machine"
)
_INDIRECT = (
    r"\b(?:collect|obtain|receive|get)\b[^.]{0,60}\b(?:through|from) (?:a |an |our |other |any |some )?"
    r"(?:third part(?:y|ies)|partners?|other (?:people|persons|companies|sources)|data brokers?|employers?)\b"
)
_SOURCES = (
    r"\bsources?\b|\b(?:art\.|article) 14\b|\bfirst communication\b|"
    r"\bwithin (?:a|one|1) month (?:of|after) (?:obtaining|collecting|receiving (?:your|the) (?:personal )?data)"
)
_ASKED = r"\bcollect[^.]{0,60}\b(?:provides? (?:it|them|us)|you (?:give|provide)|directly (?:from|when)|from you)\b"
_CONSEQUENCE = (
    r"\bmandatory\b|\bcompulsory\b|\bobligatory\b|\boptional\b|\bvoluntar|\bnot obliged\b|"
    r"\brequired fields?\b|\bfailure to provide\b|"
    r"\bif you (?:do not|don't|choose not to|refuse to) (?:provide|give|supply)|"
    r"\bmarked (?:with|by|as)\b|\bnot provid(?:e|ing)\b"
)
_ABROAD = (
    r"\boutside (?:of )?(?:the )?(?:EU|EEA|european|union|UK|territory|country)\b|\bthird countr(?:y|ies)\b|"
    r"\bcountries outside\b|"
    r"\bhors (?:de )?(?:l'|la )?(?:UE|EEE|union)\b|\ben dehors de (?:l'|la )(?:UE|EEE|union)|\bpays tiers\b"
)
_COUNTRY = re.compile(
    r"\b(?:United\s+States|USA|U\.S\.|US|India|Morocco|Tunisia|Canada|Japan|China|Brazil|Mexico|Australia|"
    r"Singapore|Switzerland|Israel|South\s+Africa|South\s+Korea|Ukraine|Philippines|Vietnam|Turkey|"
    r"United\s+Kingdom|New\s+Zealand|Argentina|Madagascar|Mauritius|Senegal|"
    r"États-Unis|Maroc|Tunisie|Inde|Japon|Suisse|Royaume-Uni|Sénégal|Brésil)\b"
)
_COPY = r"\bcop(?:y|ies)\b|\bavailable (?:at|on|here|from)\b|\bon request\b|\bupon request\b|\bcopies?\b|\bsur demande\b|https?://|\]\("
_COPY_OF_CLAUSES = r"\bcop(?:y|ies?) (?:of|de)\b"
_HAS_A_COPY = ("standard_clauses", "binding_rules", "own_clauses", "code", "certification")
_DISCLOSURE = (
    r"\bto whom\b|\brecipients?\b|\bwho (?:do we|we|receives?|has|gets)\b|\bdisclos|\bshar(?:e|ing)\b|"
    r"\bwith whom\b|\bdestinataires?\b"
)
_VENDOR = re.compile(
    r"^[ \t]*(?:[-•*][ \t]+)?\**"
    r"(?!(?:Cookies?|Note|Storage|Purpose|Session|Persistent|Strictly|Necessary|Functional|Analytics|Analytical|"
    r"Performance|Preferences?|Marketing|Advertising|Statistics|Targeting|Security|Technical)\b)"
    r"(?P<name>[A-Z][\w.]{1,40})(?:[ \t]+[A-Z][\w.]{1,40}){0,2}\**"
    r"[ \t]*(?:\([^)\n]{0,40}\)[ \t]*)?(?::|[-–—][ \t])"
)
"""A line that opens with the name of a tool, and not with a kind of cookie."""
_PROCESSOR = r"\b(?:sub-?contractors?|processors?|service providers?|suppliers?|vendors?)\b"
_SECURED = (
    r"\b(?:ensure|protect|guarantee|safeguard)\w*[^.]{0,60}\bsecurity of\b|"
    r"\bsecurity measures\b|\btechnical and \w+ measures\b|"
    r"\bsécurité de vos\b|\bmesures techniques et\b"
)
_LISTED = re.compile(
    r"\bcollect\b(?:(?!\b(?:such\s+as|for\s+example|like|e\.g|includ))[^.]){0,60}\b(?:first\s+|last\s+|full\s+)?names?\b",
    re.IGNORECASE,
)
_OBSERVED = (
    r"\b(?:data|information) (?:that |which )?(?:we )?collect(?:ed)? includes?\b"
    r"[^.]{0,80}\b(?:visit|usage|use of|pages)|"
    r"\bcollect(?:ion|s)?\b[^.]{0,120}\b(?:behaviou?r|browsing|visited|usage|is used)\b"
)
_USAGE = r"\busage\b|\bbehaviou?r|\bvisits?\b|\bbrows|\bcookie"
_UPDATED = r"\b(?:last|latest) (?:update|updated|modified|revised|revision|changed?)\b|\bupdated on\b"
_CHANGES = (
    r"\bchanges? (?:to|in|of) (?:this|our|the) (?:privacy )?(?:policy|notice|statement)|"
    r"\b(?:may|will|can|shall)(?: \w+)? (?:update|amend|change|modify|revise) "
    r"(?:this|our|the) (?:privacy )?(?:policy|notice|statement)|"
    r"\bversion \d|\bversion history\b|\bchange\s?log\b|"
    r"\beffective (?:date|from|as of|on)\b|\bin force (?:from|since|on|as of)\b"
)
_LANGUAGES = r"\btranslat|\blanguages?\b|\balso available in\b|\b(?:français|deutsch|español|italiano)\b"
_SEVERAL_LANGUAGES = re.compile(
    r"\b(?:France|Germany|Spain|Italy|Poland|Portugal|Netherlands|Belgium|Austria|Sweden|Denmark|Finland)\b"
)


def whole_policy(prose: Prose) -> bool:
    """Tell whether this is a whole privacy policy: it speaks of personal data and of most topics.

    A page on cookies, or a notice to applicants or employees, is none, whatever its length.
    """
    if said_in(
        prose.document.title,
        small(prose.document.title),
        r"\bcookie|\bcandida|\bapplicant|\bemployee|\bsalari",
    ):
        return False
    words = r"\bpersonal (?:data|information)\b|\bdata subjects?\b|\byour (?:data|information)\b"
    return prose.says(words) and sum(map(prose.says, TOPICS)) >= TOPICS_MIN


def about_cookies(prose: Prose, one: Paragraph) -> bool:
    """Tell whether a paragraph is about cookies, by its words or by a title it stands under."""
    if one.says(r"\bcookie"):
        return True
    section = prose.section_of(one.line)
    if section is None:
        return False
    above = [each for each in prose.sections if section.number.startswith(each.number + ".")]
    return any("cookie" in each.title.lower() for each in (section, *above))


def _purposes(prose: Prose) -> Iterator[tuple[Section, tuple[Paragraph, ...]]]:
    """Yield each section whose list says for which purposes data is used, and the items."""
    for section in prose.sections:
        items = tuple(one for one in section.own if one.kind == "item")
        before = [one for one in section.own if one.kind == "text"]
        intro = any(
            one.says(r"\b(?:for|following) (?:the following )?(?:purposes|reasons)\b[^.]{0,40}:\s*$")
            for one in before
        )
        if items and intro:
            yield section, items


@rule("M01", "en", "fr")
def purpose_without_legal_basis(prose: Prose) -> Iterator[Spot]:
    """Find each purpose of a list that names none of the six legal bases."""
    titled = any(prose.about(r"\b(?:legal|lawful) (?:bas[ei]s|grounds?)\b"))
    if titled or (prose.policy and prose.policy.purposes):
        return
    for section, items in _purposes(prose):
        if not section.says(r"\b(?:legal|lawful) (?:bas[ei]s|grounds?)\b"):
            yield from (one.whole for one in items if not one.says(_BASIS))


@rule("M02", "en", "fr")
def no_interest_named(prose: Prose) -> Iterator[Spot]:
    """Find each purpose that can hardly rest on anything but an interest, where none is named."""
    if (prose.policy and prose.policy.purposes) or prose.says(r"\blegitimate (?:\w+ )?interests?\b"):
        return
    for _, items in _purposes(prose):
        yield from (one.whole for one in items if not one.says(_OTHER_BASIS))


@rule("M03", "en", "fr")
def period_is_a_tautology(prose: Prose) -> Iterator[Spot]:
    """Find "kept as long as necessary" in a policy that gives no period for anything but cookies."""
    if prose.policy and prose.policy.retention:
        return
    given = (one for one in prose.saying(_PERIOD) if one.says(_KEEPS))
    if not any(not about_cookies(prose, one) for one in given):
        for one in prose.saying(_NECESSARY):
            if one.says(_KEEPS):
                yield from one.find(_NECESSARY)


@rule("M12", "en", "fr")
def profiling_not_said(prose: Prose) -> Iterator[Spot]:
    """Find messages and advertising fitted to people in a policy silent on profiling."""
    policy = prose.policy
    if policy and policy.purposes:
        if "review_decision" not in policy.rights and not prose.says(_AUTOMATED):
            for purpose in policy.purposes.values():
                if purpose.profiling:
                    yield from of(prose, purpose)
    elif not prose.says(_AUTOMATED):
        for one in prose.saying(_PROFILES):
            if one.kind != "row" and one.says(_BASED_ON):
                yield next(iter(one.find(_PROFILES)))


@rule("M13", "en", "fr")
def source_not_said(prose: Prose) -> Iterator[Spot]:
    """Find data obtained from others, with no word on the source or on when people are told."""
    policy = prose.policy
    if policy and policy.collections:
        for collection in policy.collections.values():
            if collection.how == "indirect" and not (
                collection.sources and (collection.told_within or collection.told_at_latest)
            ):
                yield from of(prose, collection)
    elif not prose.says(_SOURCES):
        yield from first(prose, _INDIRECT)


@rule("M14", "en")
def categories_incomplete(prose: Prose) -> Iterator[Spot]:
    """Find a closed list of data collected, and data about use collected elsewhere."""
    if prose.policy and prose.policy.categories:
        return
    lists = [
        one
        for one in prose.saying(_LISTED)
        if not one.says(r"\bsuch as\b|\bfor example\b|\bfor instance\b|\bcan include\b")
    ]
    if not lists or any(one.says(_USAGE) for one in lists):
        return
    observed = [
        one
        for one in prose.saying(_OBSERVED)
        if one not in lists and one.kind != "item" and not one.says(r"\banonymous")
    ]
    if observed:
        yield from (next(iter(one.find(_LISTED))) for one in lists)
        yield from (next(iter(one.find(_OBSERVED))) for one in observed)


@rule("M15", "en", "fr")
def consequence_not_said(prose: Prose) -> Iterator[Spot]:
    """Find data asked of people, with no word on whether they must give it."""
    policy = prose.policy
    if policy and policy.collections:
        direct = [one for one in policy.collections.values() if one.how == "direct"]
        if direct and not any(one.needed for one in direct):
            yield from of(prose, direct[0])
    elif not prose.says(_CONSEQUENCE):
        yield from first(prose, _ASKED)


@rule("M16", "en", "fr")
def transfer_left_open(prose: Prose) -> Iterator[Spot]:
    """Find transfers outside the Union that name no country, or give no copy of the safeguards."""
    if prose.policy and prose.policy.transfers:
        for transfer in prose.policy.transfers.values():
            if (
                transfer.mechanism in _HAS_A_COPY
                and not transfer.copy_from
                and not prose.says(_COPY_OF_CLAUSES)
            ):
                yield from of(prose, transfer)
        return
    spoken = list(prose.saying(r"\btransf(?:er|ér)"))
    abroad = [one for one in spoken if one.says(_ABROAD)]
    if abroad and not (any(one.says(_COUNTRY) for one in spoken) and any(one.says(_COPY) for one in spoken)):
        yield from (next(iter(one.find(_ABROAD))) for one in abroad)


@rule("M17", "en", "fr")
def vendors_not_recipients(prose: Prose) -> Iterator[Spot]:
    """Find tools of others that set cookies, and are not among the recipients."""
    policy = prose.policy
    if policy and policy.recipients:
        if policy.cookies and any(
            one.third_party_access and not one.recipient for one in policy.cookies.table
        ):
            yield from of(prose, policy.cookies)
        return
    recipients = [one for one in prose.about(_DISCLOSURE) if one.items or one.own]
    vendors = [
        (one, match)
        for one in prose.saying(r"\bcookies?\b")
        if (match := _VENDOR.match(one.text)) and one.text.lower().count(match["name"].lower()) > 1
    ]
    if not recipients or any(one.says(r"https?://|\]\(|\{\{") for one in recipients):
        return
    unnamed = [
        (one, match)
        for one, match in vendors
        if not any(each.says(re.escape(match["name"])) for each in recipients)
    ]
    if unnamed:
        yield from (one.spot(match) for one, match in unnamed)
        for each in recipients:
            yield from each.find(_PROCESSOR)


@rule("M18", "en", "fr")
def no_word_on_breaches(prose: Prose) -> Iterator[Spot]:
    """Find security measures, with no promise to tell people of a breach that puts them at risk."""
    security = prose.policy.security if prose.policy else None
    if security is not None:
        if not (security.breach and security.breach.subjects_when_high_risk):
            yield from of(prose, security)
    elif not prose.says(r"\bbreach|\bsecurity incident|\bdata leak|\bviolations? de données|\bfuite"):
        yield from first(prose, _SECURED)


@rule("M19", "en", "fr")
def children_not_addressed(prose: Prose) -> Iterator[Spot]:
    """Find a whole policy that says nothing of children, not even that it is not for them."""
    if prose.policy and prose.policy.consent and prose.policy.consent.minimum_age is not None:
        return
    if whole_policy(prose) and not prose.says(
        r"\bchild|\bminors?\b|\bunder (?:the age|\d\d)\b|\bage of \d|\bguardian"
    ):
        yield prose.top


@rule("M21", "en", "fr")
def joint_controllers_not_explained(prose: Prose) -> Iterator[Spot]:
    """Find companies of a group that share data, with no word on who answers for what."""
    group = prose.policy.group if prose.policy else None
    if group is not None:
        if not group.joint_arrangement and any(one.role == "joint_controller" for one in group.entities):
            yield from of(prose, group)
        return
    any_company = EVERY_COMPANY.replace("all|every|each", "all|any|every|each", 1)
    if not prose.says(
        r"\bjoint(?:ly)? (?:controllers?|responsib|determine)|\barticle 26\b|\barrangement\b|\bconjoint"
    ):
        yield from prose.find(any_company)


@rule("M22", "en", "fr")
def no_word_on_changes(prose: Prose) -> Iterator[Spot]:
    """Find a date of last change, with neither a version nor a word on how changes are told."""
    if not (prose.policy and prose.policy.change) and not prose.says(_CHANGES):
        yield from first(prose, _UPDATED)


@rule("M23", "en")
def one_language_only(prose: Prose) -> Iterator[Spot]:
    """Find a whole policy for people of several languages that says of no other version."""
    policy = prose.policy
    if policy and (len(policy.documents) > 1 or (policy.group and len(policy.group.languages) > 1)):
        return
    spoken = prose.says(_SEVERAL_LANGUAGES) or prose.says(EVERY_COMPANY)
    if spoken and whole_policy(prose) and not prose.says(_LANGUAGES):
        yield prose.top
