"""Refuse what a web page in a browser on this machine sends, unless the page is this server's own.

A page of any site can send requests to 127.0.0.1, and a name that it controls can lead there (DNS
rebinding). Browsers say where a request comes from in `Origin` and `Sec-Fetch-Site` (fetch.spec.
whatwg.org; w3.org/TR/fetch-metadata), and `Host` is the name that they were given. Programs send
neither of the first two.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

LOOPBACK = ("127.0.0.1", "localhost")
HERE = re.compile(r"https?://(127\.0\.0\.1|localhost)(:[0-9]+)?")
FORBIDDEN = b'{"message": "Forbidden: web pages of other sites may not call this machine"}'


def is_refused(
    verb: str, headers: Mapping[str, str], port: int, *, host: str = "", is_open: bool = False
) -> bool:
    """Whether a request comes from a page of another site, or by another name than a server has
    that listens on `port` of the loopback or of `host`. Names of `headers` are in lower case.

    A server that `is_open` is called by pages as well: of this machine, whatever their port, and
    by a link on any page.
    """
    names = {f"{name}:{port}" for name in (*LOOPBACK, host)}
    origin, site = headers.get("origin"), headers.get("sec-fetch-site")
    if headers.get("host", f"{LOOPBACK[0]}:{port}") not in names:
        return True
    if origin is not None:
        is_own = origin in {f"http://{name}" for name in names}
        return not (is_own or (is_open and HERE.fullmatch(origin)))
    # A picture, a form or a link: browsers say no origin with them.
    is_link = verb in ("GET", "HEAD") and headers.get("sec-fetch-mode") == "navigate"
    refused = ("cross-site", "same-site") if not is_open else () if is_link else ("cross-site",)
    return site in refused
