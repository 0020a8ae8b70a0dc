"""Metric attributions through boto3; their reports are a later step."""

from collections.abc import Sequence
from typing import Any

import pytest

from openpersonalize.storage.tables import MetricAttributionRow
from tests.api.refusals import refused
from tests.world import FIELDS, World, text_field

ROLE = "arn:aws:iam::123456789012:role/reporter"
OUTPUT = {"roleArn": ROLE, "s3DataDestination": {"path": "s3://reports/attribution/"}}
VIEWS = {"eventType": "view", "metricName": "views", "expression": "SAMPLECOUNT()"}


def metric(name: str, expression: str = "SAMPLECOUNT()", event_type: str = "view") -> dict[str, str]:
    return {"eventType": event_type, "metricName": name, "expression": expression}


def group_with_events(world: World, name: str = "store") -> str:
    """A group whose interactions have event types and values."""
    group = world.dataset_group(name)
    fields = (text_field("EVENT_TYPE"), {"name": "EVENT_VALUE", "type": ["float", "null"]})
    world.dataset(group, "Interactions", *FIELDS["Interactions"], *fields)
    return group


def create(
    world: World, group: str, metrics: Sequence[Any] = (VIEWS,), name: str = "worth", **members: Any
) -> str:
    asked = {"metricsOutputConfig": OUTPUT} | members
    answer = world.personalize.create_metric_attribution(
        name=name, datasetGroupArn=group, metrics=list(metrics), **asked
    )
    arn: str = answer["metricAttributionArn"]
    return arn


def active(world: World, *metrics: dict[str, str]) -> str:
    """An ACTIVE attribution of a new group."""
    arn = create(world, group_with_events(world), metrics or (VIEWS,))
    world.settle()
    return arn


def describe(world: World, arn: str) -> dict[str, Any]:
    answer = world.personalize.describe_metric_attribution(metricAttributionArn=arn)
    found: dict[str, Any] = answer["metricAttribution"]
    return found


def metrics_of(world: World, arn: str) -> list[dict[str, str]]:
    answer = world.personalize.list_metric_attribution_metrics(metricAttributionArn=arn)
    found: list[dict[str, str]] = answer["metrics"]
    return found


def update(world: World, arn: str, **members: Any) -> None:
    answer = world.personalize.update_metric_attribution(metricAttributionArn=arn, **members)
    assert answer["metricAttributionArn"] == arn


def test_an_attribution_becomes_active_and_shows_what_it_was_given(world: World) -> None:
    group = group_with_events(world)
    arn = create(world, group, [VIEWS, metric("money", "SUM(Interactions.EVENT_VALUE)", "buy")])
    pending = describe(world, arn)["status"]
    world.settle()
    found = describe(world, arn)
    (listed,) = world.personalize.list_metric_attributions()["metricAttributions"]

    assert arn == world.arn("metric-attribution", "worth")
    assert (pending, found["status"]) == ("CREATE PENDING", "ACTIVE")
    assert (found["name"], found["datasetGroupArn"]) == ("worth", group)
    assert found["metricsOutputConfig"] == OUTPUT
    assert metrics_of(world, arn) == [VIEWS, metric("money", "SUM(Interactions.EVENT_VALUE)", "buy")]
    assert listed == {
        name: value for name, value in found.items() if name not in ("datasetGroupArn", "metricsOutputConfig")
    }


def test_a_group_has_one_attribution(world: World) -> None:
    arn = active(world)
    group = world.arn("dataset-group", "store")

    # The second may have another name, and even metrics that would not do.
    message = refused(
        "ResourceAlreadyExistsException",
        lambda: create(world, group, [metric("x", "none")], name="second"),
    )
    assert message == f"Another resource with Arn {arn} already exists."


def test_a_name_is_taken_once(world: World) -> None:
    arn = active(world)
    other = group_with_events(world, "other")

    assert arn in refused("ResourceAlreadyExistsException", lambda: create(world, other))


def test_a_deletion_leaves_the_place_to_a_new_one(world: World) -> None:
    arn = active(world)
    world.personalize.delete_metric_attribution(metricAttributionArn=arn)
    status = describe(world, arn)["status"]
    world.settle()
    message = refused(
        "ResourceNotFoundException",
        world.personalize.describe_metric_attribution,
        metricAttributionArn=arn,
    )

    assert status == "DELETE PENDING"
    assert message == f"The given metric attribution does not exist: {arn}"
    assert metrics_of(world, arn) == []
    create(world, world.arn("dataset-group", "store"), name="second")


def test_the_group_must_exist_and_be_active(world: World) -> None:
    group = world.arn("dataset-group", "store")

    refused("ResourceNotFoundException", lambda: create(world, group))
    world.personalize.create_dataset_group(name="store")
    refused("ResourceInUseException", lambda: create(world, group))


