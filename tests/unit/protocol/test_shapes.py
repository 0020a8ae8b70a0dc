"""Constraints, and the words in which their violations are told."""

from typing import Annotated

import pytest

from openpersonalize.errors import InvalidInputException, SerializationException
from openpersonalize.protocol.shapes import (
    Arn,
    Count,
    MaxResults,
    Name,
    NextToken,
    Number,
    RoleArn,
    Shape,
    Text,
    member_name,
    read,
    whole,
)

TagText = Annotated[str, Text(1, 8, r"^([\p{L}\p{Z}\p{N}_.:/=+\-@]*)$", sensitive=True)]


class Tag(Shape):
    tag_key: TagText


class Event(Shape):
    sensitive = True
    event_type: Name
    sent_at: float | None = None


class Request(Shape):
    name: Name
    arn: Arn | None = None
    role_arn: RoleArn | None = None
    mode: Annotated[str, Text(values=("FULL", "INCREMENTAL"))] | None = None
    max_results: MaxResults | None = None
    next_token: NextToken | None = None
    min_provisioned_tps: Annotated[int, Number(1)] | None = None
    perform_hpo: bool = False
    weight: Annotated[float, Number(0, 1)] | None = None
    tags: Annotated[list[Tag], Count(0, 2)] | None = None
    values: dict[Name, Annotated[str, Text(max_length=3, sensitive=True)]] | None = None
    event_list: list[Event] | None = None


def violations(**members: object) -> str:
    with pytest.raises(InvalidInputException) as caught:
        read(Request, {"name": "a"} | members)
    return caught.value.message


@pytest.mark.parametrize(
    ("field", "member"),
    [
        ("campaign_arn", "campaignArn"),
        ("perform_hpo", "performHPO"),
        ("min_provisioned_tps", "minProvisionedTPS"),
    ],
)
def test_fields_become_members(field: str, member: str) -> None:
    assert member_name(field) == member


def test_one_violation_is_told_in_the_singular() -> None:
    assert violations(maxResults=101) == (
        "1 validation error detected: Value '101' at 'maxResults' failed to satisfy constraint: "
        "Member must have value less than or equal to 100"
    )


def test_each_violation_is_told_in_the_order_of_the_members() -> None:
    message = violations(name="a b", mode="HALF", maxResults=0, weight=1.5)

    assert message.startswith("4 validation errors detected: Value 'a b' at 'name'")
    assert "Member must satisfy enum value set: [FULL, INCREMENTAL]" in message
    assert (
        "Value '0' at 'maxResults' failed to satisfy constraint: Member must have value greater than"
        in message
    )
    assert "Value '1.5' at 'weight'" in message


@pytest.mark.parametrize(("bound", "shown"), [(1_000_000, "1000000"), (-1_000_000, "-1000000"), (0.5, "0.5")])
def test_a_bound_is_told_in_plain_digits(bound: float, shown: str) -> None:
    (over,) = Number(maximum=bound).violations(bound + 1)
    (under,) = Number(minimum=bound).violations(bound - 1)

    assert over == f"Member must have value less than or equal to {shown}"
    assert under == f"Member must have value greater than or equal to {shown}"


def test_an_absent_required_member_is_null() -> None:
    with pytest.raises(
        InvalidInputException, match="Value null at 'name' failed to satisfy constraint: Member must"
    ):
        read(Request, {})


def test_entries_of_lists_and_maps_are_named_by_place() -> None:
    assert "at 'tags.2.member.tagKey'" in violations(tags=[{"tagKey": "a"}, {"tagKey": "!"}])
    assert "at 'values.key.member'" in violations(values={"key": "long"})
    assert "at 'values.key' failed" in violations(values={"a b": "x"})
    assert (
        "Value at 'tags' failed to satisfy constraint: Member must have length less than or equal to 2"
        in violations(tags=[{"tagKey": "a"}] * 3)
    )


def test_sensitive_values_are_not_echoed() -> None:
    assert "secret!" not in violations(tags=[{"tagKey": "secret!"}])
    assert "secret" not in violations(values={"key": "secret"})


def test_nothing_in_a_sensitive_structure_is_echoed() -> None:
    assert "secret" not in violations(eventList=[{"eventType": "secret thing"}])


@pytest.mark.parametrize(
    "members",
    [
        {"name": 1},
        {"name": ["a"]},
        {"name": {"a": 1}},
        {"maxResults": "1"},
        {"maxResults": True},
        {"maxResults": 1.5},
        {"maxResults": 2**31},
        {"minProvisionedTPS": 2**31},
        {"performHPO": "true"},
        {"performHPO": 1},
        {"weight": "0.5"},
        {"weight": True},
        {"tags": {}},
        {"tags": "a"},
        {"tags": ["a"]},
        {"values": []},
        {"values": {"a": 1}},
        {"eventList": [{"eventType": "a", "sentAt": "2026-01-01"}]},
    ],
    ids=repr,
)
def test_a_wrong_json_type_is_a_serialization_error(members: dict[str, object]) -> None:
    with pytest.raises(SerializationException):
        read(Request, {"name": "a"} | members)


def test_null_is_as_good_as_absent() -> None:
    request = read(Request, {"name": "a", "performHPO": None, "tags": None, "values": {"a": None}})

    assert request == Request(name="a", values={})


def test_unknown_members_are_ignored() -> None:
    assert read(Request, {"name": "a", "unknown": [{}]}) == Request(name="a")


def test_field_names_are_no_members() -> None:
    assert read(Request, {"name": "a", "max_results": 5}).max_results is None


@pytest.mark.parametrize("name", ["a b", "a\n", "\na", "a\0", "ａ", "a/b"])
def test_a_pattern_without_an_end_matches_the_whole_string(name: str) -> None:
    assert "Member must satisfy regular expression pattern: ^[a-zA-Z0-9]" in violations(name=name)


def test_digits_of_patterns_are_ascii_digits() -> None:
    assert read(Request, {"name": "a", "roleArn": "arn:aws:iam::123456789012:role/x"})
    assert "roleArn" in violations(roleArn="arn:aws:iam::١٢٣٤٥٦٧٨٩٠١٢:role/x")
    assert whole(r"^a[b\d]\d\\d$") == r"\A(?:a[b0-9][0-9]\\d)\z"


def test_letters_of_any_script_fit_a_unicode_class() -> None:
    assert read(Request, {"name": "a", "tags": [{"tagKey": "größe 1"}]})


def test_an_answer_leaves_out_what_is_absent_and_keeps_what_is_empty() -> None:
    answer = Request(name="a", tags=[], weight=0.5)

    assert answer.wire() == b'{"name":"a","performHPO":false,"weight":0.5,"tags":[]}'


def test_an_error_repeats_no_more_than_the_beginning_of_what_was_sent() -> None:
    long = "x" * 50_000
    text = violations(arn=long, values={long: "abcd"})

    assert f"Value '{'x' * 1000}...' at 'arn' failed to satisfy constraint" in text
    assert f"at 'values.{'x' * 1000}....member' failed" in text
    assert len(text) < 6_000


def test_an_error_lists_a_hundred_violations_and_counts_them_all() -> None:
    text = violations(eventList=[{}] * 5_000)

    assert text.startswith("5000 validation errors detected: Value null at 'eventList.1.member.eventType'")
    assert text.endswith("; ...")
    assert text.count("Member must not be null") == 100
    assert violations(eventList=[{}] * 100).count("Member must not be null") == 100
