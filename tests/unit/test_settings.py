"""The settings of the object store: what turns S3 on, and which endpoint cannot be right."""

import socket
from collections.abc import Mapping

import pytest

from openpersonalize.settings import Settings, SettingsError, load_settings, refuse_own_endpoint

S3 = "http://127.0.0.1:9000"


@pytest.mark.parametrize(
    ("environment", "store", "endpoint"),
    [
        ({}, "local", ""),
        ({"AWS_ENDPOINT_URL": S3}, "local", ""),
        ({"AWS_ENDPOINT_URL_S3": S3}, "s3", S3),
        ({"OPENPERSONALIZE_S3_ENDPOINT_URL": S3}, "s3", S3),
        ({"OPENPERSONALIZE_S3_ENDPOINT_URL": S3, "AWS_ENDPOINT_URL_S3": "http://other:1"}, "s3", S3),
        ({"OPENPERSONALIZE_OBJECT_STORE": "s3"}, "s3", ""),
        ({"OPENPERSONALIZE_OBJECT_STORE": "s3", "AWS_ENDPOINT_URL": S3}, "s3", S3),
        ({"OPENPERSONALIZE_OBJECT_STORE": "local", "AWS_ENDPOINT_URL_S3": S3}, "local", ""),
    ],
)
def test_an_endpoint_makes_the_object_store_s3(
    environment: Mapping[str, str], store: str, endpoint: str
) -> None:
    settings = load_settings(environment=environment)

    assert (settings.object_store, settings.s3_endpoint_url) == (store, endpoint)


def test_a_flag_that_names_an_endpoint_is_where_the_store_comes_from() -> None:
    settings = load_settings({"s3_endpoint_url": S3}, {})

    assert (settings.object_store, settings.sources["object_store"]) == ("s3", "flag")


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"OPENPERSONALIZE_OBJECT_STORE": "disk"}, "'disk': choose one of local, s3"),
        ({"OPENPERSONALIZE_S3_ENDPOINT_URL": "127.0.0.1:9000"}, "give an address such as http://"),
        ({"OPENPERSONALIZE_S3_ENDPOINT_URL": "ftp://s3"}, "give an address such as http://"),
        ({"OPENPERSONALIZE_S3_ENDPOINT_URL": "http://s3:99999"}, "give an address such as http://"),
        (
            {"OPENPERSONALIZE_OBJECT_STORE": "local", "OPENPERSONALIZE_S3_ENDPOINT_URL": S3},
            "leave out one of OPENPERSONALIZE_OBJECT_STORE",
        ),
    ],
)
def test_an_object_store_that_cannot_work_is_refused(environment: Mapping[str, str], expected: str) -> None:
    with pytest.raises(SettingsError, match=expected):
        load_settings(environment=environment)


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1", "127.0.0.2", "[::1]", socket.gethostname(), "0.0.0.0"]
)
def test_an_endpoint_that_is_this_server_is_refused(host: str) -> None:
    for name in ("OPENPERSONALIZE_S3_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
        with pytest.raises(SettingsError, match=r"is this server itself.*OPENPERSONALIZE_OBJECT_STORE=local"):
            load_settings(environment={name: f"http://{host}:8484/"})


def test_the_usual_port_of_a_scheme_counts() -> None:
    with pytest.raises(SettingsError, match="is this server itself"):
        refuse_own_endpoint(Settings(port=443), "https://localhost")


@pytest.mark.parametrize(
    "endpoint", ["http://localhost:8485", "http://192.0.2.77:8484", "http://s3.invalid:8484"]
)
def test_an_endpoint_of_another_port_or_machine_is_taken(endpoint: str) -> None:
    assert load_settings(environment={"AWS_ENDPOINT_URL_S3": endpoint}).s3_endpoint_url == endpoint


def test_allowed_buckets_are_listed_with_commas() -> None:
    settings = load_settings(environment={"OPENPERSONALIZE_S3_BUCKETS": "shop, films,,books"})

    assert settings.allowed_buckets == {"shop", "films", "books"}
    assert Settings().allowed_buckets == frozenset()
