"""GetActionRecommendations: the actions that a user will most likely take."""

import random

import msgspec
import numpy as np

from openpersonalize.domain.limits import MOST_ACTION_RESULTS
from openpersonalize.errors import InvalidInputException
from openpersonalize.filters.masks import Mask
from openpersonalize.models import Question, Ranked
from openpersonalize.models.action_events import type_number
from openpersonalize.models.action_rules import ActionRules
from openpersonalize.models.actions import ActionModel, Doings
from openpersonalize.runtime import choices
from openpersonalize.runtime.answers import answer
from openpersonalize.runtime.choices import Asker, Catalogue
from openpersonalize.runtime.deployments import Deployment
from openpersonalize.runtime.history import rows_of
from openpersonalize.runtime.lookups import Lookups
from openpersonalize.runtime.requests import check_filter_values
from openpersonalize.runtime.shapes import GetActionRecommendationsRequest

DEFAULT_RESULTS = 5
EXPLORED_SHARE = 0.1
"""So many of the answers have an action without a score in their last place, to learn of it."""

_encode = msgspec.json.encode


def check(request: GetActionRecommendationsRequest) -> None:
    """Refuse what needs no look at anything to be refused; an empty map counts as absent."""
    check_filter_values(request)
    if request.campaign_arn is None:
        raise InvalidInputException("campaignArn is required: give the campaign that recommends actions.")
    if request.num_results is not None and request.num_results > MOST_ACTION_RESULTS:
        raise InvalidInputException(
            f"numResults is {request.num_results}: at most {MOST_ACTION_RESULTS} actions can be recommended "
            "at once."
        )


def check_question(request: GetActionRecommendationsRequest, deployment: Deployment) -> None:
    """Raise if the campaign does not recommend actions."""
    if deployment.question is not Question.ACTIONS_FOR_USER:
        raise InvalidInputException(
            f"{deployment.arn} does not recommend actions: ask it with another operation, or deploy a "
            "solution version of the recipe aws-next-best-action."
        )
    if not request.user_id:
        raise InvalidInputException("userId is required: this campaign recommends actions for a user.")


def recommend(
    request: GetActionRecommendationsRequest,
    deployment: Deployment,
    lookups: Lookups,
    chance: random.Random,
) -> bytes:
    """The body of the answer; `chance` says where actions without a score are tried out."""
    check_question(request, deployment)
    user_id, group = request.user_id or "", lookups.group(deployment.dataset_group_id)
    asker = Asker(deployment, group, user_id)
    model: ActionModel = deployment.model
    doings = model.doings(user_id, _recent(deployment, user_id, lookups))
    pool = choices.catalogue(deployment, group)
    rules = _rules(deployment, asker, pool)
    allowed = rules.open(lookups.now, doings.taken_at(len(model.items)))
    kept = _kept(request, asker, pool, lookups)
    if kept is not None:
        allowed &= kept
    n_results = request.num_results or DEFAULT_RESULTS
    order = np.random.default_rng(chance.getrandbits(32)).permutation(len(model.items))
    ranked = model.ranked(model.scores(doings), rules.values, allowed, n_results, order)
    return answer("actionList", _entries(model, _explored(model, ranked, allowed, chance)), deployment.cid)


def _recent(deployment: Deployment, user_id: str, lookups: Lookups) -> Doings:
    """What the user did since the training with items and actions that the model knows, oldest first."""
    model: ActionModel = deployment.model
    items, item_times = rows_of(lookups.recent(deployment, user_id), deployment, model.store_items)
    done = lookups.done(deployment.dataset_group_id, user_id, deployment.action_watermark)[::-1]
    rows = model.items.find_many([each.action_id for each in done])
    types = np.array([type_number(each.event_type) for each in done], np.int32)
    times = np.array([each.timestamp for each in done], np.int64)
    known = (rows >= 0) & (types >= 0)
    return Doings(items, item_times, rows[known], types[known], times[known], np.empty(0))


def _rules(deployment: Deployment, asker: Asker, pool: Catalogue) -> ActionRules:
    """What the actions' records say now, where they are indexed; else what they said at the training."""
    records, model = asker.group.records.get("ACTIONS"), deployment.model
    if records is None:
        known: ActionRules = model.rules
        return known
    return deployment.remembered(
        "rules",
        records,
        lambda: ActionRules.of(
            len(model.items), [(part.table, part.rows, part.places) for part in pool.candidates.parts]
        ),
    )


def _kept(
    request: GetActionRecommendationsRequest, asker: Asker, pool: Catalogue, lookups: Lookups
) -> Mask | None:
    if request.filter_arn is None:
        return None
    chosen = lookups.filter(request.filter_arn)
    choices.check_usable(chosen, asker)
    return choices.kept(chosen, request.filter_values, pool, asker, lookups)


def _explored(model: ActionModel, ranked: Ranked, allowed: Mask, chance: random.Random) -> Ranked:
    """Some answers of two or more with an action without a score, drawn by chance, in their last place."""
    is_left = allowed & ~model.is_scored
    is_left[ranked.items] = False
    left = np.flatnonzero(is_left)
    if len(left) == 0 or len(ranked.items) < 2 or chance.random() >= EXPLORED_SHARE:
        return ranked
    items = ranked.items.copy()
    items[-1] = left[chance.randrange(len(left))]
    scores = np.zeros(len(items), np.float32) if ranked.scores is None else ranked.scores.copy()
    scores[-1] = 0.0
    return Ranked(items, scores)


def _entries(model: ActionModel, ranked: Ranked) -> list[str]:
    """The encoded entries; scores with seven decimals."""
    scores = [] if ranked.scores is None else ranked.scores.tolist()
    texts = model.items.texts(ranked.items)
    return [
        f'{{"actionId":{_encode(text).decode()},"score":{score:.7f}}}'
        for text, score in zip(texts, scores, strict=True)
    ]
