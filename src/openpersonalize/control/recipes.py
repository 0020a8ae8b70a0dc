"""Recipes, algorithms and feature transformations: built in, the same for everybody."""

from collections.abc import Iterable
from typing import Annotated

from openpersonalize.control.context import Context
from openpersonalize.control.dataset_groups import Domain
from openpersonalize.errors import ResourceNotFoundException
from openpersonalize.protocol.arns import Scope
from openpersonalize.protocol.operation import Operations
from openpersonalize.protocol.paging import DEFAULT_PAGE, last_key, next_token
from openpersonalize.protocol.shapes import Arn, MaxResults, NextToken, Shape, Text
from openpersonalize.recipes.catalogue import recipes_in
from openpersonalize.recipes.recipe import Hyperparameter, Recipe, Value, Where

operations = Operations()


class ListRecipesRequest(Shape):
    recipe_provider: Annotated[str, Text(values=("SERVICE",))] | None = None
    next_token: NextToken | None = None
    max_results: MaxResults | None = None
    domain: Domain | None = None


class RecipeSummary(Shape):
    name: str
    recipe_arn: str
    status: str
    creation_date_time: float
    last_updated_date_time: float
    domain: str | None = None


class ListRecipesResponse(Shape):
    recipes: list[RecipeSummary]
    next_token: str | None = None


class DescribeRecipeRequest(Shape):
    recipe_arn: Arn


class RecipeDescription(Shape):
    name: str
    recipe_arn: str
    algorithm_arn: str
    feature_transformation_arn: str
    status: str
    description: str
    creation_date_time: float
    recipe_type: str
    last_updated_date_time: float


class DescribeRecipeResponse(Shape):
    recipe: RecipeDescription


class DescribeAlgorithmRequest(Shape):
    algorithm_arn: Arn


class AlgorithmImage(Shape):
    name: str | None = None
    docker_uri: str


class DefaultIntegerHyperParameterRange(Shape):
    name: str
    min_value: int | None = None
    max_value: int | None = None
    is_tunable: bool


class DefaultContinuousHyperParameterRange(Shape):
    name: str
    min_value: float | None = None
    max_value: float | None = None
    is_tunable: bool


class DefaultCategoricalHyperParameterRange(Shape):
    name: str
    values: list[str]
    is_tunable: bool


class DefaultHyperParameterRanges(Shape):
    integer_hyper_parameter_ranges: list[DefaultIntegerHyperParameterRange]
    continuous_hyper_parameter_ranges: list[DefaultContinuousHyperParameterRange]
    categorical_hyper_parameter_ranges: list[DefaultCategoricalHyperParameterRange]


class Algorithm(Shape):
    name: str
    algorithm_arn: str
    algorithm_image: AlgorithmImage | None = None
    default_hyper_parameters: dict[str, str]
    default_hyper_parameter_ranges: DefaultHyperParameterRanges
    default_resource_config: dict[str, str] | None = None
    training_input_mode: str | None = None
    role_arn: str | None = None
    creation_date_time: float
    last_updated_date_time: float


class DescribeAlgorithmResponse(Shape):
    algorithm: Algorithm


class DescribeFeatureTransformationRequest(Shape):
    feature_transformation_arn: Arn


class FeatureTransformation(Shape):
    name: str
    feature_transformation_arn: str
    default_parameters: dict[str, str]
    creation_date_time: float
    last_updated_date_time: float
    status: str


class DescribeFeatureTransformationResponse(Shape):
    feature_transformation: FeatureTransformation


def recipe_of(arn: str, scope: Scope) -> Recipe:
    """The recipe of an ARN of the caller's partition. Raises ResourceNotFoundException."""
    recipe = recipes_in(scope.partition).get(arn.rpartition("/")[2])
    if recipe is None or recipe.arn != arn:
        raise ResourceNotFoundException(f"The given recipe does not exist: {arn}")
    return recipe


@operations.handles("ListRecipes")
def list_recipes(request: ListRecipesRequest, context: Context) -> ListRecipesResponse:
    """List the recipes by name: all, or those of a domain."""
    filters = {"recipe_provider": request.recipe_provider, "domain": request.domain}
    after = last_key(request.next_token, "ListRecipes", context.scope, filters, str)
    found = [
        recipe
        for name, recipe in recipes_in(context.scope.partition).items()
        if not recipe.is_legacy
        and (request.domain is None or recipe.domain == request.domain)
        and (after is None or name > after)
    ]
    size = request.max_results or DEFAULT_PAGE
    token = None
    if len(found) > size:
        token = next_token(found[size - 1].name, "ListRecipes", context.scope, filters)
    return ListRecipesResponse(recipes=[_summary(recipe) for recipe in found[:size]], next_token=token)