def test_interactions_must_have_event_types(world: World) -> None:
    group = world.dataset_group()
    for prepare in (lambda: None, lambda: world.dataset(group)):
        prepare()
        assert "EVENT_TYPE" in refused("InvalidInputException", lambda: create(world, group))


@pytest.mark.parametrize(
    "expression",
    [
        *("SAMPLECOUNT()", "samplecount( )", "SUM(Interactions.EVENT_VALUE)", "SUM(Items.PRICE)"),
        *("sum( items.price )", "SUM(Items.STOCK)", "SUM(Interactions.TIMESTAMP)"),
    ],
)
def test_an_expression_adds_up_a_number_that_is_there(world: World, expression: str) -> None:
    group = group_with_events(world)
    numbers = ({"name": "PRICE", "type": "double"}, {"name": "STOCK", "type": ["int", "null"]})
    world.dataset(group, "Items", *FIELDS["Items"], *numbers)
    arn = create(world, group, [metric("m", expression)])

    assert metrics_of(world, arn) == [metric("m", expression)]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("", "is not one: write SUM(Interactions.COLUMN)"),
        ("COUNT()", "is not one"),
        ("SAMPLECOUNT(Items.PRICE)", "is not one"),
        ("SUM(Users.AGE)", "is not one"),
        ("SUM(EVENT_VALUE)", "is not one"),
        ("SUM(Interactions.EVENT_VALUE) + 1", "is not one"),
        ("SUM(Interactions.PRICE)", "use one of USER_ID, ITEM_ID, TIMESTAMP, EVENT_TYPE, EVENT_VALUE"),
        ("SUM(Interactions.EVENT_TYPE)", "column of type string"),
        ("SUM(Items.PRICE)", "needs an Items dataset"),
    ],
)
def test_an_expression_that_cannot_be_computed_is_refused(
    world: World, expression: str, expected: str
) -> None:
    group = group_with_events(world)

    assert expected in refused(
        "InvalidInputException", lambda: create(world, group, [metric("m", expression)])
    )


@pytest.mark.parametrize(
    ("metrics", "expected"),
    [
        ([], "at least one metric"),
        ([metric("m"), metric("n"), metric("m")], "The metrics name 'm' more than once"),
        ([metric(" ")], "The metricName of a metric is empty"),
        ([metric("m", event_type="")], "The eventType of a metric is empty"),
    ],
)
def test_metrics_that_cannot_be_told_apart_are_refused(
    world: World, metrics: list[Any], expected: str
) -> None:
    group = group_with_events(world)

    assert expected in refused("InvalidInputException", lambda: create(world, group, metrics))
    assert world.personalize.list_metric_attributions()["metricAttributions"] == []


def test_reports_go_to_a_bucket_or_nowhere(world: World) -> None:
    group = group_with_events(world)
    web = {"roleArn": ROLE, "s3DataDestination": {"path": "https://reports/attribution/"}}

    assert "metricsOutputConfig.s3DataDestination.path" in refused(
        "InvalidInputException", lambda: create(world, group, metricsOutputConfig=web)
    )
    arn = create(world, group, metricsOutputConfig={"roleArn": ROLE})
    assert describe(world, arn)["metricsOutputConfig"] == {"roleArn": ROLE}


def test_an_update_adds_removes_and_replaces_metrics(world: World) -> None:
    arn = active(world, metric("a"), metric("b"), metric("c"))
    update(
        world,
        arn,
        removeMetrics=["a", "b"],
        addMetrics=[metric("d"), metric("b", "SUM(Interactions.EVENT_VALUE)")],
        metricsOutputConfig={"roleArn": ROLE},
    )
    pending, before = describe(world, arn), metrics_of(world, arn)
    world.settle()
    found = describe(world, arn)

    assert (pending["status"], found["status"]) == ("UPDATE PENDING", "ACTIVE")
    assert (pending["metricsOutputConfig"], found["metricsOutputConfig"]) == (OUTPUT, {"roleArn": ROLE})
    assert before == [metric("a"), metric("b"), metric("c")]
    assert metrics_of(world, arn) == [
        *(metric("c"), metric("d")),
        metric("b", "SUM(Interactions.EVENT_VALUE)"),
    ]
    assert found["lastUpdatedDateTime"] > found["creationDateTime"]


