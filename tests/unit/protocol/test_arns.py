"""ARNs."""

import pytest

from openpersonalize.protocol.arns import Scope, built_in_arn, resource_kind

HERE = Scope("123456789012", "eu-west-1")


@pytest.mark.parametrize(
    ("region", "partition"), [("us-east-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")]
)
def test_the_partition_follows_from_the_region(region: str, partition: str) -> None:
    assert Scope("123456789012", region).arn("schema", "s") == (
        f"arn:{partition}:personalize:{region}:123456789012:schema/s"
    )


def test_an_arn_may_have_a_longer_path() -> None:
    assert HERE.arn("solution", "s", "1a2b3c4d") == (
        "arn:aws:personalize:eu-west-1:123456789012:solution/s/1a2b3c4d"
    )


def test_a_scope_owns_its_arns_and_no_others() -> None:
    assert HERE.owns(HERE.arn("schema", "s"))
    assert not HERE.owns(Scope("123456789012", "eu-west-2").arn("schema", "s"))
    assert not HERE.owns(Scope("123456789013", "eu-west-1").arn("schema", "s"))
    assert not HERE.owns(built_in_arn("recipe", "aws-sims"))


@pytest.mark.parametrize(
    ("arn", "kind"),
    [
        (HERE.arn("dataset-group", "g"), "dataset-group"),
        (built_in_arn("recipe", "aws-sims"), "recipe"),
        ("arn:aws:s3:::bucket/key", ""),
        ("dataset-group/g", ""),
        ("", ""),
    ],
)
def test_the_kind_of_a_resource_is_read_from_its_arn(arn: str, kind: str) -> None:
    assert resource_kind(arn) == kind
