"""Folders for what is laid out are held by one process, and nobody else's way of leaving things stops Troth."""

import os
import threading
from pathlib import Path

from troth.stores import held_folder

PREFIX = "troth-stage-"


def test_a_folder_is_never_lost_to_another_process_that_tidies_up(tmp_path):
    over = threading.Event()

    def tidy():
        while not over.is_set():
            held_folder.remove_left(PREFIX, tmp_path)

    rival = threading.Thread(target=tidy, daemon=True)
    rival.start()
    try:
        for _ in range(300):
            folder, handle = held_folder.held(PREFIX, tmp_path)
            (folder / "stage.db").write_text("rows")
            os.close(handle)
    finally:
        over.set()
        rival.join(10)
    held_folder.remove_left(PREFIX, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_folder_is_passed_by_and_stops_nobody(tmp_path):
    pipe, linked, kept = (tmp_path / f"{PREFIX}{name}" for name in ("pipe", "linked", "kept"))
    os.mkfifo(pipe)
    other = tmp_path / "other"
    other.mkdir()
    linked.symlink_to(other)
    kept.write_text("")
    tidying = threading.Thread(target=held_folder.remove_left, args=(PREFIX, Path(tmp_path)), daemon=True)
    tidying.start()
    tidying.join(10)
    assert not tidying.is_alive()
    assert sorted(tmp_path.iterdir()) == sorted([pipe, linked, kept, other])
