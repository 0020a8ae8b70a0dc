"""GetRecommendations: items for a user, like an item, or popular ones."""

from openpersonalize.domain.limits import MOST_RESULTS
from openpersonalize.errors import InvalidInputException, NotBuiltYet
from openpersonalize.models import Query, Ranked
from openpersonalize.runtime.answers import answer, entries
from openpersonalize.runtime.deployments import Deployment, Question
from openpersonalize.runtime.history import NO_EVENTS, Rows
from openpersonalize.runtime.shapes import GetRecommendationsRequest

DEFAULT_RESULTS = 25


def check(request: GetRecommendationsRequest) -> None:
    """Refuse members that are not served yet; empty maps and lists count as absent."""
    for given, what in (
        (request.filter_arn, "filterArn"),
        (request.filter_values, "filterValues"),
        (request.promotions, "promotions"),
        (request.metadata_columns, "metadataColumns"),
        (request.context, "context"),
    ):
        if given:
            raise NotBuiltYet(what)
    if request.num_results is not None and request.num_results > MOST_RESULTS:
        raise InvalidInputException(
            f"numResults is {request.num_results}: at most {MOST_RESULTS} items can be recommended at once."
        )


def asked(request: GetRecommendationsRequest) -> tuple[str, str]:
    """The ARN of the one that is asked, and what it must be: a `campaign` or a `recommender`."""
    if (request.campaign_arn is None) == (request.recommender_arn is None):
        given = "neither is" if request.campaign_arn is None else "both are"
        raise InvalidInputException(f"Give exactly one of campaignArn and recommenderArn; {given} given.")
    if request.campaign_arn is not None:
        return request.campaign_arn, "campaign"
    return request.recommender_arn or "", "recommender"


def needs_history(request: GetRecommendationsRequest, deployment: Deployment) -> bool:
    """Whether the answer depends on what the user did; raises if the request cannot be answered."""
    question = deployment.question
    if question is Question.RANKING:
        raise InvalidInputException(
            f"{deployment.arn} ranks given items: ask it with GetPersonalizedRanking, not GetRecommendations."
        )
    is_for_user = question is Question.ITEMS_FOR_USER
    if not request.user_id and (is_for_user or deployment.needs_user):
        why = "recommends items for a user" if is_for_user else "is of a use case that is asked with a user"
        raise InvalidInputException(f"userId is required: this {deployment.kind} {why}.")
    if question is Question.SIMILAR_ITEMS and not request.item_id:
        raise InvalidInputException(
            f"itemId is required: this {deployment.kind} recommends items like a given one."
        )
    return is_for_user


def recommend(request: GetRecommendationsRequest, deployment: Deployment, recent: Rows = NO_EVENTS) -> bytes:
    """The body of the answer; `recent` are the user's events since the training."""
    return answer("itemList", entries(deployment, _ranked(request, deployment, recent)), deployment.cid)


def _ranked(request: GetRecommendationsRequest, deployment: Deployment, recent: Rows) -> Ranked:
    model, n_results = deployment.model, request.num_results or DEFAULT_RESULTS
    ranked: Ranked
    if deployment.question is Question.SIMILAR_ITEMS:
        ranked = model.similar(Query(item=model.items.find(request.item_id)), n_results)
    elif deployment.question is Question.POPULAR_ITEMS:
        ranked = model.recommend(Query(), n_results)
    else:
        query = Query(user=model.users.find(request.user_id), recent=recent[0], recent_times=recent[1])
        ranked = model.recommend(query, n_results)
    return ranked
