"""Child processes that must not outlive what they work for, and the finding of those that did.

A child follows its parent: the kernel ends it when the parent dies, and a thread of its own looks, for
systems without that. A parent also records its child in the job's scratch folder, so that whoever takes
the job next (the parent may be stopped, not dead) ends the child before it starts one of its own.
"""

import ctypes
import json
import os
import signal
import sys
import threading
import time
from pathlib import Path

RECORD = "child.json"
LOOK_EVERY_S = 0.5
GRACE_S = 15.0
PR_SET_PDEATHSIG = 1


def follow_parent(parent: int, *, by: signal.Signals = signal.SIGKILL) -> None:
    """Let this process get the signal `by` when its parent process dies; ends it if that is so already.

    To be called by the child itself, first thing. The kernel means the parent's *thread* that started the
    child, so that one has to live as long as the child is wanted. After a gentler signal than SIGKILL the
    process has `GRACE_S` to end.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, int(by), 0, 0, 0)
    if os.getppid() != parent:
        os._exit(0)
    threading.Thread(target=_watch, args=(parent, by), daemon=True, name="parent-watch").start()


def _watch(parent: int, by: signal.Signals) -> None:
    while os.getppid() == parent:
        time.sleep(LOOK_EVERY_S)
    os.kill(os.getpid(), by)
    time.sleep(GRACE_S)
    os.kill(os.getpid(), signal.SIGKILL)


def record_child(scratch: Path, pid: int) -> None:
    """Note in a job's scratch folder which process works for it."""
    temporary = scratch / f".{RECORD}"
    temporary.write_text(json.dumps({"pid": pid, "identity": _identity(pid)}), encoding="utf-8")
    temporary.rename(scratch / RECORD)


def end_recorded_child(scratch: Path) -> bool:
    """Kill the process that a scratch folder names, if it still is that process; says whether it was."""
    try:
        record = json.loads((scratch / RECORD).read_text(encoding="utf-8"))
        pid, identity = int(record["pid"]), record["identity"]
    except (OSError, ValueError, KeyError, TypeError):
        return False
    if not identity or identity != _identity(pid):
        return False
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def _identity(pid: int) -> str:
    """What tells a process from a later one of the same number: this boot and its start, in clock ticks."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    # The second field is the name in brackets and may hold anything; the start is the 22nd of all.
    return f"{boot}:{fields.rpartition(')')[2].split()[19]}"
