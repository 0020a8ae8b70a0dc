"""The shapes of the runtime API."""

from typing import Annotated

from openpersonalize.protocol.shapes import Arn, Count, Name, Number, Shape, Text

UserID = Annotated[str, Text(max_length=256)]
ItemID = Annotated[str, Text(max_length=256)]
ActionID = Annotated[str, Text(max_length=256)]
NumResults = Annotated[int, Number(0)]
AttributeName = Annotated[str, Text(max_length=150, pattern=r"[A-Za-z\d_]+")]
AttributeValue = Annotated[str, Text(max_length=1000, sensitive=True)]
Context = Annotated[dict[AttributeName, AttributeValue], Count(None, 150)]
FilterAttributeName = Annotated[str, Text(max_length=50, pattern=r"[A-Za-z0-9_]+")]
FilterAttributeValue = Annotated[str, Text(max_length=1000, sensitive=True)]
FilterValues = Annotated[dict[FilterAttributeName, FilterAttributeValue], Count(None, 25)]
DatasetType = Annotated[str, Text(max_length=256)]
ColumnName = Annotated[str, Text(max_length=150)]
ColumnValue = Annotated[str, Text(max_length=20_000)]
MetadataColumns = Annotated[dict[DatasetType, Annotated[list[ColumnName], Count(None, 99)]], Count(None, 1)]
Reason = Annotated[str, Text(max_length=256)]


class Promotion(Shape):
    name: Name | None = None
    percent_promoted_items: Annotated[int, Number(1, 100)] | None = None
    filter_arn: Arn | None = None
    filter_values: FilterValues | None = None


class GetRecommendationsRequest(Shape):
    campaign_arn: Arn | None = None
    item_id: ItemID | None = None
    user_id: UserID | None = None
    num_results: NumResults | None = None
    context: Context | None = None
    filter_arn: Arn | None = None
    filter_values: FilterValues | None = None
    recommender_arn: Arn | None = None
    promotions: Annotated[list[Promotion], Count(None, 1)] | None = None
    metadata_columns: MetadataColumns | None = None


class PredictedItem(Shape):
    item_id: ItemID | None = None
    score: float | None = None
    promotion_name: Name | None = None
    metadata: dict[str, ColumnValue] | None = None
    reason: list[Reason] | None = None


class GetRecommendationsResponse(Shape):
    item_list: list[PredictedItem] | None = None
    recommendation_id: str | None = None


class GetPersonalizedRankingRequest(Shape):
    campaign_arn: Arn
    input_list: list[ItemID]
    user_id: UserID
    context: Context | None = None
    filter_arn: Arn | None = None
    filter_values: FilterValues | None = None
    metadata_columns: MetadataColumns | None = None


class GetPersonalizedRankingResponse(Shape):
    personalized_ranking: list[PredictedItem] | None = None
    recommendation_id: str | None = None


class GetActionRecommendationsRequest(Shape):
    campaign_arn: Arn | None = None
    user_id: UserID | None = None
    num_results: NumResults | None = None
    filter_arn: Arn | None = None
    filter_values: FilterValues | None = None


class PredictedAction(Shape):
    action_id: ActionID | None = None
    score: float | None = None


class GetActionRecommendationsResponse(Shape):
    action_list: list[PredictedAction] | None = None
    recommendation_id: str | None = None
