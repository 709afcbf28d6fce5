"""Curves drawn on the server: the points of a picture, and beside it the table for whoever does not see it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 640, 170
LEFT, RIGHT, TOP, BOTTOM = 38, 10, 10, 24


@dataclass(frozen=True, slots=True)
class Curve:
    """One curve: its name, its pieces (a gap where a value is missing) and its dots, in the units of the picture.

    `going` is the piece and the dot of a time that is not over yet, which are drawn as such.
    """

    name: str
    pieces: tuple[str, ...]
    dots: tuple[tuple[float, float], ...]
    going: tuple[str, tuple[float, float] | None] = ("", None)


@dataclass(frozen=True, slots=True)
class Chart:
    """A picture of curves over the same labels, and its table."""

    caption: str
    curves: tuple[Curve, ...]
    labels: tuple[str, ...]
    marks: tuple[tuple[float, str], ...]  # (x, label): those that have room
    lines: tuple[tuple[float, str], ...]  # (y, value): the scale
    rows: tuple[tuple[str, tuple[str, ...]], ...]
    is_going: bool = False

    @property
    def size(self) -> str:
        """The box of the picture."""
        return f"0 0 {WIDTH} {HEIGHT}"

    @property
    def ends(self) -> tuple[int, int]:
        """Where the lines of the scale begin and end."""
        return LEFT, WIDTH - RIGHT


def chart(
    caption: str,
    labels: Sequence[str],
    curves: Sequence[tuple[str, Sequence[float | None]]],
    marks_max: int = 6,
    *,
    is_going: bool = False,
) -> Chart:
    """Draw curves of one value per label; None is a gap, and with `is_going` the last label is not over yet.

    >>> drawn = chart("Requests", ["a", "b"], [("came", [0, 10])])
    >>> drawn.curves[0].pieces, [value for _, value in drawn.lines]
    (('38.0,146.0 630.0,10.0',), ['0', '5', '10'])
    """
    most = _scale(max((value for _, values in curves for value in values if value is not None), default=0))
    across = (WIDTH - LEFT - RIGHT) / max(len(labels) - 1, 1)
    every = max(1, -(-len(labels) // marks_max))

    def place(number: int, value: float) -> tuple[float, float]:
        down = HEIGHT - BOTTOM - value / most * (HEIGHT - TOP - BOTTOM)
        return round(LEFT + number * across, 1), round(down, 1)

    drawn = []
    for name, values in curves:
        dots = [None if value is None else place(number, value) for number, value in enumerate(values)]
        over = dots[:-1] if is_going else dots
        now = dots[-1] if is_going and dots else None
        to_now = _pieces(dots[-2:]) if is_going else []
        drawn.append(
            Curve(
                name, tuple(_pieces(over)), tuple(dot for dot in over if dot is not None),
                ("".join(to_now), now),
            )
        )  # fmt: skip
    return Chart(
        caption,
        tuple(drawn),
        tuple(labels),
        tuple(
            (place(number, 0)[0], label)
            for number, label in enumerate(labels)
            if (len(labels) - 1 - number) % every == 0
        ),
        tuple((place(0, value)[1], f"{value:g}") for value in (0, most / 2, most)),
        tuple(
            (label, tuple(_said(values[number]) for _, values in curves))
            for number, label in enumerate(labels)
        ),
        is_going,
    )


def _pieces(dots: Sequence[tuple[float, float] | None]) -> list[str]:
    pieces: list[list[str]] = [[]]
    for dot in dots:
        if dot is None:
            pieces.append([])
        else:
            pieces[-1].append(f"{dot[0]},{dot[1]}")
    return [" ".join(piece) for piece in pieces if len(piece) > 1]


def _scale(most: float) -> float:
    """Return the end of a scale: 2, 4, 10, 20, 40, 100 … so that its half is a whole number."""
    step = 1
    while step < 10**9:
        for times in (2, 4, 10):
            if most <= times * step:
                return times * step
        step *= 10
    return most


def _said(value: float | None) -> str:
    return "–" if value is None else f"{value:g}"
