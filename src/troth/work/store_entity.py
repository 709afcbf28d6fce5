"""Whose rows a store holds: the company of the policy that its map names as controller.

Law: GDPR Art. 4(7).
"""

from __future__ import annotations

from troth.rules import purpose_scope
from troth.work.project import Project


def store_entity(project: Project, store: str) -> str:
    """Return the company of a store; empty, as of the whole group, where rows differ or the policy names none."""
    controller = str(project.maps[store].controller)
    return controller if controller in purpose_scope.entities(project.policy) else ""
