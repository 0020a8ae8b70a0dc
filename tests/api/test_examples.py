"""What the README and the examples promise, and the commands that need a server: run as a user would.

All share one server with the sample store, so they stay in one process of the test run.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from openpersonalize.cli.environment import exports
from tests.databases import new_database
from tests.unit.cli.command import run
from tests.world import REGION, Server, World, process_server, until

pytestmark = pytest.mark.xdist_group("sample store")

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENTED_URL = "http://127.0.0.1:8484"
CAMPAIGN = f"arn:aws:personalize:{REGION}:000000000000:campaign/sample-store"
# A machine may lack curl; then this stands in for the few of its options that are used.
CURL = """#!{python}
import sys, urllib.error, urllib.request
url, headers, body, words = "", {{}}, b"", sys.argv[1:]
while words:
    word = words.pop(0)
    if word == "-H":
        name, _, value = words.pop(0).partition(":")
        headers[name] = value.strip()
    elif word == "-d":
        body = words.pop(0).encode()
    elif word != "-s":
        url = word
try:
    answer = urllib.request.urlopen(urllib.request.Request(url, body, headers))
except urllib.error.HTTPError as error:
    answer = error
sys.stdout.buffer.write(answer.read())
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with the sample store, loaded by the command that `make run` uses."""
    folder = tmp_path_factory.mktemp("shop") / "data"
    with new_database() as url, process_server(folder, database_url=url, workers=2) as server:
        loaded = load(server)
        assert loaded.returncode == 0, loaded.stderr
        yield server


@pytest.fixture
def owner(shop: Server) -> World:
    """The account that unsigned requests and keys of other lengths than 12 digits have."""
    return World(shop, account="000000000000")


def load(server: Server) -> "subprocess.CompletedProcess[str]":
    return run(
        *("sample", "--load", "--endpoint-url", server.url),
        *("--data-dir", str(server.settings.data_dir)),
        **settings(server),
    )


def settings(server: Server) -> dict[str, str]:
    return {
        "OPENPERSONALIZE_DATA_DIR": str(server.settings.data_dir),
        "OPENPERSONALIZE_DATABASE_URL": server.settings.database_url,
    }


def campaigns(world: World) -> set[str]:
    return {campaign["campaignArn"] for campaign in world.personalize.list_campaigns()["campaigns"]}


def block(name: str) -> str:
    """A marked code block of the README."""
    found = re.search(rf"<!-- test: {name} -->\n```\w+\n(.*?)```", README, re.DOTALL)
    assert found is not None
    return found[1]


def sh(script: str, folder: Path) -> str:
    """Run a shell script as the README's reader would; gives its output."""
    path = os.environ["PATH"]
    if shutil.which("curl") is None:
        (folder / "curl").write_text(CURL.format(python=sys.executable))
        (folder / "curl").chmod(0o755)
        path = f"{folder}:{path}"
    ended = subprocess.run(
        ["/bin/sh", "-c", script], env={"PATH": path}, capture_output=True, text=True, timeout=120, check=True
    )
    return ended.stdout


