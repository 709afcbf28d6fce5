"""Remove old versions of tables once the period that a map gives them is over.

Danger: this removes files for good.  What prevents loss: none that the newest version needs,
none that is younger than the map says, and nothing of a store that a legal hold keeps whole.

Law: GDPR Art. 17(1): what an answer says is gone by a day must be gone by then.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence

from troth.errors import NotAllowedError, NotFoundError
from troth.ledger import append
from troth.rules import hold as rules
from troth.rules.event import Draft, Fact
from troth.stores.contract import Expiring
from troth.work import hold
from troth.work.project import Project


def expire(project: Project, stores: Sequence[str], staff: str = "troth") -> Mapping[str, int]:
    """Remove what is old enough in these stores, or in all that keep versions; return how many files of each."""
    unknown = [name for name in stores if name not in project.maps]
    if unknown:
        raise NotFoundError(
            f"There is no store called {unknown[0][:40]!r} in this project. It has: {', '.join(project.maps)}."
        )
    done: dict[str, int] = {}
    for name in stores or [name for name, each in project.maps.items() if each.versions_expire is not None]:
        opened = project.stores[name]
        if not isinstance(opened, Expiring) or project.maps[name].versions_expire is None:
            raise NotAllowedError(
                f"The store `{name}` keeps no old versions, or its map does not say for how long: write "
                "`versions_expire: 30 days`."
            )
        held = rules.stops(hold.in_force(project), project.maps[name])
        if held:
            raise NotAllowedError(
                f"The legal hold {held} is about everybody in `{name}`: old versions stay there until it ends."
            )
        done[name] = opened.expire(project.clock().date())
        facts: dict[str, Fact] = {
            "state": "acted",
            "rule": "versions_expire",
            "rule_version": project.clock().date().isoformat(),
            "run": secrets.token_hex(5),
            "rows": done[name],
        }
        append.append(project.ledger, [Draft("sweep_moved", f"versions/{name}", facts, actor=staff)])
    return done
