"""What recommendations and rankings have in common: their filter, metadata and context."""

from collections.abc import Mapping

from openpersonalize.domain.limits import MOST_RESULTS_WITH_METADATA
from openpersonalize.errors import InvalidInputException
from openpersonalize.models.ranker import NO_ROWS
from openpersonalize.runtime import metadata
from openpersonalize.runtime.choices import Rows
from openpersonalize.runtime.deployments import Deployment
from openpersonalize.runtime.lookups import Lookups
from openpersonalize.runtime.metadata import Metadata
from openpersonalize.runtime.shapes import (
    GetActionRecommendationsRequest,
    GetPersonalizedRankingRequest,
    GetRecommendationsRequest,
    Promotion,
)

Request = GetRecommendationsRequest | GetPersonalizedRankingRequest
Filtered = Request | GetActionRecommendationsRequest | Promotion


def check_filter_values(request: Filtered) -> None:
    """Raise InvalidInputException for values without a filter; an empty map counts as absent."""
    if request.filter_values and request.filter_arn is None:
        raise InvalidInputException(
            "filterValues is given without filterArn: give the ARN of the filter that the values are for."
        )


def check_metadata(request: Request, n_items: int, member: str) -> None:
    """Raise InvalidInputException where metadata of so many items, or of these columns, cannot be given."""
    if not metadata.is_asked(request.metadata_columns):
        return
    metadata.check_asked(request.metadata_columns or {})
    if n_items > MOST_RESULTS_WITH_METADATA:
        raise InvalidInputException(
            f"{member} asks for {n_items} items: with metadataColumns at most {MOST_RESULTS_WITH_METADATA} "
            "can be given at once."
        )


def metadata_of(request: Request, deployment: Deployment, lookups: Lookups) -> Metadata | None:
    """The metadata that a request asks for. Raises InvalidInputException where it cannot be given."""
    if not metadata.is_asked(request.metadata_columns):
        return None
    group = lookups.group(deployment.dataset_group_id)
    if deployment.gives_metadata and "ITEMS" not in group.records:
        lookups.look_again_for_records()
    return Metadata(request.metadata_columns or {}, deployment, group)


def context_of(given: Mapping[str, str] | None, deployment: Deployment) -> Rows:
    """A request's context in rows of the model's.

    Raises InvalidInputException where the model has none, or names a column that it has not.
    """
    if not given:
        return NO_ROWS
    contexts = getattr(deployment.model, "contexts", None)
    if contexts is None:
        raise InvalidInputException(
            f"context is given, but {deployment.arn} answers the same in every context: leave it out, or ask "
            "one whose recipe is aws-user-personalization or aws-personalized-ranking."
        )
    for key in given:
        if contexts.column(key) is None:
            known = ", ".join(contexts.columns)
            remedy = f"use {known}" if known else "leave it out, as the schema had none at the training"
            raise InvalidInputException(
                f"context names {key}, which is no column of the customer's own in the Interactions schema: "
                f"{remedy}."
            )
    rows: Rows = contexts.rows(given)
    return rows