def _summary(recipe: Recipe) -> RecipeSummary:
    return RecipeSummary(
        name=recipe.name,
        recipe_arn=recipe.arn,
        status="ACTIVE",
        creation_date_time=recipe.created.timestamp(),
        last_updated_date_time=recipe.created.timestamp(),
        domain=recipe.domain,
    )


@operations.handles("DescribeRecipe")
def describe_recipe(request: DescribeRecipeRequest, context: Context) -> DescribeRecipeResponse:
    """Describe a recipe."""
    recipe = recipe_of(request.recipe_arn, context.scope)
    return DescribeRecipeResponse(
        recipe=RecipeDescription(
            name=recipe.name,
            recipe_arn=recipe.arn,
            algorithm_arn=recipe.algorithm_arn,
            feature_transformation_arn=recipe.feature_transformation_arn,
            status="ACTIVE",
            description=recipe.description,
            creation_date_time=recipe.created.timestamp(),
            recipe_type=recipe.recipe_type,
            last_updated_date_time=recipe.created.timestamp(),
        )
    )


@operations.handles("DescribeAlgorithm")
def describe_algorithm(request: DescribeAlgorithmRequest, context: Context) -> DescribeAlgorithmResponse:
    """Describe an algorithm: its hyperparameters, their defaults and ranges."""
    arn = request.algorithm_arn
    recipes = recipes_in(context.scope.partition).values()
    users = [recipe for recipe in recipes if recipe.algorithm_arn == arn]
    if not users:
        raise ResourceNotFoundException(f"The given algorithm does not exist: {arn}")
    parameters = users[0].parameters(Where.ALGORITHM)
    tuned = users[0].parameters(Where.RANGES)
    return DescribeAlgorithmResponse(
        algorithm=Algorithm(
            name=users[0].algorithm_name,
            algorithm_arn=arn,
            default_hyper_parameters=_defaults(parameters),
            default_hyper_parameter_ranges=_ranges((*parameters, *tuned)),
            creation_date_time=users[0].created.timestamp(),
            last_updated_date_time=users[0].created.timestamp(),
        )
    )


@operations.handles("DescribeFeatureTransformation")
def describe_feature_transformation(
    request: DescribeFeatureTransformationRequest, context: Context
) -> DescribeFeatureTransformationResponse:
    """Describe a feature transformation and its default parameters."""
    arn = request.feature_transformation_arn
    recipes = recipes_in(context.scope.partition).values()
    users = [recipe for recipe in recipes if recipe.feature_transformation_arn == arn]
    if not users:
        raise ResourceNotFoundException(f"The given feature transformation does not exist: {arn}")
    # Recipes may share one; the one with most parameters shows them all.
    widest = max(users, key=lambda recipe: len(recipe.parameters(Where.FEATURES)))
    return DescribeFeatureTransformationResponse(
        feature_transformation=FeatureTransformation(
            name=widest.feature_transformation_name,
            feature_transformation_arn=arn,
            default_parameters=_defaults(widest.parameters(Where.FEATURES)),
            creation_date_time=widest.created.timestamp(),
            last_updated_date_time=widest.created.timestamp(),
            status="ACTIVE",
        )
    )


def _text(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _defaults(parameters: Iterable[Hyperparameter]) -> dict[str, str]:
    return {parameter.name: _text(parameter.default) for parameter in parameters}


def _ranges(parameters: Iterable[Hyperparameter]) -> DefaultHyperParameterRanges:
    integers: list[DefaultIntegerHyperParameterRange] = []
    numbers: list[DefaultContinuousHyperParameterRange] = []
    choices: list[DefaultCategoricalHyperParameterRange] = []
    for parameter in parameters:
        name, tunable = parameter.name, parameter.is_tunable
        low, high = parameter.low, parameter.high
        if isinstance(parameter.default, bool | str):
            values = list(parameter.values) or ["true", "false"]
            choices.append(
                DefaultCategoricalHyperParameterRange(name=name, values=values, is_tunable=tunable)
            )
        elif isinstance(parameter.default, int):
            integers.append(
                DefaultIntegerHyperParameterRange(
                    name=name,
                    min_value=None if low is None else int(low),
                    max_value=None if high is None else int(high),
                    is_tunable=tunable,
                )
            )
        else:
            numbers.append(
                DefaultContinuousHyperParameterRange(
                    name=name, min_value=low, max_value=high, is_tunable=tunable
                )
            )
    return DefaultHyperParameterRanges(
        integer_hyper_parameter_ranges=integers,
        continuous_hyper_parameter_ranges=numbers,
        categorical_hyper_parameter_ranges=choices,
    )