def python(*arguments: str, **environment: str) -> str:
    """Run Python, and give its output."""
    ended = subprocess.run(
        [sys.executable, *arguments],
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_the_readmes_curl_gets_recommendations(shop: Server, tmp_path: Path) -> None:
    answer = sh(block("curl").replace(DOCUMENTED_URL, shop.url), tmp_path)

    assert answer.count('"itemId"') == 5
    assert '"recommendationId":"RID-' in answer


def test_the_readmes_python_sees_its_events_change_the_list(shop: Server) -> None:
    before, after = python("-c", block("python").replace(DOCUMENTED_URL, shop.url)).splitlines()

    assert before.startswith("before: ['")
    assert after.count("jazz") > before.count("jazz")


def test_the_question_that_the_loader_prints_is_answered(shop: Server, tmp_path: Path) -> None:
    printed = load(shop).stdout
    line = next(line for line in printed.splitlines() if line.startswith("curl"))

    assert '"itemId"' in sh(line, tmp_path)


def test_loading_again_makes_nothing_new(shop: Server, owner: World) -> None:
    before = owner.personalize.list_solution_versions()["solutionVersions"]
    again = load(shop)

    assert again.returncode == 0
    assert "Loading" not in again.stdout
    assert owner.personalize.list_solution_versions()["solutionVersions"] == before


def test_an_interrupted_load_goes_on_where_it_stopped(shop: Server, owner: World) -> None:
    (shop.settings.data_dir / "sample-store.loaded").unlink()
    before = owner.personalize.list_solution_versions()["solutionVersions"]
    owner.personalize.delete_campaign(campaignArn=f"{CAMPAIGN}-popular")
    until(lambda: f"{CAMPAIGN}-popular" not in campaigns(owner), "the campaign is gone")
    again = load(shop)

    assert again.returncode == 0, again.stderr
    assert owner.personalize.list_solution_versions()["solutionVersions"] == before
    assert owner.wait(f"{CAMPAIGN}-popular")["status"] == "ACTIVE"


def test_the_curl_example_runs(shop: Server, tmp_path: Path) -> None:
    answer = sh(f"set -- {shop.url}\n{(ROOT / 'examples/curl.sh').read_text()}", tmp_path)

    assert "message" not in answer
    assert answer.count('"recommendationId"') == 4
    assert '"personalizedRanking":[' in answer


def test_the_quick_start_runs(shop: Server) -> None:
    output = python(
        str(ROOT / "examples/quickstart.py"),
        str(shop.settings.data_dir),
        **exports(shop.url, REGION),
    )

    user, newcomer, after = output.splitlines()[-3:]
    assert user.count("poetry") == 5
    assert newcomer.startswith("newcomer: ['")
    assert after.count("bicycle") == 5


def test_jobs_list_and_show_tell_what_an_import_counted(shop: Server) -> None:
    listed = run("jobs", "list", "--kind", "import-dataset", **settings(shop)).stdout
    number = next(line.split()[0] for line in listed.splitlines() if "sample-store-items" in line)
    shown = run("jobs", "show", number, **settings(shop)).stdout

    assert re.search(r"counts / rows +1,152", shown)
    assert "sample-store-items" in shown


def test_jobs_show_tells_the_rejected_lines(shop: Server, owner: World) -> None:
    bucket = shop.settings.data_dir / "buckets" / "bad"
    bucket.mkdir(parents=True, exist_ok=True)
    (bucket / "users.csv").write_text("USER_ID,AGE_GROUP,MEMBERSHIP\nu1,18-24,gold\nu2,,[none]\n")
    arn = owner.personalize.create_dataset_import_job(
        jobName="bad-users",
        datasetArn=f"arn:aws:personalize:{REGION}:000000000000:dataset/sample-store/USERS",
        dataSource={"dataLocation": "s3://bad/users.csv"},
    )["datasetImportJobArn"]
    waited = run("wait", arn, "--endpoint-url", shop.url, **settings(shop))
    listed = run("jobs", "list", "--state", "failed", **settings(shop)).stdout
    number = next(line.split()[0] for line in listed.splitlines() if "bad-users" in line)
    shown = run("jobs", "show", number, **settings(shop)).stdout

    assert waited.returncode == 1
    assert "CREATE FAILED" in waited.stderr
    assert "line 3" in waited.stderr
    assert "Rejected lines: 1" in shown
    assert "AGE_GROUP" in shown


def test_wait_ends_well_for_what_is_active(shop: Server) -> None:
    waited = run("wait", f"{CAMPAIGN}-for-you", "--endpoint-url", shop.url, **settings(shop))

    assert waited.returncode == 0
    assert waited.stdout == f"{CAMPAIGN}-for-you: ACTIVE\n"


def test_wait_says_that_an_arn_is_unknown(shop: Server) -> None:
    waited = run("wait", f"{CAMPAIGN}-nothing", "--endpoint-url", shop.url, **settings(shop))

    assert waited.returncode == 1
    assert "ResourceNotFoundException" in waited.stderr
    assert f"{CAMPAIGN}-nothing" in waited.stderr


def test_demo_walks_from_a_movielens_folder_to_titles(shop: Server, tmp_path: Path) -> None:
    rows = [
        f"{user},{(user % 2) * 30 + (user * 7 + step * 3) % 30},4.0,{1_000_000 + user * 100 + step}"
        for user in range(1, 61)
        for step in range(20)
    ]
    movies = [f"{item},[Film] no {item} ({1980 + item}),Comedy" for item in range(60)]
    (tmp_path / "ratings.csv").write_text("\n".join(["userId,movieId,rating,timestamp", *rows]) + "\n")
    (tmp_path / "movies.csv").write_text("\n".join(["movieId,title,genres", *movies]) + "\n")
    shown = run("demo", "--movielens", str(tmp_path), "--endpoint-url", shop.url, **settings(shop))

    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.count("Lately, newest first") == 3
    assert "[Film] no " in shown.stdout
    assert "before and after one event" in shown.stdout
    assert re.search(r"first recommendation +\d", shown.stdout)


def test_demo_refuses_a_data_directory_that_is_not_the_servers(shop: Server, tmp_path: Path) -> None:
    ended = run("demo", str(tmp_path), "--endpoint-url", shop.url, "--data-dir", str(tmp_path))

    assert ended.returncode == 1
    assert "--data-dir" in ended.stderr
