"""Policies for tests: the first project, and small ones around a few promises."""

from datetime import date
from textwrap import dedent

from troth.policy.loading import load
from troth.policy.starting import project_files

TODAY = date(2026, 11, 23)


def first_project():
    """The files of `troth init` that make up its policy."""
    files = project_files("Northwind", TODAY)
    return {name: text for name, text in files.items() if name.startswith(("policy", "register/"))}


def read(files):
    policy, problems = load(files)
    assert problems == (), "\n".join(map(str, problems))
    return policy


def with_promises(yaml, clause="## 7 Rights", prose="We keep our word."):
    """A policy whose only clause carries this block; the block's first line is line 7."""
    return f"# Privacy\n\n{clause}\n\n{prose}\n\n```promise\n{dedent(yaml).strip()}\n```\n".replace(
        f"{prose}\n\n```", f"{prose}\n```"
    )


def told(files):
    """What is wrong with a policy: line, what and remedy, in one text each."""
    if isinstance(files, str):
        files = {"policy.md": files}
    policy, problems = load(files)
    assert (policy is None) == bool(problems)
    return [f"{one.line}:{one.column} {one.what} {one.remedy}" for one in problems]
