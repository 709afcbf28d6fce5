"""Routes as an application takes them: all at once, and each kind of signature read once in a process.

An application is made when a server begins, when the first of the staff comes, and in tests again and again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import CodeType
from typing import Any

from litestar import Router
from litestar.handlers import HTTPRouteHandler
from litestar.utils.signature import get_fn_type_hints

_READ: dict[CodeType, Mapping[str, Any]] = {}
"""The types that a handler takes and gives, by its code: each application has functions of its own of the same code."""


class Routes(Router):
    """Routes of one application, and of no other: it takes these themselves, where it would take copies.

    Given to it one by one, each would have all put in order anew.
    """

    __slots__ = ()

    def __init__(self, routes: Sequence[Any]) -> None:
        for route in routes:
            if isinstance(route, HTTPRouteHandler):
                _with_types(route.fn)
        super().__init__("/", route_handlers=routes)

    def __deepcopy__(self, _: dict[int, Any]) -> Routes:
        return self


def _with_types(handler: Any) -> None:
    """Write types beside a handler's parameters where words stand, which would be read again for each one."""
    code = handler.__code__
    if code not in _READ:
        _READ[code] = get_fn_type_hints(handler)
    handler.__annotations__ = dict(_READ[code])
