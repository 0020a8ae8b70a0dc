"""The hook that holds every answer of the suite against the models sees what is wrong, and allows what is."""

import json
from typing import Any

import pytest

from tests.answer_rules import ALSO_ALLOWED, QUIRKS, check_model
from tests.conformance.generated import operations
from tests.world import World

ARN = "arn:aws:personalize:us-east-1:000000000000:campaign/a"


def answered(operation: str, body: dict[str, Any], status: int = 200) -> None:
    check_model(operations()[operation], {"status_code": status, "body": json.dumps(body).encode()})


@pytest.mark.parametrize(
    ("campaign", "fault"),
    [
        ({"campaignArn": "arn:aws:iam::000000000000:role/a"}, "regular expression"),
        ({"name": "a" * 64}, "less than or equal to 63"),
        ({"name": 1}, "is no string"),
        ({"minProvisionedTPS": 0}, "is not within 1"),
        ({"minProvisionedTPS": True}, "is no integer"),
        ({"creationDateTime": "2026-01-01"}, "is no timestamp"),
        ({"color": "red"}, "is not in the model"),
        ({"campaignConfig": []}, "is no structure"),
    ],
)
def test_an_answer_that_is_not_as_the_model_says_is_seen(campaign: dict[str, Any], fault: str) -> None:
    with pytest.raises(AssertionError, match=fault):
        answered("DescribeCampaign", {"campaign": campaign})


def test_an_answer_as_the_model_says_passes() -> None:
    answered("DescribeCampaign", {"campaign": {"campaignArn": ARN, "name": "a", "creationDateTime": 1.5}})


def test_an_answer_where_the_model_has_none_is_seen() -> None:
    answered("DeleteCampaign", {})
    with pytest.raises(AssertionError, match="campaignArn"):
        answered("DeleteCampaign", {"campaignArn": ARN})


def test_a_code_that_the_operation_does_not_model_is_seen() -> None:
    answered("DescribeCampaign", {"__type": "ResourceNotFoundException"}, 400)
    answered("DescribeCampaign", {"__type": "SerializationException"}, 400)
    with pytest.raises(AssertionError, match="ResourceInUseException"):
        answered("DescribeCampaign", {"__type": "ResourceInUseException"}, 400)


def test_clients_of_the_suite_carry_the_hook(world: World) -> None:
    name = "personalize.DescribeCampaign"
    responses = world.personalize.meta.events.emit(
        f"before-parse.{name}",
        operation_model=operations()["ListCampaigns"],
        response_dict={
            "status_code": 200,
            "headers": {"x-amzn-requestid": "6f1c9f0e-3b5e-4c8d-9a43-0d7f0c2b8a11"},
            "body": b"{}",
        },
    )

    assert check_model in [handler for handler, _ in responses]


def test_every_quirk_and_allowed_code_is_of_the_models() -> None:
    shapes = {
        (shape, member)
        for operation in operations().values()
        for shape in operation.service_model.shape_names
        for member in getattr(operation.service_model.shape_for(shape), "members", {})
    }

    assert QUIRKS.keys() <= shapes
    for name, codes in ALSO_ALLOWED.items():
        assert not codes & {shape.name for shape in operations()[name].error_shapes}
