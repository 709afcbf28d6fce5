"""A document is put on record as a file of its own, only where the policy holds together with it."""

import errno
import json
import os
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256

import pytest

from commanding import troth
from shop_project import opened
from troth.errors import NotAllowedError, NotFoundError, WrongFileError
from troth.work.record_document import record_document
from troth.work.write_whole import write_new

LETTERS = ("--says", "abcdefgh")


def said(folder, *words):
    told = troth(folder, "document", *words)
    return told.code, " ".join((told.out + told.err).split())


def no_link(_, __):
    """Link as a file system does that has no hard links."""
    raise PermissionError(errno.EPERM, "Operation not permitted")


def full(_, __):
    raise OSError(errno.ENOSPC, "full")


def recipient(project):
    return next(name for name, one in project.policy.recipients.items() if one.role == "processor")


def test_a_contract_is_on_record_with_the_hash_of_what_lies_there(folder, project):
    name = recipient(project)
    (folder / "paper.pdf").write_bytes(b"signed by both")
    code, told = said(folder, "contract-one", "--type", "processor_contract", "--about", name, *LETTERS, "--dated",
                      "2026-11-02", "--until", "2028-12-31", "--owner", "legal", "--file", "paper.pdf")  # fmt: skip
    assert (code, "register/document-contract-one.yaml" in told) == (0, True), told
    found = json.loads(troth(folder, "register", "documents", "--json").out)["lines"]
    one = next(line for line in found if line["reference"] == ["contract-one"])
    assert one["dated"] == ["2026-11-02"]
    assert one["sha256"] == [sha256(b"signed by both").hexdigest()]
    assert one["lacks"] == []
    assert said(folder, "contract-one", "--type", "processor_contract", "--about", name, *LETTERS)[0] == 2


def test_what_is_wrong_is_said_and_nothing_is_written(folder, project, clock):
    name = recipient(project)
    before = sorted(folder.rglob("*.yaml"))
    with pytest.raises(NotFoundError, match="is called 'nobody'"):
        record_document(project, "one", "processor_contract", ["nobody"], {"dated": project.clock().date()})
    with pytest.raises(NotAllowedError, match="such as one-two"):
        record_document(project, "One Two", "training", [], {"dated": project.clock().date()})
    with pytest.raises(NotAllowedError, match=r"no file 'gone\.pdf' below the project"):
        record_document(project, "one", "training", [], {"dated": project.clock().date()}, "gone.pdf")
    with pytest.raises(NotAllowedError, match=r"no file '\.\./outside\.pdf'"):
        record_document(project, "one", "training", [], {"dated": project.clock().date()}, "../outside.pdf")
    with pytest.raises(WrongFileError) as refused:
        record_document(
            project, "one", "processor_contract", [name], {"dated": project.clock().date(), "says": ["z"]}
        )
    assert "cannot be `z`" in str(refused.value.problems[0])
    assert sorted(folder.rglob("*.yaml")) == before
    code, told = said(folder, "one", "--type", "training", "--dated", "2999-01-01")
    assert (code, "is still to come" in told) == (2, True)
    another = opened(folder, clock)  # a second member of the staff, who has read the policy before
    assert "one" not in another.written.register_documents
    file = record_document(project, "one", "training", [], {"dated": project.clock().date()})
    kept = (folder / file).read_bytes()
    with pytest.raises(NotAllowedError, match="There is a file"):
        record_document(another, "one", "training", [], {"dated": clock().date(), "owner": "legal"})
    assert (folder / file).read_bytes() == kept
    with ThreadPoolExecutor(8) as several:
        for link in (os.link, no_link):  # all at once: one of them writes it, whole
            new = folder / "new.yaml"
            written = list(
                several.map(lambda text, new=new, how=link: write_new(new, text * 1000, how), "abcdefgh")
            )
            assert written.count(True) == 1
            assert new.read_text() == "abcdefgh"[written.index(True)] * 1000
            assert not list(folder.glob(".new.yaml*"))
            new.unlink()
    with pytest.raises(OSError, match="full"):
        write_new(folder / "new.yaml", "text", full)
    assert not list(folder.glob("*new.yaml*"))
    with pytest.raises(NotAllowedError, match="a document one already"):
        record_document(opened(folder, clock), "one", "training", [], {"dated": project.clock().date()})
    assert (folder / file).is_file()
