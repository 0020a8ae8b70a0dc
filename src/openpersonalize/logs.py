"""Structured logging: one JSON object a line, with the id of the request being answered."""

import contextvars
import json
import logging
import sys
import threading
import time
from typing import Any

request_id: contextvars.ContextVar[str] = contextvars.ContextVar("request_id", default="")

# Libraries that are noisy, or that print a customer's values, at a finer level than this (SQL parameters,
# request bodies), whatever OPENPERSONALIZE_LOG_LEVEL says.
QUIET = ("alembic", "asyncio", "boto3", "botocore", "httpx", "numba", "sqlalchemy", "urllib3")

# Attributes of every LogRecord; whatever else a caller adds through `extra` is printed.
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message"}


class JsonFormatter(logging.Formatter):
    """Renders a record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, Any] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
            + f".{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if identifier := request_id.get():
            entry["requestId"] = identifier
        entry |= {key: value for key, value in vars(record).items() if key not in _STANDARD}
        if record.exc_info:
            entry["exception"] = _trace_without_values(record)
        return json.dumps(entry, default=str)


def _trace_without_values(record: logging.LogRecord) -> list[str]:
    """Frames and the exception's class, but not its text: it may quote a customer's ids or properties."""
    if record.exc_info is None or record.exc_info[0] is None:
        return []
    lines = [record.exc_info[0].__name__]
    trace = record.exc_info[2]
    while trace is not None:
        code = trace.tb_frame.f_code
        lines.append(
            f"{code.co_filename.rsplit('/openpersonalize/', 1)[-1]}:{trace.tb_lineno} {code.co_name}"
        )
        trace = trace.tb_next
    return lines


def configure_logging(level: str) -> None:
    """Send every log record of this process to standard error as JSON; warnings and dead threads too."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.captureWarnings(True)
    threading.excepthook = _log_dead_thread


def _log_dead_thread(ended: threading.ExceptHookArgs) -> None:
    """Log what ended a thread; Python would print the error's text, which may quote a customer's ids."""
    if ended.exc_value is None:
        return
    logging.getLogger(__name__).critical(
        "a thread ended by an error",
        exc_info=(ended.exc_type, ended.exc_value, ended.exc_traceback),
        extra={"ended": ended.thread.name if ended.thread else ""},
    )
