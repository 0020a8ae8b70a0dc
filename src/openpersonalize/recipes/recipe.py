"""A recipe: what the API says of it, who trains it, and which model that makes."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import TYPE_CHECKING

from openpersonalize.models.ranker import Question, Ranker

if TYPE_CHECKING:
    from openpersonalize.recipes.training import Task, Trained

USER_PERSONALIZATION = "USER_PERSONALIZATION"
PERSONALIZED_RANKING = "PERSONALIZED_RANKING"
RELATED_ITEMS = "RELATED_ITEMS"
POPULAR_ITEMS = "POPULAR_ITEMS"
USER_SEGMENTATION = "USER_SEGMENTATION"
PERSONALIZED_ACTIONS = "PERSONALIZED_ACTIONS"

VIDEO, SHOP = "VIDEO_ON_DEMAND", "ECOMMERCE"
"""The domains."""

Value = int | float | bool | str


class Where(Enum):
    """The map in which a hyperparameter is given."""

    ALGORITHM = "algorithmHyperParameters"
    FEATURES = "featureTransformationParameters"
    CAMPAIGN = "itemExplorationConfig"
    RANGES = "hpoConfig.algorithmHyperParameterRanges"


@dataclass(frozen=True)
class Hyperparameter:
    """One published setting.

    - `default`: its type is the parameter's type.
    - `low`, `high`: inclusive bounds of a number; None where AWS names none.
    - `values`: the allowed texts, for a text.
    - `is_tunable`: whether HPO may search it.
    """

    name: str
    default: Value
    low: float | None = None
    high: float | None = None
    values: tuple[str, ...] = ()
    is_tunable: bool = False
    where: Where = Where.ALGORITHM

    @property
    def allowed(self) -> str:
        """What the parameter takes, in words."""
        if isinstance(self.default, bool):
            return "true or false"
        if self.values:
            return "one of " + ", ".join(self.values)
        if isinstance(self.default, str):
            return "a text"
        kind = "an integer" if isinstance(self.default, int) else "a number"
        if self.low is not None and self.high is not None:
            return f"{kind} from {self.low:g} to {self.high:g}"
        return kind if self.low is None else f"{kind} of at least {self.low:g}"

    def read(self, text: str) -> Value | None:
        """Return a text as a value of the parameter's type; None where it is not one, or not allowed."""
        text = text.strip()
        if isinstance(self.default, bool):
            return {"true": True, "false": False}.get(text.lower())
        if isinstance(self.default, str):
            return text if not self.values or text in self.values else None
        try:
            number = int(text) if isinstance(self.default, int) else float(text)
            is_finite = math.isfinite(number)
        except (ValueError, OverflowError):
            return None
        is_low = self.low is not None and number < self.low
        is_high = self.high is not None and number > self.high
        return number if is_finite and not is_low and not is_high else None


@dataclass(frozen=True)
class Counts:
    """How much there is to train on, known before anything is read; at least what it turns out to be."""

    n_users: int
    n_items: int
    n_events: int
    has_item_records: bool = False
    """Whether there is an Items dataset, whose columns may be features."""


@dataclass(frozen=True)
class Recipe:
    """One recipe of the catalogue; `created` is UTC.

    - `question`: what a campaign, a recommender or a batch job asks its model.
    - `train`: fits a model and measures it; None where that is not built yet.
    - `model`: the class of the model that `train` makes, as which its artifact is loaded.
    - `update`: makes `task.previous` know what came since, without a full training; None where AWS has no
      such updates. Its metrics are not used.
    - `update_every_s`: by the hyperparameters, how often what is deployed is updated by itself.
    - `tables`: the types of datasets, of ITEMS, USERS and ACTIONS, whose records `train` is given.
    - `memory`: by counts and hyperparameters, the bytes that the training child holds at most, its start
      left out.
    """

    name: str
    recipe_type: str
    description: str
    algorithm: str = ""
    feature_transformation: str = ""
    domain: str | None = None
    created: datetime = datetime(2019, 6, 10, tzinfo=UTC)
    hyperparameters: tuple[Hyperparameter, ...] = ()
    is_legacy: bool = False
    """Described, but not listed, and no solution can be made of it."""
    event_type: str | None = None
    """The type of the interactions that a domain recipe is trained on; None takes all."""
    needs_user: bool = False
    """Whether a domain recipe is asked with a userId, though the answer may be the same for everybody."""
    leaves_out: str | None = None
    """A domain recipe never recommends what the user had an event of this type with."""
    question: Question = Question.ITEMS_FOR_USER
    train: "Callable[[Task], Trained] | None" = None
    model: type[Ranker] | None = None
    update: "Callable[[Task], Trained] | None" = None
    update_every_s: Callable[[Mapping[str, Value]], float] | None = None
    is_updated_if_asked: bool = False
    """Whether what is deployed is updated only where the solution has performIncrementalUpdate."""
    tables: tuple[str, ...] = ()
    needs_datasets: tuple[str, ...] = ()
    """The types of datasets, as `ITEMS`, that a group must have for a recommender of this domain recipe."""
    needs_interactions: bool = True
    """Whether there is nothing to train on without interactions, and AWS's minimums of them hold."""
    is_contextual: bool = False
    """Whether its model uses the contextual columns of interactions, and requests may have a context."""
    memory: Callable[[Counts, Mapping[str, Value]], float] | None = None
    partition: str = "aws"
    """The first part of its ARNs after `arn:`; China's regions have one of their own."""

    @property
    def arn(self) -> str:
        """The recipe's ARN, the same in every account and region of a partition."""
        return self._arn("recipe", self.name)

    @property
    def algorithm_name(self) -> str:
        """The algorithm's name; the recipe's own where AWS documents no other."""
        return self.algorithm or self.name

    @property
    def algorithm_arn(self) -> str:
        """The ARN of the algorithm."""
        return self._arn("algorithm", self.algorithm_name)

    @property
    def feature_transformation_name(self) -> str:
        """The feature transformation's name; the recipe's own where AWS documents none."""
        return self.feature_transformation or self.name

    @property
    def feature_transformation_arn(self) -> str:
        """The ARN of the feature transformation."""
        return self._arn("feature-transformation", self.feature_transformation_name)

    def _arn(self, kind: str, name: str) -> str:
        return f"arn:{self.partition}:personalize:::{kind}/{name}"

    def parameters(self, where: Where) -> tuple[Hyperparameter, ...]:
        """Return the hyperparameters that are given in one map."""
        return tuple(parameter for parameter in self.hyperparameters if parameter.where is where)
