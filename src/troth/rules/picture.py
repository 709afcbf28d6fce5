"""The graph of a map as a drawing: who is reached from whom, and by which kind of edge.

Tables stand in layers: people first, then what is theirs, then what that refers to; tables
that no path reaches stand last.  The layout is made here, the same for the same map; what it says stands in
`data/picture.toml`, in each language.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from importlib.resources import files

from troth.rules.map import Conditions, Edge, Map, MapTable, written_link

_WIDTH, _HEIGHT, _GAP, _BETWEEN, _MARGIN = 190, 44, 18, 110, 24
_NAME_MAX = 24
_LINE = {
    "belongs_to": ("#0b57a4", ""),
    "points_to": ("#2c6e2f", "6 3"),
    "mentions": ("#6a6a6a", "2 4"),
}
_FILL = {"subject": "#dbeafe", "reached": "#ffffff", "mentioned": "#f3f3f3", "impersonal": "#f3f3f3"}


@dataclass(frozen=True, slots=True)
class Box:
    """A table with its place: `layer` from the left and `row` from the top, both from 0."""

    table: str
    role: str
    layer: int
    row: int

    @property
    def left(self) -> int:
        """Return the left side, in units of the drawing."""
        return _MARGIN + self.layer * (_WIDTH + _BETWEEN)

    @property
    def top(self) -> int:
        """Return the upper side, in units of the drawing."""
        return _MARGIN + self.row * (_HEIGHT + _GAP)


def layout(map: Map) -> tuple[Box, ...]:  # noqa: A002
    """Place every table of a map but the impersonal ones that nothing refers to."""
    depth = _depths(map)
    linked = {name for edge in map.edges() for name in (edge.table, edge.target)}
    last = max(depth.values(), default=-1) + 1
    layers: dict[int, list[str]] = {}
    for name, table in map.tables.items():
        if name in depth or name in linked or table.impersonal is None:
            layers.setdefault(depth.get(name, last), []).append(name)
    rows: dict[str, float] = {}
    for layer in sorted(layers):
        near = {name: _middle(map, name, rows) for name in layers[layer]}
        layers[layer].sort(key=lambda name: (near[name], name))
        rows |= {name: float(at) for at, name in enumerate(layers[layer])}
    return tuple(
        Box(name, _role(map.tables[name], reached=name in depth), at, row)
        for at, layer in enumerate(sorted(layers))
        for row, name in enumerate(layers[layer])
    )


def svg(map: Map, language: str = "en") -> str:  # noqa: A002
    """Draw the map as one SVG in a language, without scripts, fonts or links of its own."""
    words = _words(language)
    boxes = {box.table: box for box in layout(map)}
    left_out = len(map.tables) - len(boxes)
    width = max((box.left for box in boxes.values()), default=0) + _WIDTH + _MARGIN
    foot = max((box.top for box in boxes.values()), default=0) + _HEIGHT + _MARGIN
    title = words["title"].format(store=map.store)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" lang="{language}" viewBox="0 0 {width} {foot + 66}" width="{width}" '
        f'height="{foot + 66}" role="img" aria-labelledby="title" '
        'font-family="system-ui, sans-serif" font-size="13">',
        f'<title id="title">{escape(title)}</title>',
        '<rect width="100%" height="100%" fill="#ffffff"/>',
        "<defs>",
        *(
            f'<marker id="{kind}" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" '
            f'orient="auto"><path d="M0 0 8 4 0 8z" fill="{colour}"/></marker>'
            for kind, (colour, _) in _LINE.items()
        ),
        "</defs>",
    ]
    lines.extend(
        _arrow(edge, boxes[edge.table], boxes[edge.target], words)
        for edge in map.edges()
        if edge.table in boxes and edge.target in boxes
    )
    lines.extend(_box(box, map.tables[box.table], words) for box in boxes.values())
    lines.extend(_legend(foot, left_out, words))
    return "\n".join([*lines, "</svg>"]) + "\n"


def written(map: Map, language: str = "en") -> tuple[str, ...]:  # noqa: A002
    """Draw the map in lines of text: each table of people with what is reached from it, once."""
    words = _words(language)
    out: list[str] = []
    seen: set[str] = set()
    for name, table in map.tables.items():
        if table.subject is not None and name not in seen:
            seen.add(name)
            out.append(name)
            out.extend(_branches(map, name, "", seen, words))
    rest = [name for name, table in map.tables.items() if name not in seen and table.impersonal is None]
    if rest:
        out.append(words["no_path"].format(tables=", ".join(rest)))
    impersonal = sum(table.impersonal is not None for table in map.tables.values())
    if impersonal:
        out.append(words["impersonal_tables"].format(tables=impersonal))
    return tuple(out)


@cache
def _words(language: str) -> Mapping[str, str]:
    """Return what a picture says in a language."""
    told = tomllib.loads((files("troth.rules") / "data" / "picture.toml").read_text("utf-8"))
    found: Mapping[str, str] = told[language]
    return found


def _when(conditions: Conditions, words: Mapping[str, str]) -> str:
    """Say conditions as words to come after a link; empty where there are none."""
    one_of, all_of = f" {words['or']} ", f" {words['and']} "
    parts = [f"{each.column} {words['is']} {one_of.join(map(str, each.values))}" for each in conditions]
    return f" {words['when']} {all_of.join(parts)}" if parts else ""


def _branches(map_: Map, name: str, indent: str, seen: set[str], words: Mapping[str, str]) -> Iterator[str]:
    ways = [(edge, to) for edge in map_.edges() for start, to in [_walked(edge)] if start == name]
    for number, (edge, to) in enumerate(ways):
        last = number == len(ways) - 1
        columns = f"{written_link(edge.columns, edge.inside)}{_when(edge.when, words)}"
        by = words["by"].format(kind=words[edge.kind], columns=columns)
        more = to not in seen and edge.kind != "mentions" and map_.tables[to].subject is None
        again = "" if more or edge.kind == "mentions" else " ↑"
        yield f"{indent}{'└─' if last else '├─'} {to} ({by}){again}"
        if more:
            seen.add(to)
            yield from _branches(map_, to, indent + ("   " if last else "│  "), seen, words)
        elif edge.kind == "mentions":
            seen.add(to)


def _walked(edge: Edge) -> tuple[str, str]:
    return (edge.table, edge.target) if edge.kind == "points_to" else (edge.target, edge.table)


def _depths(map_: Map) -> dict[str, int]:
    """Return how many edges each reached table is from the nearest subject."""
    depth = {name: 0 for name, table in map_.tables.items() if table.subject is not None}
    waiting = list(depth)
    for name in waiting:
        for edge in map_.edges():
            start, to = _walked(edge)
            if start == name and edge.kind != "mentions" and to not in depth:
                depth[to] = depth[name] + 1
                waiting.append(to)
    return depth


def _middle(map_: Map, name: str, rows: Mapping[str, float]) -> float:
    near = [
        rows[other]
        for edge in map_.edges()
        for mine, other in ((edge.table, edge.target), (edge.target, edge.table))
        if mine == name and other in rows
    ]
    return sum(near) / len(near) if near else 1_000_000.0


def _role(table: MapTable, *, reached: bool) -> str:
    if table.subject is not None:
        return "subject"
    if table.impersonal is not None:
        return "impersonal"
    return "reached" if reached else "mentioned"


def _arrow(edge: Edge, own: Box, other: Box, words: Mapping[str, str]) -> str:
    colour, dashes = _LINE[edge.kind]
    own_end = f"{edge.table}.{written_link(edge.columns, edge.inside)}"
    theirs = f"{edge.target}.{' + '.join(edge.target_columns)}"
    said = f"{words[edge.kind]} – {own_end} = {theirs}{_when(edge.when, words)}"
    y_own, y_other = own.top + _HEIGHT // 2, other.top + _HEIGHT // 2
    if own.layer == other.layer:  # around the right side
        x = own.left + _WIDTH
        out = x + _BETWEEN // 3 + 4 * (abs(own.row - other.row) % 8)
        path = f"M{x} {y_own - 6}C{out} {y_own - 6} {out} {y_other + 6} {x} {y_other + 6}"
    else:
        x_own = own.left if own.layer > other.layer else own.left + _WIDTH
        x_other = other.left + _WIDTH if own.layer > other.layer else other.left
        half = (x_own + x_other) // 2
        path = f"M{x_own} {y_own}C{half} {y_own} {half} {y_other} {x_other} {y_other}"
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    return (
        f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="1.5"{dashed} '
        f'marker-end="url(#{edge.kind})"><title>{escape(said)}</title></path>'
    )


def _box(box: Box, table: MapTable, words: Mapping[str, str]) -> str:
    name = box.table if len(box.table) <= _NAME_MAX else box.table[: _NAME_MAX - 1] + "…"
    does = type(table.erase.do).__name__ if table.erase is not None else ""
    done = {"Delete": "deleted", "Blank": "blanked", "ReplaceOwner": "given", "Retain": "retained"}
    under = words["impersonal" if box.role == "impersonal" else done.get(does, "nothing")]
    heavy = "2.5" if box.role == "subject" else "1"
    return (
        f'<g><title>{escape(box.table)} – {under}</title><rect x="{box.left}" y="{box.top}" width="{_WIDTH}" '
        f'height="{_HEIGHT}" rx="6" fill="{_FILL[box.role]}" stroke="#33363d" stroke-width="{heavy}"/>'
        f'<text x="{box.left + 10}" y="{box.top + 19}" fill="#16181d">{escape(name)}</text>'
        f'<text x="{box.left + 10}" y="{box.top + 35}" font-size="11" fill="#4a4d55">{under}</text></g>'
    )


def _legend(foot: int, left_out: int, words: Mapping[str, str]) -> Sequence[str]:
    lines = []
    for at, (kind, (colour, dashes)) in enumerate(_LINE.items()):
        x = _MARGIN + at * 150
        dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
        lines.append(
            f'<path d="M{x} {foot + 14}h36" stroke="{colour}" stroke-width="1.5"{dashed} '
            f'marker-end="url(#{kind})"/><text x="{x + 44}" y="{foot + 18}" fill="#16181d">{words[kind]}</text>'
        )
    if left_out:
        said = words["left_out_one" if left_out == 1 else "left_out"].format(tables=left_out)
        lines.append(f'<text x="{_MARGIN}" y="{foot + 42}" fill="#4a4d55">{said}</text>')
    return lines
