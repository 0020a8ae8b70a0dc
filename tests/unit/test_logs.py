"""Logs: whatever a process says is a line of JSON, and never the text of an error."""

import json
import subprocess
import sys

PROGRAM = """
import logging, threading, warnings
from openpersonalize.logs import configure_logging

def fail():
    raise ValueError("canary")

configure_logging("info")
warnings.warn("an old function")
thread = threading.Thread(target=fail, name="tail")
thread.start()
thread.join()
try:
    fail()
except ValueError:
    logging.getLogger("own").exception("it failed")
"""


def test_warnings_dead_threads_and_errors_are_lines_of_json_without_their_texts() -> None:
    ended = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    warning, dead, failed = map(json.loads, ended.stderr.splitlines())

    assert (warning["level"], warning["logger"]) == ("warning", "py.warnings")
    assert (dead["level"], dead["message"], dead["ended"]) == (
        "critical",
        "a thread ended by an error",
        "tail",
    )
    assert (failed["message"], failed["exception"][0]) == ("it failed", "ValueError")
    assert "canary" not in ended.stderr
