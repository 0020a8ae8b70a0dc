"""What every command promises: help, exit codes, and errors that say the remedy."""

import re
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import boto3
import pytest

from openpersonalize.cli import COMMANDS
from openpersonalize.settings import DESCRIPTIONS, PREFIX, SettingsError, load_settings, masked_url
from tests.unit.cli.command import run

NOBODY = "http://127.0.0.1:9"
README = Path(__file__).parents[3] / "README.md"


def test_help_lists_every_command() -> None:
    shown = run("-h")

    assert shown.returncode == 0
    assert all(f" {name} " in shown.stdout for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_explains_itself(name: str) -> None:
    shown = run(name, "-h")

    assert shown.returncode == 0
    assert f"Usage: openpersonalize {name}" in shown.stdout


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; from openpersonalize.cli import app; app(['-h'], standalone_mode=False); "
        "heavy = {'boto3', 'fastapi', 'numpy', 'pandas', 'sqlalchemy', 'numba'} & set(sys.modules); "
        "sys.exit(str(heavy) if heavy else 0)"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert loaded.returncode == 0, loaded.stderr


def test_serve_has_a_flag_for_every_setting() -> None:
    shown = run("serve", "-h", COLUMNS="200").stdout

    assert [name for name in DESCRIPTIONS if f"--{name.replace('_', '-')}" not in shown] == []


def test_the_readme_lists_every_setting() -> None:
    text = README.read_text(encoding="utf-8").partition("<!-- test: settings -->")[2]
    rows = dict(re.findall(r"^\| `OPENPERSONALIZE_(\w+)` \|.*\| (.*) \|$", text, re.MULTILINE))

    assert {name.lower(): meaning for name, meaning in rows.items()} == DESCRIPTIONS


def test_env_points_a_shells_sdk_at_the_server() -> None:
    script = f'eval "$({sys.executable} -m openpersonalize.cli env --port 9999)"; env'
    shown = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, check=True).stdout
    exported = dict(line.split("=", 1) for line in shown.splitlines() if line.startswith("AWS_"))

    assert exported["AWS_ENDPOINT_URL_PERSONALIZE"] == "http://127.0.0.1:9999"
    assert exported["AWS_ENDPOINT_URL_PERSONALIZE_RUNTIME"] == "http://127.0.0.1:9999"
    assert exported["AWS_ENDPOINT_URL_PERSONALIZE_EVENTS"] == "http://127.0.0.1:9999"
    assert exported["AWS_REGION"] == exported["AWS_DEFAULT_REGION"] == "us-east-1"
    assert exported["AWS_ACCESS_KEY_ID"]
    assert exported["AWS_SECRET_ACCESS_KEY"]


def test_the_exports_are_those_that_boto3_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    for line in run("env").stdout.splitlines():
        name, _, value = line.removeprefix("export ").partition("=")
        monkeypatch.setenv(name, value)
    urls = {
        boto3.Session().client(service).meta.endpoint_url
        for service in ("personalize", "personalize-runtime", "personalize-events")
    }

    assert urls == {"http://127.0.0.1:8484"}


def test_config_says_where_values_come_from_and_hides_passwords() -> None:
    shown = run(
        "config",
        OPENPERSONALIZE_DATABASE_URL="postgresql://someone:hunter2@db/name?sslpassword=hunter3",
        OPENPERSONALIZE_PORT="9000",
    ).stdout

    lines = {line.split()[0]: line.split()[1:3] for line in shown.splitlines() if PREFIX in line}
    assert lines["OPENPERSONALIZE_PORT"] == ["9000", "environment"]
    assert lines["OPENPERSONALIZE_HOST"] == ["127.0.0.1", "default"]
    assert "hunter" not in shown
    assert "someone:***@db" in shown


@pytest.mark.parametrize(
    ("arguments", "remedy"),
    [
        (
            ["wait", "arn:aws:personalize:us-east-1:000000000000:campaign/x", "--endpoint-url", NOBODY],
            "make run",
        ),
        (["wait", "campaign/x"], "it looks like"),
        (["wait", "arn:aws:personalize:::recipe/aws-sims"], "name one of"),
        (["demo"], "give either a folder"),
        (["demo", "/nowhere", "--endpoint-url", NOBODY], "openpersonalize serve"),
        (["demo", "/nowhere", "--endpoint-url", "nonsense"], "give one such as"),
        (["demo", "/nowhere", "--name", "../up"], "lower-case"),
        (["sample", "--bucket", "No Bucket"], "lower-case"),
        (["serve", "--port", "70000"], "from 0 to 65535"),
        (["serve", "--host", "0.0.0.0"], "OPENPERSONALIZE_ALLOW_REMOTE"),
    ],
)
def test_an_error_is_one_line_that_says_the_remedy(arguments: list[str], remedy: str) -> None:
    ended = run(*arguments)

    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    assert remedy in ended.stderr


