"""Hand an inspection over: one ZIP with an index, every item, and what proves them without network or database.

The index names each item with its hash; the event of the hand-over names the hash of the index; its
receipt, and those of every item, are signed and lead to a checkpoint.  Whoever has the bundle and our
public key sees that nothing was changed, left out or put in.

Law: GDPR Art. 31, Art. 5(2).
"""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import PurePosixPath
from typing import IO, Any

from troth.errors import NotAllowedError, TamperedError
from troth.ledger import receipt, seal
from troth.ledger.note import Checkpoint, Verifier
from troth.outside.archive import Archive
from troth.rules.event import Event
from troth.rules.package import file_name
from troth.work import inspection
from troth.work.inspection import Inspection
from troth.work.project import Project

FORMAT = "troth inspection 1"
INDEX, NOTE, PROOF, README = "index.json", "checkpoint.txt", "handed-over.json", "README.txt"
BYTES_MAX = 2_000_000_000
_README = {
    "en": (
        "What an authority was shown, and what proves it.\n\n"
        "index.json lists every item with its SHA-256. handed-over.json and receipts/ are signed receipts of what was\n"
        "recorded; checkpoint.txt is the signed checkpoint of the moment that is frozen.\n\n"
        "    troth verify BUNDLE.zip --key vkey.txt\n\n"
        "verifies all of it without network or database. sha256sum shows each hash too.\n"
    ),
    "fr": (
        "Ce qui a été montré à une autorité, et ce qui le prouve.\n\n"
        "index.json énumère chaque pièce avec son SHA-256. handed-over.json et receipts/ sont les reçus signés de ce\n"
        "qui a été consigné ; checkpoint.txt est le point de contrôle signé du moment figé.\n\n"
        "    troth verify DOSSIER.zip --key vkey.txt\n\n"
        "vérifie le tout sans réseau ni base de données. sha256sum montre aussi chaque empreinte.\n"
    ),
}


@dataclass(frozen=True, slots=True)
class Verified:
    """What a bundle proved: which inspection, how many items, how many of its records are sealed, the frozen size."""

    inspection: str
    items: int
    sealed: int
    size: int


def hand_over(project: Project, number: str, to: str, how: str, staff: str) -> bytes:
    """Record the hand-over and return the bundle; the same items to the same are recorded once."""
    found = inspection.load(project, number)
    if not found.state["items"]:
        raise NotAllowedError("Nothing was chosen yet: add a document or an extract first.")
    index = _index(project, found)
    written = (json.dumps(index, indent=2, ensure_ascii=False) + "\n").encode()
    event = inspection.record_hand_over(project, found, sha256(written).hexdigest(), to, how, staff)
    seal.seal_all(project.ledger)
    return _zip(project, found, index, written, event)


def _index(project: Project, found: Inspection) -> dict[str, Any]:
    case, said = inspection.told(project, found.number)
    checkpoint = seal.checkpoint(project.ledger, covering=int(found.state["size"]))
    assert checkpoint is not None
    items = [_item(one, said.get(one["event"], {})) for one in found.state["items"]]
    return {
        "format": FORMAT,
        "inspection": found.number,
        "authority": case.get("authority", ""),
        "reference": case.get("reference", ""),
        "entity": found.state["entity"],
        "scope": found.state["scope"],
        "frozen": {
            "at": found.state["opened_at"],
            "size": found.state["size"],
            "root": found.state["root"],
            "checkpoint": checkpoint.note,
        },
        "hold": found.state["hold"],
        "items": items,
        "queries": [
            {name: one[name] for name in ("at", "store", "table", "rows", "oldest", "shown", "masked")}
            for one in found.state["queries"]
        ],
        "keys": [str(one) for one in seal.verifiers(project.ledger)],
    }


def _item(one: Mapping[str, Any], said: Mapping[str, Any]) -> dict[str, Any]:
    name = PurePosixPath(str(said.get("name") or "item"))
    file = f"items/{one['item']:03}-{file_name(name.stem)}{name.suffix if name.suffix[1:].isalnum() else ''}"
    return {
        "item": one["item"], "file": file, "what": one["what"], "question": one["question"], "name": name.name,
        "why": said.get("why", ""), "sha256": one["sha256"], "bytes": one["bytes"], "event": one["event"],
    }  # fmt: skip


