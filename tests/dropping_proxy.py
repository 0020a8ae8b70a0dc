"""A proxy that forwards each request and loses the first answer to each, as a bad network does."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx


@dataclass
class DroppingProxy:
    """Where it listens, and how often each invocation was sent."""

    url: str = ""
    sent: dict[str, int] = field(default_factory=dict)


@contextmanager
def dropping_first_answers(target: str) -> Iterator[DroppingProxy]:
    """Forward to `target`; close the connection instead of passing on an invocation's first answer."""
    proxy = DroppingProxy()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            answer = httpx.post(target + self.path, content=body, headers=list(self.headers.items()))
            invocation = self.headers["amz-sdk-invocation-id"]
            proxy.sent[invocation] = proxy.sent.get(invocation, 0) + 1
            if proxy.sent[invocation] == 1:
                self.close_connection = True
                return
            self.send_response(answer.status_code)
            for name in ("content-type", "content-length", "x-amzn-requestid"):
                self.send_header(name, answer.headers[name])
            self.end_headers()
            self.wfile.write(answer.content)

        def log_message(self, *_: Any) -> None:
            """Write nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        proxy.url = f"http://127.0.0.1:{listening.server_address[1]}"
        thread = threading.Thread(target=listening.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield proxy
        finally:
            listening.shutdown()
            thread.join()