@pytest.mark.parametrize(
    ("url", "remedy"),
    [
        ("mysql://user:hunter2@db/name", "begins with 'mysql://': give postgresql://"),
        ("user:hunter2@db", "has no '://': give postgresql://"),
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
        ("postgresql://user:hunter2@db:port/name", "cannot be read: give postgresql://"),
        ("postgresql://user:hunter2@127.0.0.1:9/name", "Is it running"),
        ("sqlite:////nowhere/x.sqlite3", "Is its folder there"),
    ],
)
@pytest.mark.parametrize("command", ["serve", "migrate"])
def test_a_database_that_cannot_be_used_is_told_without_its_password(
    url: str, remedy: str, command: str, tmp_path: Path
) -> None:
    ended = run(command, "--data-dir", str(tmp_path), OPENPERSONALIZE_DATABASE_URL=url)

    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    assert remedy in ended.stderr
    assert "hunter2" not in ended.stderr


def test_no_sample_is_loaded_where_the_server_cannot_start(tmp_path: Path) -> None:
    """Another server may answer at the address: its stores are not ours to fill."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = run("serve", "--sample", "--port", port, "--data-dir", str(tmp_path))

    assert ended.returncode == 1
    assert "is another server running?" in ended.stderr
    assert ended.stdout == ""


def test_a_host_that_is_none_of_this_machine_is_told(tmp_path: Path) -> None:
    ended = run("serve", "--host", "nobody.invalid", "--allow-remote", "--data-dir", str(tmp_path))

    assert ended.returncode == 1
    assert "give an address of this machine with OPENPERSONALIZE_HOST or --host" in ended.stderr


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    (tmp_path / "openpersonalize.sqlite3").write_text("not a database, but a note " * 100)

    ended = run("migrate", "--data-dir", str(tmp_path))

    assert ended.returncode == 1
    assert "cannot be used: file is not a database" in ended.stderr


def test_a_database_of_a_newer_version_is_told(tmp_path: Path) -> None:
    run("migrate", "--data-dir", str(tmp_path))
    with closing(sqlite3.connect(tmp_path / "openpersonalize.sqlite3")) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")

    ended = run("migrate", "--data-dir", str(tmp_path))

    assert ended.returncode == 1
    assert "was migrated by another version" in ended.stderr


@pytest.mark.parametrize("command", ["serve", "work", "migrate", "sample"])
def test_a_data_directory_that_cannot_be_is_told(command: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    ended = run(command, "--data-dir", str(tmp_path / "file" / "data"))

    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    assert "--data-dir" in ended.stderr


def test_an_empty_variable_counts_as_none() -> None:
    settings = load_settings(environment={"OPENPERSONALIZE_DATA_DIR": "", "OPENPERSONALIZE_PORT": ""})

    assert (settings.data_dir, settings.port, settings.sources["port"]) == (Path("data"), 8484, "default")


def test_a_switch_takes_no_other_word() -> None:
    with pytest.raises(SettingsError, match="OPENPERSONALIZE_ALLOW_REMOTE is 'maybe': give 1 or 0"):
        load_settings(environment={"OPENPERSONALIZE_ALLOW_REMOTE": "maybe"})


def test_a_password_with_any_sign_is_hidden() -> None:
    assert masked_url("postgresql://me:p@ss:w/rd@db:5432/name") == "postgresql://me:***@db:5432/name"
    assert masked_url("postgresql://:secret@db/name") == "postgresql://:***@db/name"
    assert masked_url("postgresql://me@db/name?password=secret&x=y") == (
        "postgresql://me@db/name?password=***&x=***"
    )


def test_sample_writes_a_folder_that_demo_reads(tmp_path: Path) -> None:
    written = run("sample", "--data-dir", str(tmp_path), "--bucket", "shop")

    assert written.returncode == 0
    names = {path.name for path in (tmp_path / "buckets" / "shop").iterdir()}
    assert names == {
        f"{kind}{end}" for kind in ("interactions", "items", "users") for end in (".csv", ".schema.json")
    }


def test_migrate_is_safe_to_repeat(tmp_path: Path) -> None:
    first, second = (run("migrate", "--data-dir", str(tmp_path)) for _ in range(2))

    assert first.returncode == second.returncode == 0
    assert "is up to date" in second.stdout
