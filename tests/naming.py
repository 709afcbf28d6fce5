"""This is about asking whether a text names somebody, where the text also holds random letters."""

import re


def names(text: str | bytes, name: str) -> bool:
    """Tell whether `name` stands in `text` as a word of its own, in any case.

    Hashes, keys and event ids are letters by chance: `4e9f91b43cada4eda` does not name Ada.
    """
    clear = text if isinstance(text, str) else text.decode("utf-8", "replace")
    return re.search(rf"(?<![0-9A-Za-z]){re.escape(name)}(?![0-9A-Za-z])", clear, re.IGNORECASE) is not None
