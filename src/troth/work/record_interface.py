"""Record how the banner looked: the hashes of a version's script, words and table, and of its picture.

Law: GDPR Art. 7(1); CNIL 2020-092, the proof of consent.
"""

from __future__ import annotations

from troth.ledger import append
from troth.rules.event import Draft, Event
from troth.work.project import Project


def record_interface(
    project: Project,
    language: str,
    *,
    interface_sha256: str,
    text_sha256: str,
    table_sha256: str,
    picture_sha256: str,
) -> Event:
    """Record one version in one language; the same picture of the same version is recorded once."""
    facts = {
        "interface_sha256": interface_sha256,
        "text_sha256": text_sha256,
        "table_sha256": table_sha256,
        "language": language,
        "picture_sha256": picture_sha256,
        "policy_version": project.policy.version,
    }
    draft = Draft("interface_shown", "interface/banner", facts, policy=project.policy.version or None)
    once = f"interface {interface_sha256} {picture_sha256}"
    return append.append(project.ledger, [draft], once=once)[0]
