"""Calling `troth` as its entry point does, in this process."""

from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import BytesIO, TextIOWrapper

from troth.faces.cli import app, context, guarded
from troth.wiring import open_project


@dataclass(frozen=True)
class Said:
    """What a command said, and the code it ended with."""

    code: int
    out: str
    err: str


def troth(folder, *words):
    """Call `troth --project FOLDER WORDS…`."""
    context.set_up(open_project)
    out, err = (TextIOWrapper(BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    with redirect_stdout(out), redirect_stderr(err):
        try:
            code = guarded(lambda: app(["--project", str(folder), *map(str, words)]))
        except SystemExit as end:
            code = end.code or 0
    return Said(code, *(each.buffer.getvalue().decode() for each in (out, err)))
