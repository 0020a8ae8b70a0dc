"""The work of a batch segment job: the users for each item, or for each combination of attributes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from openpersonalize.domain.limits import MOST_SEGMENT_QUERIES
from openpersonalize.errors import InvalidInputException, JobError
from openpersonalize.filters.item_attributes import parse
from openpersonalize.filters.tokens import FilterError
from openpersonalize.jobs.worker import Publish, RunningJob
from openpersonalize.models.compiled import Floats
from openpersonalize.models.segments import SegmentModel, best_users
from openpersonalize.storage import artifacts, records
from openpersonalize.storage.stores import Stores
from openpersonalize.storage.tables import BatchSegmentJobRow, SolutionVersionRow
from openpersonalize.work.batch_files import BatchFiles, Line, LineError, member
from openpersonalize.work.user_filters import UserFilter, load_user_filter

BY_ATTRIBUTES = "aws-item-attribute-affinity"
DEFAULT_RESULTS = 25
MOST_EXPRESSION_CHARACTERS = 2_500
"""As many as a filter's expression may have; AWS names no number."""
_MOST_VALUES = 25
_MOST_VALUE_CHARACTERS = 1_000


@dataclass(frozen=True)
class _Segments:
    """Answers the lines of one job."""

    model: SegmentModel
    by_attributes: bool
    n_results: int
    user_filter: UserFilter | None

    def answer(self, line: Line) -> Mapping[str, Any]:
        """The users of a line's segment, the most interested first. Raises LineError."""
        scores = self._scores_of_attributes(line) if self.by_attributes else self._scores_of_item(line)
        texts = _filter_values(line)
        allowed = None
        if self.user_filter is not None:
            try:
                allowed = self.user_filter.kept(texts)
            except InvalidInputException as error:
                raise LineError(error.message) from None
        elif texts:
            raise LineError("The line has filterValues, and the job no filter: name one as its filterArn.")
        return {"usersList": self.model.users.texts(best_users(scores, allowed, self.n_results))}

    def _scores_of_item(self, line: Line) -> Floats:
        item = self.model.items.find(member(line, "itemId"))
        if item < 0:
            raise LineError(
                "The itemId was not known when the solution version was trained: correct it, or train a new "
                "version once there are interactions with the item, or a record of it."
            )
        return self.model.users_for_item(item)

    def _scores_of_attributes(self, line: Line) -> Floats:
        text = member(line, "itemAttributes", most_characters=MOST_EXPRESSION_CHARACTERS)
        try:
            attributes = parse(text, self.model.attributes)
        except FilterError as error:
            raise LineError(f"itemAttributes: {error.message}") from None
        items = self.model.items_with(attributes)
        if len(items) == 0:
            raise LineError(
                "itemAttributes: no item had all of these values when the solution version was trained: "
                "correct them, or train a new version once there are such items."
            )
        return self.model.users_for_items(items)


def run_batch_segments(job: RunningJob, stores: Stores) -> Publish:
    """Answer the lines of all input files. Raises JobError for what the customer can mend.

    Safe to repeat: an output file is written anew.
    """
    job.progress("reading the model", 0.0)
    row, version = _asked(job, stores)
    recipe = version.recipe_arn.rpartition("/")[2]
    files = BatchFiles(
        stores.objects, row.job_input["s3DataSource"]["path"], row.job_output["s3DataDestination"]["path"]
    )
    inputs = files.inputs(has_limits=stores.limits.amounts)
    n_lines, most = files.count_lines(inputs), MOST_SEGMENT_QUERIES[recipe]
    if n_lines > most:
        raise JobError(
            f"The files hold {n_lines} lines, a job of {recipe} answers {most} at most: make several jobs."
        )
    model = artifacts.load(stores.artifacts / str(version.artifact_id), {SegmentModel.kind: SegmentModel})
    user_filter = load_user_filter(job, stores, row.filter_arn, model.users) if row.filter_arn else None
    segments = _Segments(model, recipe == BY_ATTRIBUTES, row.num_results or DEFAULT_RESULTS, user_filter)
    first = 0.0 if user_filter is None else 90.0  # reading what the filter needs is most of the work

    def progress(n_done: int) -> None:
        job.progress("ranking users", first + (99.0 - first) * n_done / max(1, n_lines))

    done = files.answer(inputs, segments.answer, progress=progress)
    job.note(files=len(inputs), lines=done.lines, failed_lines=done.failed)
    return lambda session: None


def _asked(job: RunningJob, stores: Stores) -> tuple[BatchSegmentJobRow, SolutionVersionRow]:
    with stores.database.read() as session:
        row = records.named(session, BatchSegmentJobRow, job.resource_arn)
        arn = row.solution_version_arn
        version = session.scalar(select(SolutionVersionRow).where(SolutionVersionRow.arn == arn))
    if version is None:
        raise JobError(f"{arn} was deleted before the job began. Create a job with another version.")
    return row, version


def _filter_values(line: Line) -> Mapping[str, str]:
    values = line.get("filterValues")
    if values is None:
        return {}
    if not isinstance(values, dict) or not all(isinstance(one, str) for one in values.values()):
        raise LineError(
            'filterValues is no object of strings: write it as {"COUNTRY": "\\"Japan\\""}, by parameter.'
        )
    if len(values) > _MOST_VALUES or any(len(one) > _MOST_VALUE_CHARACTERS for one in values.values()):
        raise LineError(
            f"filterValues may have {_MOST_VALUES} entries of {_MOST_VALUE_CHARACTERS} characters each."
        )
    return values
