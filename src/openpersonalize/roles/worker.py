"""The composition root of a worker process: the queue, the work, and nothing of the API."""

import argparse
import logging
import os
import signal
import threading
from types import FrameType

from openpersonalize.jobs.orphans import follow_parent
from openpersonalize.jobs.worker import Worker
from openpersonalize.logs import configure_logging
from openpersonalize.roles.objects import open_objects
from openpersonalize.settings import Settings, load_settings
from openpersonalize.storage.stores import open_stores
from openpersonalize.work.chores import CHORES
from openpersonalize.work.handlers import HANDLERS

log = logging.getLogger("openpersonalize.roles.worker")
"""By its name, as this module runs as `__main__`."""

GRACE_S = 0.5
"""How long a worker that is to stop waits for a job that is about to end anyway."""


def run_worker(settings: Settings, node: str = "") -> None:
    """Run jobs until SIGTERM or SIGINT, then give the running one back to the queue and exit at once."""
    configure_logging(settings.log_level)
    stores = open_stores(
        settings.data_dir, settings.database, limits=settings.limits, objects=open_objects(settings)
    )
    worker = Worker(stores, HANDLERS, lease_s=settings.lease_s, node=node, chores=CHORES)
    stop = threading.Event()

    def request_stop(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, request_stop)
    signal.signal(signal.SIGINT, request_stop)
    # Work is in a thread of its own, so that this one can end the process whatever the work is doing.
    thread = threading.Thread(target=worker.run_forever, args=(stop,), name="worker", daemon=True)
    thread.start()
    log.info("worker started", extra={"owner": worker.owner})
    stop.wait()
    thread.join(GRACE_S)
    if thread.is_alive():
        worker.hand_back()
    logging.shutdown()
    os._exit(0)


def main() -> None:
    """Run as a child of the supervisor."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--parent", type=int, required=True)
    parser.add_argument("--node", default="", help="how the supervisor calls this data directory's workers")
    arguments = parser.parse_args()
    follow_parent(arguments.parent, by=signal.SIGTERM)
    run_worker(load_settings(), arguments.node)


if __name__ == "__main__":
    main()
