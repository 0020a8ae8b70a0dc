"""Whom a request speaks for."""

import pytest

from openpersonalize.errors import IncompleteSignatureException
from openpersonalize.protocol.arns import Scope
from openpersonalize.protocol.sigv4 import CACHED_CREDENTIALS, Credential, Credentials


def header(key: str = "AKIDEXAMPLE", region: str = "eu-west-1", service: str = "personalize") -> bytes:
    scope = f"{key}/20260101/{region}/{service}/aws4_request"
    return f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=00".encode()


@pytest.fixture
def credentials() -> Credentials:
    return Credentials("us-east-1")


def test_an_unsigned_request_is_the_default_accounts(credentials: Credentials) -> None:
    assert credentials.unsigned == Credential(Scope("000000000000", "us-east-1"), "")


@pytest.mark.parametrize(
    ("key", "account"),
    [
        ("123456789012", "123456789012"),
        ("AKIDEXAMPLE", "000000000000"),
        ("12345678901", "000000000000"),
        ("1234567890123", "000000000000"),
        ("12345678901a", "000000000000"),
    ],
)
def test_an_access_key_of_twelve_digits_is_the_account(
    credentials: Credentials, key: str, account: str
) -> None:
    for _ in range(2):
        assert credentials.of_header(header(key)) == Credential(Scope(account, "eu-west-1"), "personalize")


def test_other_digits_than_ascii_are_no_account(credentials: Credentials) -> None:
    with pytest.raises(IncompleteSignatureException):
        credentials.of_header("AWS4-HMAC-SHA256 Credential=a, SignedHeaders=h, Signature=٠".encode())

    assert credentials.of_header(header("١٢٣٤٥٦٧٨٩٠١٢")).scope.account == "000000000000"


@pytest.mark.parametrize("region", ["us-east-1", "cn-north-1", "local", "mars-7"])
def test_any_region_is_taken_from_the_scope(credentials: Credentials, region: str) -> None:
    assert credentials.of_header(header(region=region)).scope.region == region


@pytest.mark.parametrize("region", ["", "US-EAST-1", "us_east_1", "a" * 33, "us east", "us.east"])
def test_a_region_of_other_characters_or_absurd_length_is_refused(
    credentials: Credentials, region: str
) -> None:
    with pytest.raises(IncompleteSignatureException, match="of the form"):
        credentials.of_header(header(region=region))


def test_the_order_of_parameters_does_not_matter(credentials: Credentials) -> None:
    turned = header("123456789012").replace(b"Credential=", b"SignedHeaders=host,Signature=00,Credential=")
    other = turned.replace(b"123456789012", b"210987654321")

    assert credentials.of_header(turned).scope.account == "123456789012"
    assert credentials.of_header(other).scope.account == "210987654321"


@pytest.mark.parametrize("absent", ["Credential", "SignedHeaders", "Signature"])
def test_a_missing_parameter_is_named(credentials: Credentials, absent: str) -> None:
    text = header().decode().replace(f"{absent}=", f"X-{absent}:")

    with pytest.raises(IncompleteSignatureException, match=f"requires '{absent}' parameter"):
        credentials.of_header(text.encode())


def test_a_presigned_url_carries_a_credential(credentials: Credentials) -> None:
    scope = b"123456789012%2F20260101%2Feu-west-1%2Fpersonalize%2Faws4_request"
    query = b"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=" + scope

    for _ in range(2):
        assert credentials.of_query(query).scope == Scope("123456789012", "eu-west-1")


def test_a_query_without_credential_is_unsigned(credentials: Credentials) -> None:
    assert credentials.of_query(b"a=b") == credentials.unsigned


def test_what_is_remembered_is_bounded(credentials: Credentials) -> None:
    for number in range(CACHED_CREDENTIALS + 10):
        credentials.of_header(header(f"key{number}"))

    assert len(credentials.known) <= CACHED_CREDENTIALS
