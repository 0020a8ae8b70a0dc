"""Health and documentation."""

import json
import shutil
from pathlib import Path

import httpx
import pytest

from openpersonalize.roles.api import build_api
from openpersonalize.roles.http_server import listen
from openpersonalize.roles.unfinished import NOT_WORKING
from openpersonalize.settings import Settings, SettingsError, load_settings
from openpersonalize.storage.migrations import upgrade
from openpersonalize.storage.stores import open_stores
from tests.conformance import generated
from tests.world import Server, World, serving, until


def test_health_says_that_the_process_lives(world: World) -> None:
    assert world.http.get("/healthz").json()["status"] == "ok"


def test_a_ready_server_says_ok_to_each_check(world: World) -> None:
    def ready() -> httpx.Response | None:
        answer = world.http.get("/readyz")
        return answer if answer.status_code == 200 else None

    answer = until(ready, "the server is ready").json()

    assert answer["ready"] is True
    assert set(answer["checks"]) == {
        *("database", "migrations", "dataDirectory", "kernels", "deployments", "records")
    }
    assert set(answer["checks"].values()) == {"ok"}


def test_a_server_without_tables_is_alive_but_not_ready(tmp_path: Path) -> None:
    answer = readiness(Settings(data_dir=tmp_path))

    assert answer["checks"]["database"] == "ok"
    assert "openpersonalize migrate" in answer["checks"]["migrations"]


def test_a_server_whose_data_directory_is_gone_is_not_ready(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    settings = Settings(data_dir=folder, database_url=f"sqlite:///{tmp_path / 'elsewhere.sqlite3'}")
    upgrade(settings.database)

    answer = readiness(settings, remove=folder)

    assert "data directory cannot be written" in answer["checks"]["dataDirectory"]
    assert answer["checks"]["migrations"] == "ok"


def test_a_server_whose_database_is_down_is_not_ready(tmp_path: Path) -> None:
    password = "canary-password"
    with listen("127.0.0.1", 0) as reserved:
        port = reserved.getsockname()[1]
    settings = Settings(data_dir=tmp_path, database_url=f"postgresql://user:{password}@127.0.0.1:{port}/none")

    answer = readiness(settings)

    assert "the database does not answer" in answer["checks"]["database"]
    assert password not in json.dumps(answer)


def readiness(settings: Settings, remove: Path | None = None) -> dict[str, dict[str, str]]:
    """What /readyz says, which must be 503, while /healthz is fine."""
    stores = open_stores(settings.data_dir, settings.database)
    if remove is not None:
        shutil.rmtree(remove)
    listener = listen("127.0.0.1", 0)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    try:
        with serving(build_api(settings, stores), listener):
            assert httpx.get(f"{url}/healthz").status_code == 200
            answer = httpx.get(f"{url}/readyz", timeout=30)
    finally:
        stores.database.dispose()
    assert answer.status_code == 503
    assert "x-amzn-requestid" in answer.headers
    body: dict[str, dict[str, str]] = answer.json()
    assert body["ready"] is False
    return body


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "::", "example.com", "127.0.0.1.example.com"])
def test_an_address_other_than_loopback_is_refused(host: str) -> None:
    with pytest.raises(SettingsError, match="OPENPERSONALIZE_ALLOW_REMOTE=1"):
        load_settings({"host": host}, {})

    assert load_settings({"host": host}, {"OPENPERSONALIZE_ALLOW_REMOTE": "1"}).host == host


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "localhost", "::1"])
def test_a_loopback_address_is_taken(host: str) -> None:
    assert load_settings({"host": host}, {}).host == host


@pytest.mark.parametrize("region", ["US East", "x" * 33])
def test_a_region_that_no_request_could_name_is_refused(region: str) -> None:
    with pytest.raises(SettingsError, match="give a region such as us-east-1"):
        load_settings({}, {"OPENPERSONALIZE_REGION": region})


def test_the_openapi_document_describes_every_operation_that_is_built(world: World) -> None:
    document = world.http.get("/openapi.json").json()

    assert document["openapi"].startswith("3.")
    for path, methods in document["paths"].items():
        entry = methods["post"]
        assert entry["operationId"] == path.removeprefix("/")
        assert entry["summary"]
        schema = entry["requestBody"]["content"]["application/json"]["schema"]
        assert schema["$ref"].removeprefix("#/components/schemas/") in document["components"]["schemas"]


def test_the_openapi_document_says_what_does_not_work_yet(world: World) -> None:
    document = world.http.get("/openapi.json").json()

    assert document["paths"].keys() == {f"/{name}" for name in generated.operations()}
    for path, methods in document["paths"].items():
        is_said = "Not working yet: " in methods["post"]["description"]
        assert is_said == (path.removeprefix("/") in NOT_WORKING), path


def test_the_openapi_document_says_where_to_send_to(world: World) -> None:
    document = world.http.get("/openapi.json").json()
    elsewhere = world.http.get("/openapi.json", headers={"host": "store.example:81"}).json()

    assert document["servers"] == [{"url": world.server.url}]
    assert elsewhere["servers"] == [{"url": "http://store.example:81"}]


def test_every_example_is_a_valid_request(world: World) -> None:
    document = world.http.get("/openapi.json").json()
    assert document["paths"]

    for path, methods in document["paths"].items():
        example = methods["post"]["requestBody"]["content"]["application/json"]["example"]
        answer = world.http.post(path, json=example)
        code = answer.headers.get("x-amzn-errortype")

        assert answer.status_code < 500, path
        assert code not in ("SerializationException", "UnknownOperationException"), (path, answer.text)
        assert "validation error" not in answer.text, (path, answer.text)


def test_examples_are_of_the_region_of_unsigned_requests(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, region="cn-north-1")
    upgrade(settings.database)
    stores = open_stores(tmp_path, settings.database)
    listener = listen("127.0.0.1", 0)
    try:
        with serving(build_api(settings, stores), listener):
            url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            paths = httpx.get(f"{url}/openapi.json").json()["paths"]
    finally:
        stores.database.dispose()
    example = paths["/CreateSolution"]["post"]["requestBody"]["content"]["application/json"]["example"]

    assert example["datasetGroupArn"] == "arn:aws-cn:personalize:cn-north-1:000000000000:dataset-group/store"
    assert example["recipeArn"] == "arn:aws-cn:personalize:::recipe/aws-user-personalization"


@pytest.mark.parametrize("page", ["/", "/healthz", "/docs", "/openapi.json"])
def test_a_page_can_be_asked_for_its_head(world: World, page: str) -> None:
    whole, head = world.http.get(page), world.http.head(page)

    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == whole.headers["content-length"]


def test_the_page_needs_nothing_from_elsewhere(server: Server, world: World) -> None:
    answer = world.http.get("/docs")

    assert answer.headers["content-type"].startswith("text/html")
    assert "http://" not in answer.text.replace(server.url, "")
    assert "https://" not in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]