def test_an_attribution_takes_one_change_at_a_time(world: World) -> None:
    arn = active(world)
    update(world, arn, addMetrics=[metric("more")])

    refused("ResourceInUseException", lambda: update(world, arn, addMetrics=[metric("again")]))
    # Though this one would change nothing: how the first one ends is not known yet.
    refused("ResourceInUseException", lambda: update(world, arn, metricsOutputConfig=OUTPUT))
    refused("ResourceInUseException", world.personalize.delete_metric_attribution, metricAttributionArn=arn)
    world.settle()
    update(world, arn, addMetrics=[metric("again")])
    world.set_columns(MetricAttributionRow, arn, status="UPDATE IN_PROGRESS")
    refused("ResourceInUseException", lambda: update(world, arn, removeMetrics=["more"]))
    world.settle()
    assert [found["metricName"] for found in metrics_of(world, arn)] == ["views", "more", "again"]


@pytest.mark.parametrize(
    ("code", "members", "expected"),
    [
        ("InvalidInputException", {}, "would not change"),
        ("InvalidInputException", {"metricsOutputConfig": OUTPUT}, "would not change"),
        ("InvalidInputException", {"removeMetrics": ["a"], "addMetrics": [metric("a")]}, "would not change"),
        ("InvalidInputException", {"removeMetrics": ["x"]}, "names 'x', which is no metric of"),
        ("InvalidInputException", {"removeMetrics": ["a", "a"]}, "'a' more than once"),
        ("InvalidInputException", {"removeMetrics": ["a", "b"]}, "at least one metric"),
        ("InvalidInputException", {"addMetrics": [metric("c"), metric("c")]}, "'c' more than once"),
        ("InvalidInputException", {"addMetrics": [metric("c", "none")]}, "is not one"),
        (
            "InvalidInputException",
            {"addMetrics": [metric(f"m{n}") for n in range(9)]},
            "11 metrics are too many",
        ),
        ("ResourceAlreadyExistsException", {"addMetrics": [metric("a")]}, "has a metric 'a' already"),
    ],
)
def test_an_update_that_does_not_work_out_is_refused(
    world: World, code: str, members: dict[str, Any], expected: str
) -> None:
    arn = active(world, metric("a"), metric("b"))

    assert expected in refused(code, lambda: update(world, arn, **members))
    assert describe(world, arn)["status"] == "ACTIVE"
    assert metrics_of(world, arn) == [metric("a"), metric("b")]


def test_an_update_must_name_an_attribution(world: World) -> None:
    call = world.personalize.update_metric_attribution

    assert "metricAttributionArn is missing" in refused("InvalidInputException", call, addMetrics=[VIEWS])
    arn = world.arn("metric-attribution", "none")
    refused("ResourceNotFoundException", call, metricAttributionArn=arn, addMetrics=[VIEWS])


def test_metrics_are_listed_in_pages_of_one_attribution_or_of_all(world: World) -> None:
    names = [["a1", "a2", "a3"], ["b1"], ["c1", "c2", "c3", "c4", "c5", "c6", "c7", "c8", "c9", "c10"]]
    arns = [
        create(world, group_with_events(world, f"g{place}"), [metric(n) for n in own], name=f"m{place}")
        for place, own in enumerate(names)
    ]

    def listed(size: int, **members: Any) -> list[str]:
        pages = world.personalize.get_paginator("list_metric_attribution_metrics").paginate(
            PaginationConfig={"PageSize": size}, **members
        )
        return [entry["metricName"] for page in pages for entry in page["metrics"]]

    for size in (1, 3, 100):
        assert listed(size) == [*names[0], *names[1], *names[2]]
        assert listed(size, metricAttributionArn=arns[2]) == names[2]
    assert listed(7, metricAttributionArn=world.arn("metric-attribution", "none")) == []


def test_a_page_goes_on_after_a_metric_that_was_removed_meanwhile(world: World) -> None:
    arn = active(world, *(metric(name) for name in "abcd"))
    call = world.personalize.list_metric_attribution_metrics
    token = call(metricAttributionArn=arn, maxResults=2)["nextToken"]
    update(world, arn, removeMetrics=["a", "b"])
    world.settle()
    rest = call(metricAttributionArn=arn, nextToken=token)

    assert [entry["metricName"] for entry in rest["metrics"]] == ["c", "d"]
    assert "nextToken" not in rest
    # A token is bound to its list.
    refused("InvalidNextTokenException", call, nextToken=token)


def test_attributions_have_no_tags(world: World) -> None:
    arn = active(world)

    refused("ResourceNotFoundException", world.personalize.list_tags_for_resource, resourceArn=arn)


def test_attributions_are_listed_by_group(world: World) -> None:
    groups = [group_with_events(world, name) for name in ("one", "other")]
    arns = [create(world, group, name=f"m{place}") for place, group in enumerate(groups)]

    def listed(**members: Any) -> list[str]:
        found = world.personalize.list_metric_attributions(**members)["metricAttributions"]
        return [entry["metricAttributionArn"] for entry in found]

    assert listed() == arns
    assert listed(datasetGroupArn=groups[1]) == arns[1:]
    assert listed(datasetGroupArn=world.arn("dataset-group", "none")) == []
