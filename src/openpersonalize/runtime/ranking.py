"""GetPersonalizedRanking: given items in the order of a user's taste."""

from openpersonalize.domain.limits import MOST_INPUTS
from openpersonalize.errors import InvalidInputException, NotBuiltYet
from openpersonalize.models import Query
from openpersonalize.runtime.answers import answer, beginning, entries
from openpersonalize.runtime.deployments import Deployment, Question
from openpersonalize.runtime.history import Rows
from openpersonalize.runtime.shapes import GetPersonalizedRankingRequest


def check(request: GetPersonalizedRankingRequest) -> None:
    """Refuse members that are not served yet; empty maps count as absent."""
    for given, what in (
        (request.filter_arn, "filterArn"),
        (request.filter_values, "filterValues"),
        (request.metadata_columns, "metadataColumns"),
        (request.context, "context"),
    ):
        if given:
            raise NotBuiltYet(what)
    if len(request.input_list) > MOST_INPUTS:
        raise InvalidInputException(
            f"inputList has {len(request.input_list)} items: at most {MOST_INPUTS} can be ranked at once."
        )
    if not request.user_id:
        raise InvalidInputException("userId is required: give the user for whom the items are ranked.")


def check_campaign(deployment: Deployment) -> None:
    """Raise if the campaign does not rank."""
    if deployment.question is not Question.RANKING:
        raise InvalidInputException(
            f"{deployment.arn} does not rank given items: ask it with GetRecommendations, or deploy a "
            "solution version of the recipe aws-personalized-ranking."
        )


def rank(request: GetPersonalizedRankingRequest, deployment: Deployment, recent: Rows) -> bytes:
    """The body of the answer.

    An item that is given twice is ranked once. Items that the model does not know stand at the end, in the
    order given, without a score.
    """
    model = deployment.model
    given = list(dict.fromkeys(request.input_list))
    rows = model.items.find_many(given)
    query = Query(user=model.users.find(request.user_id), recent=recent[0], recent_times=recent[1])
    known = rows[rows >= 0]
    ranked = entries(deployment, model.rank(query, known)) if len(known) else []
    unknown = [beginning(item) + "}" for item, row in zip(given, rows.tolist(), strict=True) if row < 0]
    return answer("personalizedRanking", ranked + unknown, deployment.cid)
