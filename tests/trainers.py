"""Who trains which recipe."""

from openpersonalize.models.ranker import Question
from openpersonalize.recipes.catalogue import RECIPES

TRAINERS = {name: recipe.train for name, recipe in RECIPES.items() if recipe.train is not None}
CONTEXTUAL = frozenset(name for name in TRAINERS if RECIPES[name].is_contextual)
RECOMMENDING = sorted(
    name
    for name in TRAINERS
    if RECIPES[name].question not in (Question.USERS, Question.ACTIONS_FOR_USER)
    and name != "aws-semantic-similarity"
)
"""Those that need interactions only, and recommend items; tests of their own are about the others."""

DIFFERENT = sorted(
    {
        TRAINERS[name]: name for name in sorted(RECOMMENDING, key=lambda name: not RECIPES[name].domain)
    }.values()
)
"""One of each that are trained alike, of no domain if there is such a one."""
