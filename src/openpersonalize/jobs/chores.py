"""Chores: what a worker does between two jobs, every now and then, without being asked."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from openpersonalize.storage.stores import Stores

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Chore:
    """Work that any worker may do at any time, several at once too; `every_s` seconds apart in each."""

    name: str
    work: Callable[[Stores], object]
    every_s: float


class Chores:
    """The chores of one worker; all are due when it starts."""

    def __init__(self, chores: Sequence[Chore]) -> None:
        self._due_at = dict.fromkeys(chores, float("-inf"))

    def do_due(self, stores: Stores) -> None:
        """Do those that are due. One that fails is logged and keeps nobody from anything."""
        for chore, due_at in self._due_at.items():
            now = time.monotonic()
            if now < due_at:
                continue
            self._due_at[chore] = now + chore.every_s
            try:
                chore.work(stores)
            except Exception:
                log.exception("a chore failed", extra={"chore": chore.name})
