"""Child processes of the supervisor: how they start, and when one that died starts again."""

import logging
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

from openpersonalize.settings import NAMES, PREFIX, Settings, SettingsError

log = logging.getLogger(__name__)

QUICK_S = 10.0
"""A child that ends by itself within this time after its start could not start."""
MAX_FAILED_STARTS = 4
LONGEST_PAUSE_S = 10.0


class ChildCannotStartError(SettingsError):
    """A child process ends again and again right after its start."""


@dataclass
class Child:
    """One place for a process: it is started, watched, and started again."""

    name: str
    module: str
    arguments: Sequence[str]
    environment: dict[str, str]
    descriptors: Sequence[int] = ()
    process: subprocess.Popen[bytes] | None = None
    failures: int = 0
    _started: float = 0.0
    _start_at: float = 0.0

    def start(self) -> None:
        """Start the process, as a new interpreter that imports only what its role needs."""
        command = [sys.executable, "-m", self.module, "--parent", str(os.getpid()), *self.arguments]
        self._started = time.monotonic()
        self.process = subprocess.Popen(  # noqa: S603  (our own interpreter and module)
            command,
            env=self.environment,
            pass_fds=tuple(self.descriptors),
            stdin=subprocess.DEVNULL,
            process_group=0,  # Ctrl-C is for the supervisor alone, which ends its children in order
        )

    def look(self) -> int | None:
        """Start the process where it is due; the number of one that was found dead, else None.

        Raises ChildCannotStartError.
        """
        if self.process is None:
            if time.monotonic() >= self._start_at:
                self.start()
            return None
        code = self.process.poll()
        if code is None:
            return None
        pid, self.process = self.process.pid, None
        self._plan_restart(code)
        return pid

    def _plan_restart(self, code: int) -> None:
        could_not_start = code > 0 and time.monotonic() - self._started < QUICK_S
        self.failures = self.failures + 1 if could_not_start else 0
        if self.failures >= MAX_FAILED_STARTS:
            raise ChildCannotStartError(
                f"The {self.name} process cannot start: it ended {self.failures} times in a row with exit "
                f"code {code}. Its last lines above say why."
            )
        pause = min(LONGEST_PAUSE_S, 0.2 * 2**self.failures) if could_not_start else 0.1
        self._start_at = time.monotonic() + pause
        log.warning("a child process died", extra={"child": self.name, "exitCode": code, "pauseS": pause})


def environment_of(settings: Settings) -> dict[str, str]:
    """This process's environment with all settings in it, so that a child reads the same ones."""
    environment = dict(os.environ)
    for name in NAMES:
        value = getattr(settings, name)
        environment[PREFIX + name.upper()] = str(int(value)) if isinstance(value, bool) else str(value)
    environment[PREFIX + "DATA_DIR"] = str(settings.data_dir.resolve())
    return environment
