"""The lock of a data directory: one `serve` and one `work` at a time."""

import fcntl
import json
import os
import socket
import time
from pathlib import Path

from openpersonalize.settings import SettingsError
from openpersonalize.storage.stores import unwritable


class DataDirectoryLock:
    """Held until `close`, or until the process ends in whatever way; raises SettingsError when taken."""

    def __init__(self, data_dir: Path, purpose: str) -> None:
        path = data_dir / f"{purpose}.lock"
        try:
            data_dir.mkdir(parents=True, exist_ok=True)
            self._file = path.open("a+", encoding="utf-8")
        except OSError as error:
            raise unwritable(data_dir, error) from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.seek(0)
            holder = _holder(self._file.read())
            self._file.close()
            raise SettingsError(
                f"data directory {data_dir.resolve()} is in use by {holder}. Stop that one, or give another "
                "directory with OPENPERSONALIZE_DATA_DIR or --data-dir."
            ) from None
        self._name_holder(purpose)

    def _name_holder(self, purpose: str) -> None:
        entry = {
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "purpose": purpose,
            "since": time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime()),
        }
        self._file.seek(0)
        self._file.truncate()
        self._file.write(json.dumps(entry))
        self._file.flush()

    def close(self) -> None:
        """Let another supervisor have the directory."""
        self._file.close()


def _holder(text: str) -> str:
    try:
        entry = json.loads(text)
        return "process {pid} on {host} ({purpose}, since {since})".format(**entry)
    except (ValueError, KeyError, TypeError):
        return "another process"
