"""The operations of this version that are validated but do not do their job yet, and why."""

from collections.abc import Mapping

FAILING: Mapping[str, str] = {
    "CreateBatchInferenceJob": "the job ends CREATE FAILED",
    "CreateDatasetExportJob": "the job ends CREATE FAILED",
    "CreateDataDeletionJob": "the job ends FAILED, and nothing is deleted",
}
"""They say so: by a refusal or a failure reason that begins with "not built yet"."""

WITHOUT_EFFECT: Mapping[str, str] = {
    "CreateMetricAttribution": "it becomes ACTIVE; no metric is reported yet",
}
"""They answer as on AWS, and what they are for does not come about yet."""

NOT_WORKING: Mapping[str, str] = {**FAILING, **WITHOUT_EFFECT}
