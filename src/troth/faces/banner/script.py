"""The script of the banner, built from the table of the policy: no front-end tools, one file for each language.

The script's own words and style stand beside this module; the build only takes away indentation
and the lines that are comments, so what is served can still be read.

Law: GDPR Arts. 4(11), 7(1), 7(3); CNIL 2020-092 (a hash of the code, by version).
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from troth.errors import NotAllowedError, NotFoundError
from troth.faces.banner.catalogue import Catalogue, catalogue
from troth.law.period import Period
from troth.policy.promise import Cookie
from troth.policy.words import LANGUAGES
from troth.rules.cookie import LETTERS, Table, table

if TYPE_CHECKING:
    from troth.policy.policy import Policy

RECORD = "/choices/record"


@dataclass(frozen=True, slots=True)
class Script:
    """A script of the banner: its bytes, and the hashes that a proof and a page name it by.

    `build` is what the script calls itself when it reports a choice: a script cannot hold its
    own hash, so this is the hash of all but that name.
    """

    language: str
    written: bytes
    build: str
    text_sha256: str
    table_sha256: str

    @property
    def sha256(self) -> str:
        """The hash of the script as it is served."""
        return hashlib.sha256(self.written).hexdigest()

    @property
    def integrity(self) -> str:
        """What a page writes into `integrity=`."""
        return f"sha384-{base64.b64encode(hashlib.sha384(self.written).digest()).decode()}"


def languages(policy: Policy, own: Mapping[str, Mapping[str, str]] | None = None) -> tuple[str, ...]:
    """Return the languages that the banner speaks: the policy's, and those of the project's own catalogues."""
    ours = tuple(language for language in policy.documents if language in LANGUAGES) or ("en",)
    return (*ours, *(language for language in own or () if language not in LANGUAGES))


def known_table(policy: Policy) -> Table:
    """Return the table that the banner asks about; raises NotFoundError or NotAllowedError where it cannot."""
    if policy.cookies is None or not policy.cookies.table:
        raise NotFoundError(
            "The policy declares no cookies, so there is nothing to ask about. Write `cookies: table:`."
        )
    read = table(policy.cookies)
    if not any(line.row.name == read.choice_in and line.exempt for line in read.lines):
        raise NotAllowedError(
            f"The table does not declare the cookie `{read.choice_in}`, in which the banner remembers the choice. "
            "Add it to `cookies.table` as necessary, or name another in `cookies.choice_in`."
        )
    return read


def build(
    policy: Policy,
    language: str,
    *,
    post: str = RECORD,
    notice: str = "",
    own: Mapping[str, str] | None = None,
) -> Script:
    """Build the script in one language; `own` are sentences that the project says otherwise.

    `post` is where choices are recorded (nowhere where empty), `notice` where the full list stands; in
    what it says `{language}` is the banner's, or the policy's where there is no such notice.
    """
    known = known_table(policy)
    words = catalogue(language, own)
    style = _source("banner.css", "")
    config: dict[str, Any] = {
        "lang": language, "name": known.choice_in, "given": known.given_seconds, "refused": known.refused_seconds,
        "gpc": "gpc" in known.signals, "post": post, "notice": (notice or "/notice/{language}").replace(
            "{language}", language if language in policy.documents else policy.language
        ),
        "table": known.sha256, "css": style, "words": {name: words[name] for name in _SAID},
        "kinds": [_kind(known, category, words) for category in _ordered(known)],
    }  # fmt: skip
    source = _source("banner.js", "//")
    text = hashlib.sha256(_json([config["words"], config["kinds"]]).encode()).hexdigest()
    name = hashlib.sha256((source + _json(config)).encode()).hexdigest()[:16]
    written = source.replace("(CONFIG)", f"({_json({**config, 'build': name})})")
    return Script(language, written.encode(), name, text, known.sha256)


_SAID = (
    "title", "text", "accept", "refuse", "choose", "save", "panel", "again", "notice", "which", "gpc", "receipt",
    "held", "load",
)  # fmt: skip


def _ordered(known: Table) -> list[str]:
    """Return every category of the table, what needs no consent last."""
    there = {line.row.category for line in known.lines}
    return [category for category in LETTERS if category in there]


def _kind(known: Table, category: str, words: Catalogue) -> dict[str, Any]:
    lines = [line for line in known.lines if line.row.category == category]
    return {
        "letter": LETTERS[category],
        "name": category,
        "title": words.title(category),
        "text": words[category],
        "exempt": lines[0].exempt,
        "imprints": [] if lines[0].exempt else [line.imprint for line in lines],
        "rows": [
            {"name": line.row.name, "in": line.row.storage, "path": line.row.path,
             "told": _row(line.row, words)}
            for line in lines
        ],
    }  # fmt: skip


def _row(row: Cookie, words: Catalogue) -> str:
    """Say a line of the table: who sets it, how long it lives, who reads it, what it is for (Case C-673/17)."""
    party = words["first_party" if row.party == "first" else "third_party"]
    who = f"{row.set_by} ({row.host or party})" if row.set_by else row.host or party
    lifetime = words.period(row.lifetime) if isinstance(row.lifetime, Period) else words[row.lifetime]
    if row.sliding:
        lifetime = words["renewed"].format(period=lifetime)
    name = row.name if row.storage == "cookie" else f"{row.name} ({words[row.storage]})"
    said = words["row"].format(name=name, who=who, lifetime=lifetime)
    if row.third_party_access:
        said = words["row.others"].format(row=said)
    if row.purpose is None:
        return said
    return words["row.purpose"].format(row=said, purpose=row.purpose.said(words.language))


def _source(name: str, comment: str) -> str:
    """Read a source without indentation, empty lines and, where there is a mark for them, lines of comment."""
    lines = (files("troth.faces.banner") / name).read_text(encoding="utf-8").splitlines()
    kept = (line.strip() for line in lines)
    return "\n".join(line for line in kept if line and not (comment and line.startswith(comment)))


def _json(value: object) -> str:
    r"""Write JSON that may stand in a script of any page, `</script>` in a word or not.

    >>> _json("</script>\u2028")
    '"\\u003c/script>\\u2028"'
    """
    written = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return written.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
