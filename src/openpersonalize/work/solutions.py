"""The job of UpdateSolution."""

from sqlalchemy.orm import Session

from openpersonalize.domain.schedules import FIRST_TRAINING_S, training_interval_s
from openpersonalize.jobs.worker import Publish, RunningJob
from openpersonalize.storage import records
from openpersonalize.storage.stores import Stores
from openpersonalize.storage.tables import SolutionRow


def update_solution(job: RunningJob, stores: Stores) -> Publish:
    """Put the settings of a solution's newest update into force; versions in the making keep theirs."""

    def publish(session: Session) -> None:
        row = records.named(session, SolutionRow, job.resource_arn)
        # A schedule may be moving the time of the next training on.
        session.refresh(row, with_for_update=True)
        update = row.latest_update or {}
        before = row.perform_auto_training, training_interval_s(row.solution_config)
        row.perform_auto_training = update["performAutoTraining"]
        row.perform_incremental_update = update["performIncrementalUpdate"]
        config = update.get("solutionUpdateConfig")
        if config:
            row.solution_config = (row.solution_config or {}) | config
        row.last_updated_date_time = stores.clock()
        if not row.perform_auto_training:
            row.next_training_at = None
        elif (True, training_interval_s(row.solution_config)) != before:
            row.next_training_at = stores.clock() + FIRST_TRAINING_S

    return publish
