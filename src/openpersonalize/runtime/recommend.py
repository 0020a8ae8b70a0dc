"""GetRecommendations: items for a user, like an item, or popular ones."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from openpersonalize.domain.limits import MOST_RESULTS
from openpersonalize.errors import InvalidInputException
from openpersonalize.filters.masks import Mask
from openpersonalize.models import Query, Question, Ranked
from openpersonalize.runtime import choices
from openpersonalize.runtime.answers import answer, entries, promotion_name
from openpersonalize.runtime.choices import Asker
from openpersonalize.runtime.deployments import Deployment
from openpersonalize.runtime.exploration import exploring
from openpersonalize.runtime.history import rows_of
from openpersonalize.runtime.lookups import Lookups
from openpersonalize.runtime.metadata import Metadata
from openpersonalize.runtime.promotions import Share, mixed, share_of
from openpersonalize.runtime.requests import (
    check_filter_values,
    check_metadata,
    context_of,
    metadata_of,
)
from openpersonalize.runtime.shapes import GetRecommendationsRequest
from openpersonalize.runtime.traits import with_traits

DEFAULT_RESULTS = 25

Ranking = Callable[[int, Mask | None], Ranked]
"""The best so many items of those that are allowed."""


def check(request: GetRecommendationsRequest) -> None:
    """Refuse what needs no look at anything to be refused; empty maps and lists count as absent."""
    check_filter_values(request)
    for promotion in request.promotions or ():
        share_of(promotion)
        check_filter_values(promotion)
    if request.num_results is not None and request.num_results > MOST_RESULTS:
        raise InvalidInputException(
            f"numResults is {request.num_results}: at most {MOST_RESULTS} items can be recommended at once."
        )
    check_metadata(request, request.num_results or DEFAULT_RESULTS, "numResults")


def asked(request: GetRecommendationsRequest) -> tuple[str, str]:
    """The ARN of the one that is asked, and what it must be: a `campaign` or a `recommender`."""
    if (request.campaign_arn is None) == (request.recommender_arn is None):
        given = "neither is" if request.campaign_arn is None else "both are"
        raise InvalidInputException(f"Give exactly one of campaignArn and recommenderArn; {given} given.")
    if request.campaign_arn is not None:
        return request.campaign_arn, "campaign"
    return request.recommender_arn or "", "recommender"


def check_question(request: GetRecommendationsRequest, deployment: Deployment) -> None:
    """Raise if the deployment does not answer such a request."""
    question = deployment.question
    if question is Question.RANKING:
        raise InvalidInputException(
            f"{deployment.arn} ranks given items: ask it with GetPersonalizedRanking, not GetRecommendations."
        )
    if question is Question.ACTIONS_FOR_USER:
        raise InvalidInputException(
            f"{deployment.arn} recommends actions: ask it with GetActionRecommendations, not "
            "GetRecommendations."
        )
    is_for_user = question is Question.ITEMS_FOR_USER
    if not request.user_id and (is_for_user or deployment.needs_user):
        why = "recommends items for a user" if is_for_user else "is of a use case that is asked with a user"
        raise InvalidInputException(f"userId is required: this {deployment.kind} {why}.")
    if question is Question.SIMILAR_ITEMS and not request.item_id:
        raise InvalidInputException(
            f"itemId is required: this {deployment.kind} recommends items like a given one."
        )


def recommend(
    request: GetRecommendationsRequest, deployment: Deployment, lookups: Lookups, chance: random.Random
) -> bytes:
    """The body of the answer; `chance` places promoted items."""
    check_question(request, deployment)
    asker = Asker(deployment, lookups.group(deployment.dataset_group_id), request.user_id, request.item_id)
    query = _query(request, deployment, lookups)
    rank = _ranking(deployment, query)
    best = _Best(
        deployment,
        rank,
        exploring(rank, query, deployment, chance),
        metadata_of(request, deployment, lookups),
        request.num_results or DEFAULT_RESULTS,
    )
    is_left = choices.not_left_out(asker, lookups)
    allowed = choices.both(is_left, _allowed(request.filter_arn, request.filter_values, asker, lookups))
    if request.promotions:
        promotion = request.promotions[0]
        kept = _allowed(promotion.filter_arn, promotion.filter_values, asker, lookups)
        promotable = choices.both(is_left, kept)
        found = best.with_promotion(share_of(promotion), promotable, allowed, chance)
    else:
        found = best.entries(best.explore(best.n_results, allowed))
    return answer("itemList", found, deployment.cid)


@dataclass(frozen=True)
class _Best:
    """The best items for a request."""

    deployment: Deployment
    rank: Ranking
    explore: Ranking
    """The same ranking, with new items that are tried out."""
    metadata: Metadata | None
    n_results: int

    def with_promotion(
        self, share: Share, promotable: Mask | None, allowed: Mask | None, chance: random.Random
    ) -> list[str]:
        """Encoded entries of which a share is promoted; what is allowed holds for the others only."""
        promoted = self.rank(share.of(self.n_results), promotable)
        n_items = len(self.deployment.model.items)
        left = np.ones(n_items, np.bool_) if allowed is None else allowed.copy()
        left[promoted.items] = False
        others = self.explore(self.n_results - len(promoted.items), left)
        return mixed(self.entries(promoted, promotion_name(share.name)), self.entries(others), chance)

    def entries(self, ranked: Ranked, more: str = "") -> list[str]:
        """The encoded entries of ranked items, with more members and with metadata."""
        if self.metadata is None:
            return entries(self.deployment, ranked, [more] * len(ranked.items) if more else None)
        return entries(self.deployment, ranked, [more + each for each in self.metadata.of_rows(ranked.items)])


def _query(request: GetRecommendationsRequest, deployment: Deployment, lookups: Lookups) -> Query:
    """What the model is asked."""
    model = deployment.model
    context = context_of(request.context, deployment)
    if deployment.question is Question.SIMILAR_ITEMS:
        row = model.items.find(request.item_id)
        return Query(item=row, influence=deployment.influence)
    if deployment.question is Question.POPULAR_ITEMS:
        return Query()
    user_id, group = request.user_id or "", lookups.group(deployment.dataset_group_id)
    recent, times = rows_of(lookups.recent(deployment, user_id), deployment)
    context = with_traits(context, deployment, user_id, group)
    return Query(user=model.users.find(user_id), recent=recent, recent_times=times, context=context)


def _ranking(deployment: Deployment, query: Query) -> Ranking:
    is_by_item = deployment.question is Question.SIMILAR_ITEMS
    return partial(deployment.model.similar if is_by_item else deployment.model.recommend, query)


def _allowed(
    arn: str | None, values: Mapping[str, str] | None, asker: Asker, lookups: Lookups
) -> Mask | None:
    if arn is None:
        return None
    chosen = lookups.filter(arn)
    choices.check_usable(chosen, asker)
    pool = choices.catalogue(asker.deployment, asker.group)
    return choices.kept(chosen, values, pool, asker, lookups)
