"""Who signed a request."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

_CREDENTIAL = re.compile(r"Credential=([^/,\s]+)/")


def access_key_of(authorization: str | None, target: str = "") -> str | None:
    """The access key id of a SigV4 header or presigned query; None without one."""
    found = _CREDENTIAL.search(authorization or "")
    if found:
        return found[1]
    presigned = parse_qs(urlsplit(target).query).get("X-Amz-Credential")
    return presigned[0].partition("/")[0] if presigned else None
