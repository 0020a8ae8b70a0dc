"""What this machine has."""

import os
from pathlib import Path

_CGROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


def memory_bytes() -> int:
    """Return the bytes of memory of the machine, or of the control group that this process is in if less."""
    of_machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return min([of_machine, *_of_cgroup()])


def _of_cgroup() -> list[int]:
    found = []
    for name in (*_own_limits(), *_CGROUP_LIMITS):
        try:
            text = Path(name).read_text().strip()
        except OSError:
            continue
        if text.isdecimal():
            found.append(int(text))
    return found


def _own_limits() -> list[str]:
    """The files of the limits of this process's group and of those above it, in version 2."""
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return []
    paths = [Path(line.removeprefix("0::/")) for line in lines if line.startswith("0::/")]
    return [f"/sys/fs/cgroup/{group}/memory.max" for path in paths for group in (path, *path.parents[:-1])]
