"""A recipe as the API describes it; nothing here loads what trains."""

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum

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
class Recipe:
    """One recipe of the catalogue; `created` is UTC."""

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
