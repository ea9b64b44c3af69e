"""AWS on a loopback address that plays a take back, for one process at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from benchmarks.tape import Answer, Take
from keyward.policy.parse import default_text
from keyward.values import JSON

# What no take holds, because the answer is always the same.
FIXED: dict[str, JSON] = {
    "AmazonSSM.GetParameter": {"Parameter": {"Name": "p", "Value": default_text(), "Version": 1}},
    "AWSEvents.PutEvents": {"FailedEntryCount": 0, "Entries": []},
    "AWSStepFunctions.StartExecution": {"executionArn": "arn:aws:states:::x", "startDate": 1.0},
    "AmazonSQS.SendMessage": {"MessageId": "m"},
    "AmazonSQS.GetQueueAttributes": {"Attributes": {"ApproximateNumberOfMessages": "0"}},
}


class Stub:
    """The server. `services` are those that were called since the take was put in."""

    def __init__(self) -> None:
        self.services: set[str] = set()
        self._answers: Iterator[Answer] = iter(())
        stub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                found = stub.answer(self.command, self.headers)
                self.send_response(found.status)
                for name, value in found.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(found.body)))
                self.end_headers()
                self.wfile.write(found.body)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer

            def log_message(self, format: str, *args: Any) -> None:
                """Says nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        Thread(target=self._server.serve_forever, daemon=True).start()

    def put_in(self, take: Take) -> None:
        """Play this take from its beginning."""
        self.services = set()
        self._answers = iter(take.answers)

    def answer(self, verb: str, headers: Any) -> Answer:
        """The answer to the next request, unsigned when it is a client's of a stage. Raises
        StopIteration when the take is at its end."""
        if "Authorization" not in headers:
            return Answer(200 if headers.get("x-api-key") else 403, {}, b"")
        scope = headers["Authorization"].split("Credential=")[1].split(",")[0]
        service = scope.split("/")[3]
        self.services.add(service)
        if service == "s3" and verb == "PUT":
            return Answer(200, {}, b"")
        fixed = FIXED.get(headers.get("X-Amz-Target", ""))
        if fixed is None:
            return next(self._answers)
        return Answer(
            200, {"Content-Type": "application/x-amz-json-1.0"}, json.dumps(fixed).encode()
        )

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
