"""The three demo databases of the example company, the same each time they are made.

    python examples/group/databases.py demo
    python examples/group/databases.py demo --postgresql postgresql://localhost/crm

`crm` goes into the PostgreSQL database whose URL is given, else into a SQLite file like the
other two.  Nothing that is already there is overwritten.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from group_data import billing, crm, support
from group_data.people import Population
from group_data.writing import Tables, to_postgresql, to_sqlite

STORES = ("crm", "billing", "support")
HERE = Path(__file__).resolve().parent


def rows() -> Mapping[str, Tables]:
    """Make every row of the three databases, in memory."""
    population = Population("vaubrelle")
    known = crm.make(population)
    return {
        "crm": known.tables,
        "billing": billing.make(population, known.contacts),
        "support": support.make(population, known),
    }


def create(folder: Path, postgresql_url: str | None = None) -> dict[str, str]:
    """Make the databases and return the URL of each store.

    Raises FileExistsError where a database of that name is there already.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for store in STORES:
        if (folder / f"{store}.db").exists():
            raise FileExistsError(f"There is already a {store}.db in that folder.")
    urls = {}
    for store, tables in rows().items():
        if store == "crm" and postgresql_url is not None:
            urls[store] = to_postgresql(postgresql_url, "crm.sql", tables)
        else:
            urls[store] = to_sqlite(folder / f"{store}.db", f"{store}.sql", tables)
    return urls


def project(folder: Path, urls: Mapping[str, str]) -> Path:
    """Copy the example project into `folder`, its `crm` map of the kind that its URL has."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("policy.md", "policy.fr.md", "troth.toml", "logo.svg", ".gitignore"):
        shutil.copyfile(HERE / name, folder / name)
    for name in ("register", "stores", "site"):
        shutil.copytree(
            HERE / name, folder / name, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__")
        )
    if urls["crm"].startswith("sqlite:"):
        file = folder / "stores" / "crm.yaml"
        text = file.read_text(encoding="utf-8")
        file.write_text(text.replace("\nkind: postgresql\n", "\nkind: sqlite\n", 1), encoding="utf-8")
    return folder


def environment(urls: Mapping[str, str]) -> dict[str, str]:
    """Return the environment variables to which the store maps refer.

    >>> environment({"crm": "sqlite:///crm.db"})
    {'TROTH_CRM_FIND': 'sqlite:///crm.db', 'TROTH_CRM_CHANGE': 'sqlite:///crm.db'}
    """
    return {f"TROTH_{store.upper()}_{use}": url for store, url in urls.items() for use in ("FIND", "CHANGE")}


def main(arguments: list[str] | None = None) -> int:
    """Make the databases from the command line, and say how to reach them."""
    parser = argparse.ArgumentParser(description="Make the demo databases of the example company.")
    parser.add_argument("folder", type=Path, help="where the SQLite files go")
    parser.add_argument("--postgresql", metavar="URL", help="an empty PostgreSQL database for `crm`")
    told = parser.parse_args(arguments)
    try:
        urls = create(told.folder, told.postgresql)
    except FileExistsError as error:
        print(f"{error} Name another place, or remove what is there.", file=sys.stderr)  # noqa: T201
        return 2
    for name, url in environment(urls).items():
        print(f"export {name}='{url}'")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
