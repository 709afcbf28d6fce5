"""The linter: what is wrong, missing or contradictory in a policy, by rule.

Each rule is a small pure function of the policy read as prose; its words, severity, law
and confidence stand in a TOML file beside it.  A rule that guesses from prose says so by
its confidence, and is silent in doubt: a false alarm costs more than a miss.
"""

from __future__ import annotations

from troth.policy.check.checking import check, check_all
from troth.policy.check.finding import Finding, Severity
from troth.policy.check.rule import About, about, rule_ids

__all__ = ["About", "Finding", "Severity", "about", "check", "check_all", "rule_ids"]