def _zip(
    project: Project, found: Inspection, index: Mapping[str, Any], written: bytes, event: Event
) -> bytes:
    ledger, made = project.ledger, io.BytesIO()
    opening = inspection.opening(project, found.number)
    with Archive(made.write) as archive:
        archive.add(INDEX, [written])
        archive.add(NOTE, [str(index["frozen"]["checkpoint"]).encode()])
        archive.add(PROOF, [receipt.receipt(ledger, event.id)])
        archive.add("receipts/000-opened.json", [receipt.receipt(ledger, opening.id)])
        for one, kept in zip(index["items"], found.state["items"], strict=True):
            archive.add(one["file"], inspection.content(project, kept))
            archive.add(f"receipts/{one['item']:03}.json", [receipt.receipt(ledger, one["event"])])
        language = "fr" if project.policy.language == "fr" else "en"
        archive.add(README, [_README[language].encode()])
    return made.getvalue()


def verify(file: IO[bytes], *trusted: Verifier) -> Verified:
    """Verify a bundle; without `trusted` keys, those it names itself are believed.

    Raises TamperedError where anything does not fit, NotAllowedError where it is no bundle.
    """
    try:
        with zipfile.ZipFile(file) as bundle:
            return _verified(bundle, trusted)
    except (zipfile.BadZipFile, zlib.error, UnicodeDecodeError, KeyError, TypeError, EOFError):
        raise TamperedError("A part of this bundle cannot be read: it was changed or cut short.") from None


def _verified(bundle: zipfile.ZipFile, trusted: tuple[Verifier, ...]) -> Verified:
    names = bundle.namelist()
    if INDEX not in names or len(set(names)) != len(names):
        raise NotAllowedError("This archive is no bundle of an inspection: it has no index, or a name twice.")
    if sum(info.file_size for info in bundle.infolist()) > BYTES_MAX:
        raise NotAllowedError("This archive is larger than a bundle of an inspection is.")
    written = bundle.read(INDEX)
    index = _read_index(written)
    items = index["items"]
    expected = {INDEX, NOTE, PROOF, README, "receipts/000-opened.json"}
    expected |= {one["file"] for one in items} | {f"receipts/{one['item']:03}.json" for one in items}
    if set(names) != expected:
        raise TamperedError("The bundle lacks a file that its index names, or has one that it does not.")
    handed = _received(bundle, PROOF, "handed_over", index, trusted)
    opened = _received(bundle, "receipts/000-opened.json", "opened", index, trusted)
    if handed.event.facts["index_sha256"] != sha256(written).hexdigest():
        raise TamperedError("The index is not the one that was handed over.")
    frozen = index["frozen"]
    believed = trusted or tuple(Verifier.read(str(one)) for one in index["keys"])
    note = Checkpoint.read(str(frozen["checkpoint"]), *believed)
    facts = opened.event.facts
    if (note.size, note.root.hex()) != (facts["size"], facts["root"]) or note.size != frozen["size"]:
        raise TamperedError("The checkpoint is not the one that was frozen.")
    if bundle.read(NOTE).decode() != frozen["checkpoint"]:
        raise TamperedError("checkpoint.txt is not the checkpoint of the index.")
    sealed = handed.sealed + opened.sealed
    for place, one in enumerate(items, 1):
        proof = _received(bundle, f"receipts/{one['item']:03}.json", "item_added", index, trusted)
        digest = sha256(bundle.read(one["file"])).hexdigest()
        if one["item"] != place or proof.event.facts["item"] != place:
            raise TamperedError(f"Item {place} is missing, or stands elsewhere.")
        if not digest == one["sha256"] == proof.event.facts["sha256"]:
            raise TamperedError(f"Item {place} is not the one that was recorded.")
        sealed += proof.sealed
    if handed.event.facts["items"] != len(items):
        raise TamperedError("The bundle has fewer or more items than were handed over.")
    return Verified(str(index["inspection"]), len(items), sealed, note.size)


def _read_index(written: bytes) -> Mapping[str, Any]:
    try:
        index = json.loads(written)
    except ValueError:
        raise TamperedError("The index of this bundle is not JSON.") from None
    if not isinstance(index, dict) or index.get("format") != FORMAT:
        raise NotAllowedError("This archive is no bundle of an inspection: its index does not say so.")
    if not all(name in index for name in ("inspection", "frozen", "items", "keys")):
        raise TamperedError("The index of this bundle lacks a part.")
    return index


def _received(
    bundle: zipfile.ZipFile, name: str, state: str, index: Mapping[str, Any], trusted: tuple[Verifier, ...]
) -> receipt.Received:
    found = receipt.verify(bundle.read(name), *trusted)
    facts = found.event.facts
    if (
        found.event.kind != "inspection_moved"
        or facts["state"] != state
        or facts["inspection"] != index["inspection"]
    ):
        raise TamperedError(f"{name} is the receipt of something else.")
    return found
