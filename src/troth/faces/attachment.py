"""How a file that a face sends is called: in ASCII for every browser, and as it is written for those that read it.

A header holds no letter beyond Latin-1, so the name stands there twice (RFC 6266; RFC 8187, before it RFC 5987).
"""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import quote

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def attachment(name: str) -> str:
    r"""Return the Content-Disposition of a file of this name, which is saved and not shown.

    >>> attachment("answer-2026-0001.zip")
    'attachment; filename="answer-2026-0001.zip"'
    >>> attachment("vœux_d’été.pdf")
    'attachment; filename="v_ux_d_ete.pdf"; filename*=UTF-8\'\'v%C5%93ux_d%E2%80%99%C3%A9t%C3%A9.pdf'
    """
    spelled = unicodedata.normalize("NFKD", name)
    bare = "".join(one for one in spelled if not unicodedata.combining(one))
    plain = _UNSAFE.sub("_", bare)
    if plain == name:
        return f'attachment; filename="{name}"'
    written = quote(_CONTROL.sub("_", name), safe="", errors="replace")
    return f"""attachment; filename="{plain}"; filename*=UTF-8''{written}"""
