"""Batch inference jobs: recommendations for each line of a file."""

from typing import Annotated

from pydantic import Field

from openpersonalize.control.batch_jobs import (
    BatchModel,
    CreateBatchJobRequest,
    JobInput,
    JobOutput,
    active_model,
    common_columns,
)
from openpersonalize.control.campaigns import Influence
from openpersonalize.control.context import Context
from openpersonalize.control.exploration import read_exploration
from openpersonalize.control.quotas import keep_to_most_running
from openpersonalize.control.resource import Resource, describe, identity, list_, refuse_taken, start
from openpersonalize.control.schemas import columns_of
from openpersonalize.control.solution_config import Parameters
from openpersonalize.control.tags import keep_tags
from openpersonalize.domain.limits import MOST_BATCH_INFERENCES, MOST_BATCH_RESULTS
from openpersonalize.errors import InvalidInputException
from openpersonalize.jobs.lifecycle import INFER_BATCH
from openpersonalize.protocol.operation import Operations
from openpersonalize.protocol.shapes import Shape, Text
from openpersonalize.recipes.recipe import PERSONALIZED_RANKING, RELATED_ITEMS, USER_PERSONALIZATION
from openpersonalize.storage.tables import BatchInferenceJobRow

operations = Operations()

BATCH_INFERENCE, THEME_GENERATION = "BATCH_INFERENCE", "THEME_GENERATION"
Mode = Annotated[str, Text(values=(BATCH_INFERENCE, THEME_GENERATION))]

BATCH_TYPES = (USER_PERSONALIZATION, PERSONALIZED_RANKING, RELATED_ITEMS)
"""The types of recipes that infer in batches."""


class BatchInferenceJobConfig(Shape):
    item_exploration_config: Parameters | None = None
    ranking_influence: Influence | None = None


class FieldsForThemeGeneration(Shape):
    item_name: Annotated[str, Text(max_length=150, pattern=r"[A-Za-z_][A-Za-z\d_]*")]


class ThemeGenerationConfig(Shape):
    fields_for_theme_generation: FieldsForThemeGeneration


class CreateBatchInferenceJobRequest(CreateBatchJobRequest):
    batch_inference_job_config: BatchInferenceJobConfig | None = None
    batch_inference_job_mode: Mode | None = None
    theme_generation_config: ThemeGenerationConfig | None = None


class CreateBatchInferenceJobResponse(Shape):
    batch_inference_job_arn: str


class BatchInferenceJobSummary(Shape):
    batch_inference_job_arn: str = Field(validation_alias="arn")
    job_name: str = Field(validation_alias="name")
    status: str
    creation_date_time: float
    last_updated_date_time: float
    failure_reason: str | None = None
    solution_version_arn: str
    batch_inference_job_mode: str


class BatchInferenceJob(BatchInferenceJobSummary):
    filter_arn: str | None = None
    num_results: int | None = None
    job_input: JobInput
    job_output: JobOutput
    batch_inference_job_config: BatchInferenceJobConfig | None = None
    role_arn: str
    theme_generation_config: ThemeGenerationConfig | None = None


BATCH_INFERENCE_JOB = Resource(
    noun="batch_inference_job",
    words="batch inference job",
    table=BatchInferenceJobRow,
    full=BatchInferenceJob,
    summary=BatchInferenceJobSummary,
    parent="solution_version_arn",
)


@operations.handles("CreateBatchInferenceJob")
def create_batch_inference_job(
    request: CreateBatchInferenceJobRequest, context: Context
) -> CreateBatchInferenceJobResponse:
    """Get recommendations for each line of a file."""
    model = active_model(context, request.solution_version_arn)
    if model.recipe.recipe_type not in BATCH_TYPES:
        raise InvalidInputException(
            f"{model.version.arn} is of {model.recipe.name}, which does not infer in batches: use a version "
            "of another recipe."
        )
    config, themes = request.batch_inference_job_config, request.theme_generation_config
    if config is not None:
        _check_config(config, model)
    mode = request.batch_inference_job_mode or BATCH_INFERENCE
    _check_themes(context, mode, themes, model)
    columns = common_columns(context, request, model.version, most_results=MOST_BATCH_RESULTS)
    arn = context.arn("batch-inference-job", request.job_name)
    refuse_taken(context, BatchInferenceJobRow, arn)
    keep_to_most_running(context, MOST_BATCH_INFERENCES, BatchInferenceJobRow)
    row = BatchInferenceJobRow(
        **identity(context, arn, request.job_name),
        **columns,
        batch_inference_job_config=config and config.model_dump(by_alias=True, exclude_none=True),
        batch_inference_job_mode=mode,
        theme_generation_config=themes and themes.model_dump(by_alias=True),
    )
    start(context, row, INFER_BATCH)
    keep_tags(context, arn, request.tags)
    return CreateBatchInferenceJobResponse(batch_inference_job_arn=arn)


def _check_config(config: BatchInferenceJobConfig, model: BatchModel) -> None:
    read_exploration(config.item_exploration_config or {}, model.recipe, "batchInferenceJobConfig")
    influences = any(weight > 0 for weight in (config.ranking_influence or {}).values())
    if influences and model.recipe.name != "aws-semantic-similarity":
        raise InvalidInputException(
            f"batchInferenceJobConfig.rankingInfluence is for aws-semantic-similarity, and "
            f"{model.version.arn} is of {model.recipe.name}: leave it out."
        )


def _check_themes(
    context: Context, mode: str, themes: ThemeGenerationConfig | None, model: BatchModel
) -> None:
    """Raise InvalidInputException unless mode, config, recipe and Items schema fit together."""
    if (mode == THEME_GENERATION) != (themes is not None):
        raise InvalidInputException(
            f"batchInferenceJobMode is {mode}, and themeGenerationConfig is "
            f"{'given' if themes else 'missing'}: themes need both {THEME_GENERATION} and the config."
        )
    if themes is None:
        return
    if model.recipe.name != "aws-similar-items":
        raise InvalidInputException(
            f"{THEME_GENERATION} is for aws-similar-items, and {model.version.arn} is of "
            f"{model.recipe.name}: use a version of aws-similar-items."
        )
    items = columns_of(context, model.version.dataset_group_arn, "ITEMS")
    columns = {} if items is None else {column.name: column for column in items.columns}
    wanted = themes.fields_for_theme_generation.item_name
    if wanted not in columns or columns[wanted].type != "string" or columns[wanted].textual:
        raise InvalidInputException(
            f"themeGenerationConfig.fieldsForThemeGeneration.itemName is {wanted!r}: name a string column of "
            "the Items dataset that holds the names of items."
        )
    if not any(column.textual for column in columns.values()):
        raise InvalidInputException(
            "Themes are made of texts, and the schema of the Items dataset has no textual column: use a "
            'schema in which one string field has "textual": true.'
        )


describe(operations, "DescribeBatchInferenceJob", BATCH_INFERENCE_JOB)
list_(operations, "ListBatchInferenceJobs", BATCH_INFERENCE_JOB)
