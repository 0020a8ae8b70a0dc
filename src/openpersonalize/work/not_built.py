"""The jobs that no work function does yet: they fail, and say openly why."""

from openpersonalize.errors import JobError
from openpersonalize.jobs.worker import Publish, RunningJob, WorkFunction
from openpersonalize.storage.stores import Stores


def not_built(what: str) -> WorkFunction:
    """The work function of jobs that need `what`, which this version does not have."""

    def fail(job: RunningJob, stores: Stores) -> Publish:
        raise JobError(f"not built yet: {what}")

    return fail
