"""Exploration in answers: what a campaign or recommender tries out by its itemExplorationConfig."""

import random
from functools import partial

import numpy as np

from openpersonalize.models import Query, Question
from openpersonalize.models.newness import Exploration, Newness, Ranking
from openpersonalize.runtime.deployments import Deployment

WEIGHT, CUT_OFF = "explorationWeight", "explorationItemAgeCutOff"
DEFAULT_WEIGHT, DEFAULT_CUT_OFF_DAYS = 0.3, 30.0


def exploring(rank: Ranking, query: Query, deployment: Deployment, chance: random.Random) -> Ranking:
    """Return a ranking that tries out new items too; `rank` itself where the recipe explores nothing."""
    exploration = exploration_of(deployment)
    if exploration is None:
        return rank
    had = np.concatenate([deployment.model.histories.items_of(query.user), query.recent])
    return partial(exploration.mixed, rank, had=had, chance=chance)


def exploration_of(deployment: Deployment) -> Exploration | None:
    """What a deployment tries out; None for recipes that explore nothing."""
    newness: Newness | None = getattr(deployment.model, "newness", None)
    if deployment.question is not Question.ITEMS_FOR_USER or newness is None or not newness.is_known:
        return None
    return deployment.remembered("exploration", deployment.config, partial(_read, deployment, newness))


def _read(deployment: Deployment, newness: Newness) -> Exploration:
    given = deployment.config.get("itemExplorationConfig") or {}
    return Exploration.of(
        newness,
        float(given.get(WEIGHT, DEFAULT_WEIGHT)),
        float(given.get(CUT_OFF, DEFAULT_CUT_OFF_DAYS)),
    )
