"""Who does which kind of job."""

from collections.abc import Mapping

from openpersonalize.jobs.lifecycle import (
    CREATE_DATASET,
    CREATE_DATASET_GROUP,
    CREATE_EVENT_TRACKER,
    CREATE_SOLUTION,
    DELETE_CAMPAIGN,
    DELETE_DATASET,
    DELETE_DATASET_GROUP,
    DELETE_EVENT_TRACKER,
    DELETE_SOLUTION,
    DEPLOY_CAMPAIGN,
    IMPORT_DATASET,
    TRAIN_SOLUTION_VERSION,
    UPDATE_CAMPAIGN,
)
from openpersonalize.jobs.worker import WorkFunction
from openpersonalize.work import deployments, imports, resources, training
from openpersonalize.work.housekeeping import sweeping

HANDLERS: Mapping[str, WorkFunction] = {
    CREATE_DATASET_GROUP.kind: resources.become_active,
    CREATE_DATASET.kind: resources.become_active,
    CREATE_EVENT_TRACKER.kind: resources.become_active,
    CREATE_SOLUTION.kind: resources.become_active,
    IMPORT_DATASET.kind: sweeping(imports.run_import),
    TRAIN_SOLUTION_VERSION.kind: sweeping(training.run_training),
    DEPLOY_CAMPAIGN.kind: deployments.deploy_campaign,
    UPDATE_CAMPAIGN.kind: deployments.update_campaign,
    DELETE_DATASET_GROUP.kind: resources.delete_dataset_group,
    DELETE_DATASET.kind: sweeping(resources.delete_dataset),
    DELETE_EVENT_TRACKER.kind: resources.delete_alone,
    DELETE_SOLUTION.kind: sweeping(resources.delete_solution),
    DELETE_CAMPAIGN.kind: resources.delete_campaign,
}
