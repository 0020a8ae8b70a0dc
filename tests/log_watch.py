"""A watch over every log of the suite: no id, property or secret that a test sends may appear in one."""

import logging
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from openpersonalize.logs import QUIET, JsonFormatter

SENSITIVE = frozenset(
    {
        *("userId", "itemId", "sessionId", "inputList", "properties", "impression", "context"),
        *("filterValues", "filterExpression", "actionId", "tagKey", "tagKeys", "tagValue"),
    }
)
"""Members of requests that carry a customer's values."""

SECRET = "canary-secret-5b0c"

_TOKEN = re.compile(r"[^\W_][\w.-]*")


class LogWatch(logging.Handler):
    """Collects what the tests send, and the lines of logs that show any of it."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.setFormatter(JsonFormatter())
        self.canaries: set[str] = {SECRET}
        self.lines: list[tuple[str, str]] = []

    def attach(self) -> None:
        """Listen to all of this process's logs, as a server at log level debug writes them."""
        root = logging.getLogger()
        root.addHandler(self)
        root.setLevel(logging.DEBUG)
        for name in QUIET:
            logging.getLogger(name).setLevel(logging.WARNING)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one line with the test that ran."""
        self.lines.append((os.environ.get("PYTEST_CURRENT_TEST", ""), self.format(record)))

    def read_file(self, log: Path) -> None:
        """Keep the lines of another process's log."""
        self.lines += [(str(log), line) for line in log.read_text(errors="replace").splitlines()]

    def learn(self, values: Iterable[str]) -> None:
        """Remember values that are telling: words with a digit in them, but no bare numbers."""
        for value in values:
            self.canaries |= {
                token
                for token in _TOKEN.findall(value)
                if re.search(r"\d", token) and re.search(r"[^\W\d_]", token)
            }

    def learn_request(self, params: Mapping[str, Any], **_rest: Any) -> None:
        """Remember a customer's values in a request; a hook of botocore."""
        self.learn(_strings(params, is_sensitive=False))

    def findings(self) -> list[str]:
        """The lines that show a canary, each with its test."""
        return [
            f"{test}: {shown} in {line}"
            for test, line in self.lines
            if (shown := self.canaries & set(_TOKEN.findall(line)))
        ]


def _strings(value: Any, *, is_sensitive: bool) -> Iterable[str]:
    if isinstance(value, Mapping):
        for name, entry in value.items():
            yield from _strings(entry, is_sensitive=is_sensitive or name in SENSITIVE)
    elif isinstance(value, list | tuple):
        for entry in value:
            yield from _strings(entry, is_sensitive=is_sensitive)
    elif isinstance(value, str) and is_sensitive:
        yield value


WATCH = LogWatch()
