"""Which purposes may not go on in doubt, while it cannot be asked what somebody said.

A no that was missed does the most harm where consent, marketing or profiling is concerned, and
where data leaves the house for somebody else's ends: partners in marketing, and whoever is none
of the other classes.  A purpose is held to what the broader ones above it are.

Law: GDPR Art. 7(3), Art. 21(3), Art. 25.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from troth.policy.policy import Policy

FOR_THEIR_OWN_ENDS = frozenset({"marketing", "other"})
"""Classes of recipients of whom neither the law nor a contract says what they do with what they receive."""
_CONTROLLERS = frozenset({"controller", "joint_controller"})


def closed_in_doubt(policy: Policy, name: str) -> str | None:
    """Return the word for what closes a purpose in doubt; None where its `on_doubt` decides."""
    met: list[str] = []
    above: str | None = name
    while above and above in policy.purposes and above not in met:
        met.append(above)
        purpose = policy.purposes[above]
        if "consent" in {purpose.legal_basis, purpose.other_basis}:
            return "consent"
        for word in ("marketing", "profiling"):
            if getattr(purpose, word):
                return word
        above = str(purpose.broader) if purpose.broader else None
    purpose = policy.purposes[name]
    received = [policy.recipients[one] for one in purpose.recipients if one in policy.recipients]
    others = any(one.class_ in FOR_THEIR_OWN_ENDS and one.role in _CONTROLLERS for one in received)
    return "disclosure to others" if others and purpose.legal_basis != "legal_obligation" else None
