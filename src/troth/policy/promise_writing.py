"""Write a promise otherwise, as values, in its YAML: what did not change keeps every byte, comments included.

A value is left as it was written where it says the same as before, whatever its form (`6 months` for both
fields of a pair, words for one language).  What is written is read again by whoever saves it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any, TypeAlias

import yaml

from troth.errors import NotAllowedError
from troth.policy.form import Field, Part, Rows, Widget, canonical, said
from troth.policy.yaml_text import Fields, Items, Scalar, read

LINE_MAX = 110
Edit: TypeAlias = tuple[int, int, str]
"""Replace the characters from one place to another by a text."""
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def written(
    block: str, kind: str, name: str, fields: Sequence[Field], value: Mapping[str, Any] | None
) -> str:
    """Return the YAML of a block with one promise written otherwise; `name` is empty where the kind has none.

    A promise that is not there is added at the end; None removes the one that is.  Keys that are no field of the
    form (such as `id`) stay.  Raises NotAllowedError where the block cannot be read.
    """
    root = yaml.compose(block, Loader=_LOADER) if block.strip() else None
    if root is not None and not isinstance(root, yaml.MappingNode):
        raise NotAllowedError("This promise block is not in order: mend it in its file first.")
    text = block if not block or block.endswith("\n") else block + "\n"
    of_kind = _entry(root, kind)
    place = _entry(of_kind[1], name) if name and of_kind else of_kind
    if place is not None and value is not None:
        within = of_kind[1] if name and of_kind else root
        edits = tuple(_of_part(text, within, place, Part(tuple(fields)), dict(value)))
        return _applied(text, edits)
    if place is not None:
        alone = name and of_kind and len(of_kind[1].value) > 1
        within, entry = (of_kind[1], place) if alone and of_kind else (root, of_kind)
        return _applied(text, [_removed(text, within, entry)])
    if value is None:
        return text
    if name and of_kind is not None and _is_block(of_kind[1]) and of_kind[1].value:
        return _applied(text, [_added(text, of_kind[1], name, value, opened=True)])
    if of_kind is not None:
        raise NotAllowedError("This promise block is written in one line: change it in its file.")
    lines = [f"{kind}:", *(_opened(name, value, 2) if name else _block(value, 2))]
    return text + "".join(f"{line}\n" for line in lines)


def _entry(node: Any, key: str) -> Any:
    if not isinstance(node, yaml.MappingNode):
        return None
    return next((pair for pair in node.value if pair[0].value == key), None)


def _applied(text: str, edits: Sequence[Edit]) -> str:
    for start, end, instead in sorted(edits, reverse=True):
        text = text[:start] + instead + text[end:]
    return text


def _of_value(text: str, within: Any, entry: Any, widget: Widget, new: Any) -> Iterator[Edit]:
    """Yield the edits that make the value of a key say `new`."""
    key, node = entry
    if canonical(widget, _plain(text, node)) == new:
        return
    match widget, node:
        case Part(), yaml.MappingNode() if _holds(node, widget) and isinstance(new, dict):
            yield from _of_part(text, within, entry, widget, new)
        case Rows(item=item, named=True), yaml.MappingNode() if node.value and isinstance(new, dict):
            yield from _of_named(text, node, item, new)
        case Rows(item=item, named=False), yaml.SequenceNode() if _is_block(node) and isinstance(new, list):
            yield from _of_items(text, node, item, new)
        case _:
            yield _value_replaced(text, within, key, node, new)


def _holds(node: Any, widget: Part) -> bool:
    known = {one.name for one in widget.fields} | {"id"}
    return bool(node.value) and all(key.value in known for key, _ in node.value)


def _of_part(text: str, within: Any, entry: Any, widget: Part, new: Mapping[str, Any]) -> Iterator[Edit]:
    key, node = entry
    if not isinstance(node, yaml.MappingNode) or not node.value:
        if canonical(widget, _plain(text, node)) != new:
            yield _value_replaced(text, within, key, node, new)
        return
    yield from _of_entries(text, node, {one.name: one.widget for one in widget.fields}, new, keep_others=True)


def _of_named(text: str, node: Any, item: Widget, new: Mapping[str, Any]) -> Iterator[Edit]:
    names = {*(key.value for key, _ in node.value), *new}
    yield from _of_entries(text, node, dict.fromkeys(names, item), new, keep_others=False)


def _of_entries(
    text: str, node: Any, widgets: Mapping[str, Widget], new: Mapping[str, Any], *, keep_others: bool
) -> Iterator[Edit]:
    going = [
        pair for pair in node.value
        if pair[0].value not in new and (pair[0].value in widgets or not keep_others)
    ]  # fmt: skip
    there = {pair[0].value for pair in node.value}
    coming = {name: value for name, value in new.items() if name not in there}
    if len(going) == len(node.value):  # nothing stays: the whole is written anew
        yield (*_span(text, node), _flow(dict(new)))
        return
    for pair in node.value:
        if pair[0].value in new:
            yield from _of_value(text, node, pair, widgets[pair[0].value], new[pair[0].value])
    for pair in going:
        yield _removed(text, node, pair)
    last = next(pair for pair in reversed(node.value) if pair not in going)
    for name, value in coming.items():
        yield _added(text, node, name, value, after=last)


def _of_items(text: str, node: Any, item: Widget, new: Sequence[Any]) -> Iterator[Edit]:
    """Change the rows of a list that is written one to a line, and keep those that stay."""
    before = [canonical(item, _plain(text, one)) for one in node.value]
    keys = [repr(one) for one in before], [repr(one) for one in new]
    for what, start, end, new_start, new_end in SequenceMatcher(None, *keys, autojunk=False).get_opcodes():
        if what == "equal":
            continue
        paired = min(end - start, new_end - new_start)
        for number in range(paired):
            yield from _of_item(text, node.value[start + number], item, new[new_start + number])
        for one in node.value[start + paired : end]:
            yield _line_start(text, one.start_mark.index), _line_end(text, _end(text, one)), ""
        more = new[new_start + paired : new_end]
        if more:
            neighbour = node.value[end - 1] if end else node.value[0]
            at = (
                _line_end(text, _end(text, neighbour))
                if end
                else _line_start(text, neighbour.start_mark.index)
            )
            yield at, at, "".join(_listed(one, node.start_mark.column) for one in more)


def _of_item(text: str, node: Any, item: Widget, new: Any) -> Iterator[Edit]:
    if (
        isinstance(item, Part)
        and isinstance(node, yaml.MappingNode)
        and isinstance(new, dict)
        and _holds(node, item)
    ):
        yield from _of_entries(
            text, node, {one.name: one.widget for one in item.fields}, new, keep_others=True
        )
        return
    start, end = _span(text, node)
    yield start, end, _flow(new)


def _listed(value: Any, column: int) -> str:
    return f"{' ' * column}- {_flow(value)}\n"


def _value_replaced(text: str, within: Any, key: Any, node: Any, new: Any) -> Edit:
    """Write the value of a key anew, behind its colon."""
    if (
        isinstance(node, yaml.ScalarNode)
        and node.start_mark.index < node.end_mark.index
        and not isinstance(new, dict)
    ):
        start, end = _span(text, node)
        if node.style not in ("|", ">"):
            return start, end, _flow(new)
    colon = text.index(":", _end(text, key))
    end = max(_end(text, node), colon + 1)
    return colon + 1, end, _valued(new, key.start_mark.column, in_flow=not _is_block(within))


def _valued(value: Any, column: int, *, in_flow: bool) -> str:
    one_line = _flow(value)
    if in_flow or len(one_line) + column <= LINE_MAX or not isinstance(value, dict | list):
        return f" {one_line}"
    return "\n" + "\n".join(_block(value, column + 2))


def _removed(text: str, within: Any, entry: Any) -> Edit:
    """Remove a key with its value: its lines, or its part of the line."""
    key, node = entry
    number = next(number for number, pair in enumerate(within.value) if pair[0] is key)
    following = within.value[number + 1][0].start_mark.index if number + 1 < len(within.value) else None
    if _is_block(within):
        start = _line_start(text, key.start_mark.index)
        if text[start : key.start_mark.index].strip() and following is not None:
            return key.start_mark.index, following, ""  # behind the dash of its row: the next takes its place
        return start, _line_end(text, _end(text, node)), ""
    if following is not None:
        return key.start_mark.index, following, ""
    before = _end(text, within.value[number - 1][1]) if number else key.start_mark.index
    return before, _end(text, node), ""


def _added(text: str, within: Any, name: str, value: Any, after: Any = None, *, opened: bool = False) -> Edit:
    last = after or within.value[-1]
    end = (
        _end(text, last[1])
        if _end(text, last[1]) > last[0].start_mark.index
        else text.index(":", _end(text, last[0])) + 1
    )
    if not _is_block(within):
        return end, end, f", {_quoted(name)}: {_flow(value)}"
    at = _line_end(text, end)
    column = within.value[0][0].start_mark.column
    lines = _opened(name, value, column) if opened else _block({name: value}, column)
    return at, at, "".join(f"{line}\n" for line in lines)


def _is_block(node: Any) -> bool:
    return not node.flow_style


def _span(text: str, node: Any) -> tuple[int, int]:
    return node.start_mark.index, _end(text, node)


def _end(text: str, node: Any) -> int:
    """Return where a node ends: a list or mapping of lines ends with its last value, not with what follows."""
    if isinstance(node, yaml.ScalarNode):
        end = int(node.end_mark.index)
        return len(text[:end].rstrip("\n")) if node.style in ("|", ">") else end
    if node.flow_style or not node.value:
        return int(node.end_mark.index)
    last = node.value[-1]
    if isinstance(last, tuple):
        key, value = last
        return max(_end(text, value), text.index(":", _end(text, key)) + 1)
    return _end(text, last)


def _line_start(text: str, at: int) -> int:
    return text.rfind("\n", 0, at) + 1


def _line_end(text: str, at: int) -> int:
    found = text.find("\n", at)
    return len(text) if found < 0 else found + 1


def _plain(text: str, node: Any) -> Any:
    """Return what a composed node says, as values of a form."""
    if isinstance(node, yaml.MappingNode):
        return {key.value: _plain(text, value) for key, value in node.value}
    if isinstance(node, yaml.SequenceNode):
        return [_plain(text, one) for one in node.value]
    if node.style in ("'", '"', "|", ">"):
        return node.value
    one, _ = read(f"[{node.value}]" if node.value else "", "")
    return said(one.items[0]) if isinstance(one, Items) and len(one.items) == 1 else (node.value or None)


def _block(value: Any, column: int) -> list[str]:
    """Write a mapping or a list in lines."""
    pad, lines = " " * column, []
    if isinstance(value, list):
        return [f"{pad}- {_flow(one)}" for one in value]
    for name, one in value.items():
        short = _flow(one)
        if not isinstance(one, dict | list) or len(short) + column + len(name) <= LINE_MAX:
            lines.append(f"{pad}{_quoted(name)}: {short}" if one is not None else f"{pad}{_quoted(name)}:")
        elif not one:
            lines.append(f"{pad}{_quoted(name)}: {short}")
        else:
            lines += [f"{pad}{_quoted(name)}:", *_block(one, column + 2)]
    return lines


def _opened(name: str, value: Any, column: int) -> list[str]:
    """Write a key and what it holds below it."""
    return [f"{' ' * column}{_quoted(name)}:", *_block(value, column + 2)]


def _flow(value: Any) -> str:
    """Write a value in one line."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case list():
            return f"[{', '.join(_flow(one) for one in value)}]"
        case dict():
            return "{" + ", ".join(f"{_quoted(name)}: {_flow(one)}" for name, one in value.items()) + "}"
        case _:
            return _quoted(str(value))


def _reads_as_itself(text: str) -> bool:
    """Say whether some text can stand without quotes, also inside brackets."""
    found, wrong = read(f"{{a: {text}, b: c}}", "")
    if wrong or not isinstance(found, Fields) or len(found.entries) != 2:
        return False
    one = found.entries[0][1]
    return isinstance(one, Scalar) and one.value == text


def _quoted(text: str) -> str:
    if (
        text
        and not re.search(r"[\n\t,\[\]{}#:]\s|[\n\t,\[\]{}]|[:#]$|^\s|\s$", text)
        and _reads_as_itself(text)
    ):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return f'"{escaped}"'
