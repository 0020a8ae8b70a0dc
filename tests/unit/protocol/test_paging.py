"""Paging tokens: bound to what they page, and never trusted."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openpersonalize.errors import InvalidNextTokenException
from openpersonalize.protocol.arns import Scope
from openpersonalize.protocol.paging import last_key, next_token

SCOPE = Scope("123456789012", "us-east-1")


def token_of(document: str) -> str:
    return base64.urlsafe_b64encode(document.encode()).decode()


@given(st.integers(0, 2**63 - 1) | st.text(st.characters(exclude_categories=["Cs"])))
def test_a_token_gives_its_key_back(key: int | str) -> None:
    token = next_token(key, "ListCampaigns", SCOPE, {})

    assert last_key(token, "ListCampaigns", SCOPE, {}, type(key)) == key


def test_without_a_token_there_is_no_key() -> None:
    assert last_key(None, "ListCampaigns", SCOPE, {}, int) is None


@pytest.mark.parametrize(
    ("operation", "scope", "filters"),
    [
        ("ListSchemas", SCOPE, {"solutionArn": "a"}),
        ("ListCampaigns", Scope("210987654321", "us-east-1"), {"solutionArn": "a"}),
        ("ListCampaigns", Scope("123456789012", "eu-west-1"), {"solutionArn": "a"}),
        ("ListCampaigns", SCOPE, {"solutionArn": "b"}),
        ("ListCampaigns", SCOPE, {}),
    ],
)
def test_a_token_is_good_for_its_own_list_only(operation: str, scope: Scope, filters: dict[str, str]) -> None:
    token = next_token(7, "ListCampaigns", SCOPE, {"solutionArn": "a"})

    with pytest.raises(InvalidNextTokenException):
        last_key(token, operation, scope, filters, int)


@pytest.mark.parametrize(
    "token", ["", "x", "é", "====", "AAAA", token_of("[" * 1100), token_of("5"), token_of("{}")]
)
def test_a_text_that_is_no_token_is_refused(token: str) -> None:
    with pytest.raises(InvalidNextTokenException):
        last_key(token, "ListCampaigns", SCOPE, {}, int)


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        *((key, int) for key in (-1, 2**63, True, 1.5, None, [1], "1")),
        *((key, str) for key in (1, None, ["a"])),
    ],
)
def test_a_made_up_key_is_refused(key: object, kind: type[int] | type[str]) -> None:
    padded = next_token(1, "ListCampaigns", SCOPE, {})
    binding = json.loads(base64.urlsafe_b64decode(padded + "=" * (-len(padded) % 4)))[0]

    with pytest.raises(InvalidNextTokenException):
        last_key(token_of(json.dumps([binding, key])), "ListCampaigns", SCOPE, {}, kind)


@given(st.text())
def test_any_text_is_a_token_or_refused(token: str) -> None:
    with pytest.raises(InvalidNextTokenException):
        last_key(token, "ListCampaigns", SCOPE, {}, int)
