"""What can be known of Dockerfile and docker-compose.yml without Docker."""

import json
import re
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from openpersonalize.settings import DESCRIPTIONS, PREFIX, Settings, load_settings
from tests.unit.cli.command import run
from tests.world import Server, until

ROOT = Path(__file__).parents[2]
INSTRUCTIONS = {
    *(
        "FROM",
        "WORKDIR",
        "RUN",
        "ENV",
        "COPY",
        "USER",
        "VOLUME",
        "EXPOSE",
        "HEALTHCHECK",
        "CMD",
        "ENTRYPOINT",
    ),
}
OURS = ("api", "worker")


def dockerfile() -> list[tuple[str, str]]:
    """Instructions with their arguments, in order."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    lines = re.sub(r"\\\n\s*", "", text).splitlines()
    return [(line.split(" ", 1)[0], line.split(" ", 1)[1]) for line in lines if line]


def arguments(instruction: str) -> list[str]:
    """The arguments of all instructions of a kind."""
    return [rest for name, rest in dockerfile() if name == instruction]


def image_environment() -> dict[str, str]:
    """What the last ENV sets."""
    return dict(pair.split("=", 1) for pair in arguments("ENV")[-1].split())


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    loaded: dict[str, Any] = yaml.safe_load(re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text))
    return loaded


def test_the_image_is_built_in_two_steps_from_pinned_pythons_that_the_program_runs_on() -> None:
    assert {name for name, _ in dockerfile()} == INSTRUCTIONS
    assert arguments("FROM") == ["python:3.11-slim-bookworm AS build", "python:3.11-slim-bookworm"]
    assert "--require-hashes -r requirements.lock" in " ".join(arguments("RUN"))
    assert "libgomp1" in arguments("RUN")[-1]


def test_what_the_image_copies_is_there_and_not_ignored() -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    kept = [line.removeprefix("!") for line in lines if line.startswith("!")]
    copied = [
        source
        for rest in arguments("COPY")
        if not rest.startswith("--from=build /opt/openpersonalize ")
        for source in rest.split()[:-1]
    ]

    assert sorted(copied) == sorted(kept)
    assert [source for source in copied if not (ROOT / source).exists()] == []
    assert not any(fnmatch("data", pattern) for pattern in kept)


def test_the_image_runs_as_a_user_of_its_own_who_owns_the_data() -> None:
    (user,) = arguments("USER")
    (volume,) = arguments("VOLUME")
    names = [name for name, _ in dockerfile()]

    assert user == "openpersonalize"
    assert f"-o {user} -g {user} {volume}" in arguments("RUN")[-1]
    assert image_environment()["OPENPERSONALIZE_DATA_DIR"] == volume
    assert names.index("USER") < names.index("ENTRYPOINT")
    assert arguments("EXPOSE") == [str(Settings().port)]


def test_an_image_that_is_run_alone_says_that_nobody_is_authenticated(tmp_path: Path) -> None:
    entrypoint, command = (json.loads(arguments(name)[-1]) for name in ("ENTRYPOINT", "CMD"))
    environment = image_environment() | {"OPENPERSONALIZE_DATA_DIR": str(tmp_path)}
    ended = run(*command, **{name: text for name, text in environment.items() if name.startswith(PREFIX)})

    assert entrypoint == ["openpersonalize"]
    assert ended.returncode != 0
    assert "OPENPERSONALIZE_ALLOW_REMOTE=1" in ended.stderr


def test_the_health_check_asks_whether_the_server_is_ready(server: Server) -> None:
    program, flag, code = json.loads(arguments("HEALTHCHECK")[-1].partition("CMD ")[2])
    here = code.replace("127.0.0.1:8484", server.url.removeprefix("http://"))
    until(lambda: httpx.get(f"{server.url}/readyz").status_code == 200, "the server is ready")
    answered = subprocess.run([sys.executable, flag, here], check=False, capture_output=True)
    nobody = subprocess.run(
        [sys.executable, flag, code.replace(":8484", ":1")], check=False, capture_output=True
    )

    assert (program, here != code) == ("python", True)
    assert (answered.returncode, nobody.returncode) == (0, 1)


def test_images_of_others_are_pinned_to_a_version(compose: dict[str, Any]) -> None:
    others = {name: each["image"] for name, each in compose["services"].items() if name not in OURS}

    assert set(others) == {"postgres", "s3"}
    assert [image for image in others.values() if not re.fullmatch(r"[\w./-]+:\d+\.\d+[\w.-]*", image)] == []
    assert compose["services"]["postgres"]["image"].startswith("postgres:17.")


def test_ports_are_published_on_this_machine_alone(compose: dict[str, Any]) -> None:
    ports = [port for each in compose["services"].values() for port in each.get("ports", [])]

    assert ports == ["127.0.0.1:8484:8484", "127.0.0.1:8333:8333"]


@pytest.mark.parametrize("name", OURS)
def test_a_service_of_ours_has_settings_that_are_known_and_work_together(
    compose: dict[str, Any], name: str
) -> None:
    given = compose["services"][name]["environment"]
    settings = load_settings(environment=image_environment() | given)

    known = {PREFIX + setting.upper() for setting in DESCRIPTIONS} | {
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
    }
    assert set(given) <= known
    assert settings.object_store == "s3"
    assert settings.allowed_buckets == {"datasets"}


@pytest.mark.parametrize("name", OURS)
def test_a_service_of_ours_runs_a_command_that_there_is(compose: dict[str, Any], name: str) -> None:
    command, *options = compose["services"][name]["command"]
    shown = run(command, "-h", COLUMNS="200")

    assert shown.returncode == 0
    assert [option for option in options if option.startswith("--") and option not in shown.stdout] == []


def test_api_and_worker_share_files_and_database_and_only_the_worker_has_keys(
    compose: dict[str, Any],
) -> None:
    api, worker = (compose["services"][name] for name in OURS)

    assert api["volumes"] == worker["volumes"] == ["data:/data"]
    assert "AWS_SECRET_ACCESS_KEY" not in api["environment"]
    assert worker["environment"] == api["environment"] | {
        "AWS_ACCESS_KEY_ID": compose["services"]["s3"]["environment"]["AWS_ACCESS_KEY_ID"],
        "AWS_SECRET_ACCESS_KEY": compose["services"]["s3"]["environment"]["AWS_SECRET_ACCESS_KEY"],
    }


def test_services_wait_for_healthy_ones_and_name_volumes_that_there_are(compose: dict[str, Any]) -> None:
    services = compose["services"]
    awaited = {name for each in services.values() for name in each.get("depends_on", {})}
    volumes = {entry.split(":")[0] for each in services.values() for entry in each["volumes"]}
    conditions = [
        rule["condition"] for each in services.values() for rule in each.get("depends_on", {}).values()
    ]

    assert volumes == set(compose["volumes"])
    assert set(conditions) == {"service_healthy"}
    assert awaited == {"postgres", "api", "s3"}
    assert [name for name in awaited - set(OURS) if "test" not in services[name]["healthcheck"]] == []


def test_the_s3_server_takes_its_flags_and_has_the_bucket_that_is_allowed(compose: dict[str, Any]) -> None:
    program, flags = compose["services"]["s3"]["entrypoint"], compose["services"]["s3"]["command"]
    weed = Path(sys.executable).with_name(program[0])
    shown = subprocess.run([weed, "help", flags[0]], check=False, capture_output=True, text=True)
    known = set(re.findall(r"^  -([\w.]+)", shown.stdout + shown.stderr, re.MULTILINE))

    assert {flag.removeprefix("-").partition("=")[0] for flag in flags[1:]} <= known
    assert "-bucket=datasets" in flags
