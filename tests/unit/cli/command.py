"""The command line as a user starts it: a process of its own."""

import os
import subprocess
import sys

TIMEOUT_S = 120


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `openpersonalize` with the arguments, and give its exit code and output."""
    return subprocess.run(
        [sys.executable, "-m", "openpersonalize.cli", *arguments],
        env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **environment},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
