"""Answer the dialog of a site as a visitor would: accept, refuse, or take the acceptance back.

Each returns how it ended; the state of the page changes with the press that decides, so that
what was written before it is not taken for what is written after.

Law: GDPR Art. 7(3), as easy to withdraw as to give.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from troth.outside.tab import Tab
from troth.rules.scan_report import Outcome
from troth.rules.trace import State

WAITS = (0.0, 0.25, 0.75)


@dataclass(frozen=True, slots=True)
class Pressed:
    """What came of looking for a button: how it ended, what was pressed, and after how many clicks."""

    outcome: Outcome
    label: str = ""
    clicks: int = 0


async def accept(tab: Tab) -> Pressed:
    """Say yes to all."""
    if await _dialog(tab) is None:
        return Pressed("no_dialog")
    return await _press(tab, "accept", "accepted", 1) or Pressed("no_accept")


async def refuse(tab: Tab) -> Pressed:
    """Say no to all, on the second layer where the first has no button for it."""
    if await _dialog(tab) is None:
        return Pressed("no_dialog")
    return await _no_to_all(tab, "refused", 1) or Pressed("no_refuse")


async def withdraw(tab: Tab) -> Pressed:
    """Open the choices again, and say no to all."""
    if await tab.dialog() is None:
        if await tab.reopen() is None:
            return Pressed("no_way_back")
        await _settled(tab)
        await _dialog(tab)
    return await _no_to_all(tab, "withdrawn", 2) or Pressed("no_way_back")


async def _dialog(tab: Tab) -> Mapping[str, Any] | None:
    """Return the dialog, waiting for one that fades in: animations go by frames, which take their time."""
    for seconds in WAITS:
        await asyncio.sleep(seconds)
        found = await tab.dialog()
        if found is not None:
            return found
    return None


async def _no_to_all(tab: Tab, state: State, clicks: int) -> Pressed | None:
    """Say no: by the button for it, else on the second layer, else by taking every tick away."""
    for layer in range(2):
        pressed = await _press(tab, "refuse", state, clicks + layer)
        if pressed is not None:
            return pressed
        found = await tab.dialog()
        if found is not None and "save" in found.get("has", {}):
            await tab.untick()
            return await _press(tab, "save", state, clicks + layer + 1)
        if layer or await tab.press("settings") is None:
            return None
        await _settled(tab)
        await _dialog(tab)
    return None


async def _press(tab: Tab, what: str, state: State, clicks: int) -> Pressed | None:
    before, tab.record.state = tab.record.state, state
    label = await tab.press(what)
    if label is None:
        tab.record.state = before
        return None
    await _settled(tab)
    return Pressed("reached", label, clicks)


async def _settled(tab: Tab) -> None:
    await tab.settle()
    await tab.run_on()
