"""Keep web pages out of the local AWS: ministack would answer any of them, with CORS headers."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

from emulator.browsers import FORBIDDEN, is_refused
from keyward.values import JSON

Send = Callable[[JSON], Awaitable[None]]
App = Callable[[JSON, Callable[[], Awaitable[JSON]], Send], Awaitable[None]]
# Function URLs (local/shims/function_urls.py) are pages that people open by a link. Without the id
# of a function ministack takes the path for any service, which the query names.
PAGES = re.compile(r"/_aws/lambda-url/[A-Za-z0-9-]+(/.*)?", re.DOTALL)
CORS = b"access-control-"


def guarded(app: App, port: int) -> App:
    """The ASGI application, on a port of 127.0.0.1, without what pages of other sites send and
    without the headers that would let them read an answer."""

    async def serve(scope: JSON, receive: Callable[[], Awaitable[JSON]], send: Send) -> None:
        async def without_cors(message: JSON) -> None:
            headers = message.get("headers", [])
            kept = [one for one in headers if not bytes(one[0]).lower().startswith(CORS)]
            await send(message | {"headers": kept} if len(kept) < len(headers) else message)

        if scope["type"] == "lifespan" or not _is_refused(scope, port):
            await app(scope, receive, without_cors)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            about = [(b"content-type", b"application/json")]
            await send({"type": "http.response.start", "status": 403, "headers": about})
            await send({"type": "http.response.body", "body": FORBIDDEN})

    return serve


def _is_refused(scope: JSON, port: int) -> bool:
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    is_page = bool(PAGES.fullmatch(scope["path"]))
    return is_refused(scope.get("method", "GET"), headers, port, is_open=is_page)
