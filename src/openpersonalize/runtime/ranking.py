"""GetPersonalizedRanking: given items in the order of a user's taste."""

from openpersonalize.domain.limits import MOST_INPUTS
from openpersonalize.errors import InvalidInputException
from openpersonalize.models import Query, Question
from openpersonalize.runtime import choices
from openpersonalize.runtime.answers import answer, beginning, entries
from openpersonalize.runtime.choices import Asker
from openpersonalize.runtime.deployments import Deployment
from openpersonalize.runtime.history import rows_of
from openpersonalize.runtime.lookups import Lookups
from openpersonalize.runtime.requests import check_filter_values, check_metadata, context_of, metadata_of
from openpersonalize.runtime.shapes import GetPersonalizedRankingRequest
from openpersonalize.runtime.traits import with_traits


def check(request: GetPersonalizedRankingRequest) -> None:
    """Refuse what needs no look at anything to be refused; empty maps count as absent."""
    check_filter_values(request)
    if len(request.input_list) > MOST_INPUTS:
        raise InvalidInputException(
            f"inputList has {len(request.input_list)} items: at most {MOST_INPUTS} can be ranked at once."
        )
    if not request.user_id:
        raise InvalidInputException("userId is required: give the user for whom the items are ranked.")
    check_metadata(request, len(request.input_list), "inputList")


def check_campaign(deployment: Deployment) -> None:
    """Raise if the campaign does not rank."""
    if deployment.question is not Question.RANKING:
        raise InvalidInputException(
            f"{deployment.arn} does not rank given items: ask it with GetRecommendations, or deploy a "
            "solution version of the recipe aws-personalized-ranking."
        )


def rank(request: GetPersonalizedRankingRequest, deployment: Deployment, lookups: Lookups) -> bytes:
    """The body of the answer.

    An item that is given twice is ranked once, and one that the filter does not keep is left out. Items that
    the model does not know stand at the end, in the order given, without a score.
    """
    check_campaign(deployment)
    model, group = deployment.model, lookups.group(deployment.dataset_group_id)
    recent, times = rows_of(lookups.recent(deployment, request.user_id), deployment)
    context = with_traits(context_of(request.context, deployment), deployment, request.user_id, group)
    metadata = metadata_of(request, deployment, lookups)
    given = _kept(request, Asker(deployment, group, request.user_id), lookups)
    rows = model.items.find_many(given)
    query = Query(user=model.users.find(request.user_id), recent=recent, recent_times=times, context=context)
    known = rows[rows >= 0]
    found: list[str] = []
    if len(known):
        ranked = model.rank(query, known)
        found = entries(deployment, ranked, None if metadata is None else metadata.of_rows(ranked.items))
    for item, row in zip(given, rows.tolist(), strict=True):
        if row < 0:
            found.append(beginning(item) + ("" if metadata is None else metadata.of_item(item)) + "}")
    return answer("personalizedRanking", found, deployment.cid)


def _kept(request: GetPersonalizedRankingRequest, asker: Asker, lookups: Lookups) -> list[str]:
    """The items of a request that its filter keeps, each once, in the order given."""
    given = list(dict.fromkeys(request.input_list))
    if request.filter_arn is None:
        return given
    chosen = lookups.filter(request.filter_arn)
    choices.check_usable(chosen, asker)
    pool = choices.given_items(given, asker.group)
    mask = choices.kept(chosen, request.filter_values, pool, asker, lookups)
    return (
        given if mask is None else [item for item, stays in zip(given, mask.tolist(), strict=True) if stays]
    )
