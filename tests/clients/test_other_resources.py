"""Recommenders, tags, and records that are put, with clients of other makers."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.clients.foreign import Client, wait
from tests.clients.test_main_path import make
from tests.world import FIELDS, World, plain_interactions, text_field, until

pytestmark = pytest.mark.slow

RECIPE = "arn:aws:personalize:::recipe/aws-ecomm-popular-items-by-views"
ROLE = "arn:aws:iam::000000000000:role/reader"


def schema(client: Client, record: str, *fields: dict[str, Any], **members: Any) -> str:
    """A schema with the usual fields of its kind and the given ones."""
    document = {"type": "record", "name": record, "namespace": "com.amazonaws.personalize.schema"}
    text = json.dumps(document | {"fields": [*FIELDS[record], *fields], "version": "1.0"})
    name = f"{type(client).__name__}-other-{record}".lower()
    arn: str = client.call("personalize", "CreateSchema", name=name, schema=text, **members)["schemaArn"]
    return arn


def test_a_recommender_lives_its_whole_life(client: Client, owner: World) -> None:
    name = f"{type(client).__name__}-shop".lower()
    group = make(client, "DatasetGroup", name=name, domain="ECOMMERCE")
    events = schema(client, "Interactions", text_field("EVENT_TYPE"), domain="ECOMMERCE")
    members = {"datasetType": "Interactions", "datasetGroupArn": group, "schemaArn": events}
    dataset = make(client, "Dataset", name="events", **members)
    source = {"dataLocation": owner.upload(plain_interactions(event_type="View"))}
    make(client, "DatasetImportJob", jobName=name, datasetArn=dataset, dataSource=source, roleArn=ROLE)
    recommender = make(client, "Recommender", name=name, datasetGroupArn=group, recipeArn=RECIPE)

    def status() -> str:
        described = client.call("personalize", "DescribeRecommender", recommenderArn=recommender)
        return str(described["recommender"]["status"])

    asked = {"recommenderArn": recommender, "userId": "u1", "numResults": 3}
    answer = client.call("personalize-runtime", "GetRecommendations", **asked)
    assert len(answer["itemList"]) == 3
    config = {"minRecommendationRequestsPerSecond": 3}
    client.call("personalize", "UpdateRecommender", recommenderArn=recommender, recommenderConfig=config)

    def updated() -> bool:
        described = client.call("personalize", "DescribeRecommender", recommenderArn=recommender)
        return bool(described["recommender"]["latestRecommenderUpdate"]["status"] == "ACTIVE")

    until(updated, "the update is ACTIVE")
    client.call("personalize", "StopRecommender", recommenderArn=recommender)
    until(lambda: status() == "INACTIVE", "the recommender is INACTIVE")
    client.call("personalize", "StartRecommender", recommenderArn=recommender)
    until(lambda: status() == "ACTIVE", "the recommender is ACTIVE")
    listed = client.pages("ListRecommenders", 1)["recommenders"]
    assert [entry["recommenderArn"] for entry in listed] == [recommender]


def test_tags_are_added_listed_and_taken(client: Client, owner: World) -> None:
    tags = [{"tagKey": "team", "tagValue": "films"}, {"tagKey": "stage", "tagValue": "test"}]
    name = f"{type(client).__name__}-tagged".lower()
    group = make(client, "DatasetGroup", name=name, tags=tags[:1])
    client.call("personalize", "TagResource", resourceArn=group, tags=tags[1:])
    before = client.call("personalize", "ListTagsForResource", resourceArn=group)["tags"]
    client.call("personalize", "UntagResource", resourceArn=group, tagKeys=["team"])
    after = client.call("personalize", "ListTagsForResource", resourceArn=group)["tags"]

    assert sorted(before, key=str) == sorted(tags, key=str)
    assert after == tags[1:]


def test_records_can_be_put(client: Client, owner: World) -> None:
    group = make(client, "DatasetGroup", name=f"{type(client).__name__}-records".lower())
    arns = {}
    for record in ("Items", "Users", "Actions", "ActionInteractions"):
        kind = "Action_Interactions" if record == "ActionInteractions" else record
        members = {"datasetType": kind, "datasetGroupArn": group, "schemaArn": schema(client, record)}
        arns[record] = make(client, "Dataset", name=record.lower(), **members)
    described = wait(client, "DescribeDataset", datasetArn=arns["ActionInteractions"])
    taken = {
        **{"actionId": "a1", "userId": "u1", "sessionId": "s1", "eventType": "Taken"},
        "timestamp": datetime.now(UTC).replace(microsecond=0),
    }
    calls: dict[str, dict[str, Any]] = {
        "PutItems": {
            "datasetArn": arns["Items"],
            "items": [{"itemId": "i1", "properties": '{"genre": "jazz"}'}],
        },
        "PutUsers": {
            "datasetArn": arns["Users"],
            "users": [{"userId": "u1", "properties": '{"ageGroup": "18-24"}'}],
        },
        "PutActions": {
            "datasetArn": arns["Actions"],
            "actions": [{"actionId": "a1", "properties": '{"kind": "letter"}'}],
        },
        "PutActionInteractions": {"trackingId": described["trackingId"], "actionInteractions": [taken]},
    }

    answers = {name: client.call("personalize-events", name, **members) for name, members in calls.items()}
    assert answers == {name: {} for name in calls}
