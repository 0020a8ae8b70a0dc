"""Runs the training child: gives it the spec, passes its progress on, ends it when the job is to stop."""

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO, Any, cast

from openpersonalize.errors import JobError
from openpersonalize.jobs.orphans import record_child
from openpersonalize.jobs.worker import RunningJob

_WAIT_S = 0.2


class TrainingChildError(Exception):
    """The training child ended without a result: a fault of ours, or the system killed it."""


@dataclass(frozen=True)
class Span:
    """The part of a job that a child is: from which percent to which, and what stands before its phases."""

    low: float = 0.0
    high: float = 100.0
    label: str = ""


def run_child(job: RunningJob, spec: Mapping[str, Any], span: Span) -> dict[str, Any]:
    """Run the training child to its end, passing its progress on; kill it if the job is to stop.

    Raises JobError with the child's reason, JobCancelled, LeaseLost, or TrainingChildError.
    """
    child = subprocess.Popen(
        [sys.executable, "-m", "openpersonalize.work.training_child"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
        text=True,
    )
    stdin, stdout = cast("IO[str]", child.stdin), cast("IO[str]", child.stdout)
    try:
        record_child(job.scratch, child.pid)
        stdin.write(json.dumps(spec))
        stdin.close()
        result = _follow(job, stdout, span)
    finally:
        child.kill()
        child.wait()
    if result is None:
        raise TrainingChildError(f"The training child ended with {child.returncode} and no result.")
    return result


def _follow(job: RunningJob, stdout: IO[str], span: Span) -> dict[str, Any] | None:
    """Read the child's lines until its result; None if it ends without one."""
    lines: queue.Queue[str | None] = queue.Queue()
    threading.Thread(target=_forward, args=(stdout, lines), daemon=True).start()
    phase, percent = "starting", 0.0
    while True:
        job.progress(span.label + phase, span.low + (span.high - span.low) * percent / 100.0)
        try:
            line = lines.get(timeout=_WAIT_S)
        except queue.Empty:
            continue
        if line is None:
            return None
        message = json.loads(line)
        if "failure" in message:
            raise JobError(message["failure"])
        if "result" in message:
            return dict(message["result"])
        phase, percent = message["progress"]


def _forward(stdout: IO[str], lines: "queue.Queue[str | None]") -> None:
    for line in stdout:
        lines.put(line)
    lines.put(None)
