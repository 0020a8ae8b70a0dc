"""Batch segment jobs through boto3: users for items and for attributes, from files in buckets."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

import pytest

from openpersonalize.storage.objects import ObjectStore
from openpersonalize.storage.s3 import S3Objects
from tests.api.refusals import refused
from tests.s3_servers import S3Server, client_of
from tests.world import Server, World, running_server, text_field

# They share a store, whose making takes longer than they do; one of them reads from an S3 server.
pytestmark = pytest.mark.xdist_group("s3")

ROLE = "arn:aws:iam::123456789012:role/batch"
N_QUIET, N_BUSY = 20, 60
QUIET = {f"quiet{user:02}" for user in range(N_QUIET)}
FIELDS = [text_field("USER_ID"), text_field("ITEM_ID"), text_field("EVENT_TYPE")]
TIME = {"name": "TIMESTAMP", "type": "long"}
YEAR = {"name": "YEAR", "type": ["null", "int"]}

_numbers = count()


def interactions() -> str:
    """Twenty quiet users have ten of the items q0 to q14 each, sixty busy ones twenty of b0 to b39."""
    rows = []
    for user in range(N_QUIET):
        rows += [(f"quiet{user:02}", f"q{(user + 4 * place) % 15}", place) for place in range(10)]
    for user in range(N_BUSY):
        rows += [(f"busy{user:02}", f"b{(3 * user + 7 * place) % 40}", place) for place in range(20)]
    lines = [
        f"{user},{item},{'Buy' if place == 3 else 'View'},{1_600_000_000 + place}"
        for user, item, place in rows
    ]
    return "\n".join(["USER_ID,ITEM_ID,EVENT_TYPE,TIMESTAMP", *lines]) + "\n"


def items() -> str:
    lines = [f'q{item},Drama|Quiet,"A, B & C",{1990 + item % 2}' for item in range(15)]
    lines += [f"b{item},Action|Drama,Loud,{1990 + item % 2}" for item in range(40)]
    return "\n".join(["ITEM_ID,GENRE,KIND,YEAR", *lines, "new,Quiet,Loud,"]) + "\n"


def users() -> str:
    lines = [
        f"{name},{'Japan' if int(name[-2:]) % 2 else 'Chile'},{20 + int(name[-2:])}" for name in all_users()
    ]
    return "\n".join(["USER_ID,COUNTRY,AGE", *lines]) + "\n"


def all_users() -> list[str]:
    return sorted(QUIET) + [f"busy{user:02}" for user in range(N_BUSY)]


@dataclass
class Segments:
    """A group with a version of each recipe, and a bucket."""

    world: World
    group: str
    by_item: str
    by_attributes: str
    users: str

    def create(self, version: str, source: str, destination: str, **members: Any) -> str:
        """A job that waits."""
        arn: str = self.world.personalize.create_batch_segment_job(
            jobName=f"job-{next(_numbers)}",
            solutionVersionArn=version,
            jobInput={"s3DataSource": {"path": source}},
            jobOutput={"s3DataDestination": {"path": destination}},
            roleArn=ROLE,
            **members,
        )["batchSegmentJobArn"]
        return arn

    def describe(self, arn: str) -> dict[str, Any]:
        found: dict[str, Any] = self.world.personalize.describe_batch_segment_job(batchSegmentJobArn=arn)[
            "batchSegmentJob"
        ]
        return found

    def ended(self, version: str, lines: Sequence[Any], **members: Any) -> dict[str, Any]:
        """A job over the lines of one file that has ended, as described."""
        text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
        source = self.world.upload(text, f"in/file-{next(_numbers)}.json")
        arn = self.create(version, source, self.out, **members)
        self.world.settle()
        return self.describe(arn)

    def answers(self, version: str, lines: Sequence[Any], **members: Any) -> list[dict[str, Any]]:
        """The lines of the output of a job that became ACTIVE."""
        job = self.ended(version, lines, **members)
        assert job["status"] == "ACTIVE", job
        name = job["jobInput"]["s3DataSource"]["path"].rpartition("/")[2]
        return self.read(f"{self.out}{name}.out")

    def segments(self, version: str, lines: Sequence[Any], **members: Any) -> list[list[str]]:
        """The users of each line, none of which failed."""
        return [line["output"]["usersList"] for line in self.answers(version, lines, **members)]

    @property
    def out(self) -> str:
        return f"s3://bucket-{self.world.account}/out/"

    def read(self, uri: str) -> list[dict[str, Any]]:
        with self.world.server.stores.objects.open(uri) as file:
            return [json.loads(line) for line in file]

    def filter(self, expression: str) -> str:
        """An ACTIVE filter."""
        arn: str = self.world.personalize.create_filter(
            name=f"filter-{next(_numbers)}", datasetGroupArn=self.group, filterExpression=expression
        )["filterArn"]
        self.world.settle()
        return arn


@pytest.fixture(scope="module")
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running_server(tmp_path_factory.mktemp("segments") / "data", limits="relaxed") as server:
        yield server


@pytest.fixture(scope="module")
def store(own_server: Server) -> Segments:
    world = World(own_server)
    group = world.dataset_group()
    world.imported(world.dataset(group, "Interactions", *FIELDS, TIME), interactions())
    world.imported(
        world.dataset(
            group,
            "Items",
            *(text_field("ITEM_ID"), text_field("GENRE", categorical=True)),
            *(text_field("KIND", categorical=True), YEAR),
        ),
        items(),
    )
    dataset = world.dataset(
        group, "Users", text_field("USER_ID"), text_field("COUNTRY"), {"name": "AGE", "type": "int"}
    )
    world.imported(dataset, users())
    config = {"algorithmHyperParameters": {"hidden_dimension": "32"}}
    by_item, by_attributes = (
        world.trained(world.solution(group, recipe, solutionConfig=config))
        for recipe in ("aws-item-affinity", "aws-item-attribute-affinity")
    )
    return Segments(world, group, by_item, by_attributes, dataset)


def test_the_version_has_just_the_metrics_of_segments(store: Segments) -> None:
    for version in (store.by_item, store.by_attributes):
        found = store.world.personalize.get_solution_metrics(solutionVersionArn=version)["metrics"]
        assert set(found) == {"coverage", "hits_at_1_percent", "recall_at_1_percent"}
        assert found["recall_at_1_percent"] > 0.3


def test_an_item_gets_the_users_of_its_kind_however_quiet(store: Segments) -> None:
    asked = [{"itemId": "q3"}, {"itemId": "b7"}]
    quiet, busy = store.answers(store.by_item, asked, numResults=10)
    had = {user for user, item in (row.split(",")[:2] for row in interactions().splitlines()) if item == "q3"}

    assert [quiet["input"], busy["input"]] == asked
    assert set(quiet) == {"input", "output", "error"}
    assert quiet["error"] is None
    assert set(quiet["output"]) == {"usersList"}
    assert len(quiet["output"]["usersList"]) == 10
    assert set(quiet["output"]["usersList"][: N_QUIET - len(had)]) <= QUIET - had
    assert QUIET.isdisjoint(busy["output"]["usersList"])


def test_twenty_five_users_are_the_default_and_all_may_be_asked_for(store: Segments) -> None:
    assert [len(found) for found in store.segments(store.by_item, [{"itemId": "q1"}])] == [25]
    (everybody,) = store.segments(store.by_item, [{"itemId": "q1"}], numResults=5_000_000)
    assert sorted(everybody) == sorted(all_users())


def test_attributes_get_the_users_of_the_items_that_have_all_of_them(store: Segments) -> None:
    queries = [
        'ITEMS.GENRE = "Quiet" AND ITEMS.GENRE = "Drama"',
        'ITEMS.KIND = "A, B & C" AND ITEMS.YEAR = 1991',
        'ITEMS.genre = "Action"',
    ]
    found = store.segments(
        store.by_attributes, [{"itemAttributes": query} for query in queries], numResults=N_QUIET
    )

    assert set(found[0]) == QUIET
    assert set(found[1]) == QUIET
    assert QUIET.isdisjoint(found[2])


def test_a_line_that_is_wrong_fails_alone(store: Segments) -> None:
    lines: list[Any] = [{"itemId": "nobody knows"}, "{", {"userId": "u"}, {"itemId": "q1"}, {"itemId": 7}]
    found = store.answers(store.by_item, lines)

    assert [line["input"] for line in found] == [{"itemId": "nobody knows"}, "{", *lines[2:]]
    assert ["output" in line for line in found] == [False, False, False, True, False]
    for line, words in zip(
        (*found[:3], found[4]),
        ("was not known when", "not JSON", "The line has no itemId", "not a string"),
        strict=True,
    ):
        assert words in line["error"]


def test_a_query_that_is_wrong_says_where_and_what_to_write(store: Segments) -> None:
    queries = {
        'ITEMS.GENRE = "Quiet" OR ITEMS.GENRE = "Drama"': "column 23: expected AND, or the end",
        'ITEMS.TITLE = "x"': "no column TITLE of Items: use one of GENRE, KIND, YEAR.",
        "ITEMS.GENRE = Quiet": "expected a value, found a word",
        'ITEMS.GENRE = "Opera"': "no item had all of these values",
        'ITEMS.GENRE = "Quiet" AND ITEMS.GENRE = "Action"': "no item had all of these values",
        'ITEMS.YEAR = "1990"': "write the value without quotes",
    }
    found = store.answers(store.by_attributes, [{"itemAttributes": query} for query in queries])

    for line, words in zip(found, queries.values(), strict=True):
        assert words in line["error"]
        assert "output" not in line


def test_a_filter_chooses_among_users_by_what_each_line_gives(store: Segments) -> None:
    by_country = store.filter("INCLUDE UserID WHERE Users.COUNTRY IN ($COUNTRY) AND Users.AGE < 30")
    asked = [
        {"itemId": "q1", "filterValues": {"COUNTRY": '"Japan"'}},
        {"itemId": "q1", "filterValues": {"COUNTRY": '"Chile","Peru"'}},
        {"itemId": "q1"},
        {"itemId": "q1", "filterValues": {"COUNTRY": "x,"}},
        {"itemId": "q1", "filterValues": ["Japan"]},
        {"itemId": "q1", "filterValues": {"COUNTRY": '"Atlantis"'}},
    ]
    found = store.answers(store.by_item, asked, filterArn=by_country)

    young = {name for name in all_users() if int(name[-2:]) < 10}
    odd = {name for name in all_users() if int(name[-2:]) % 2}
    assert set(found[0]["output"]["usersList"]) == young & odd
    assert set(found[1]["output"]["usersList"]) == young - odd
    assert found[0]["output"]["usersList"][0] in QUIET
    assert "filterValues lacks COUNTRY" in found[2]["error"]
    assert "empty value for COUNTRY" in found[3]["error"]
    assert "no object of strings" in found[4]["error"]
    assert found[5]["output"] == {"usersList": []}


def test_values_without_a_filter_are_an_error_of_their_line(store: Segments) -> None:
    (found,) = store.answers(store.by_item, [{"itemId": "q1", "filterValues": {"COUNTRY": '"Japan"'}}])

    assert "the job no filter" in found["error"]


def test_a_filter_knows_the_records_and_events_that_came_after_the_training(store: Segments) -> None:
    peruvian = store.filter('INCLUDE UserID WHERE Users.COUNTRY IN ("Peru")')
    sharers = store.filter('EXCLUDE UserID WHERE Interactions.EVENT_TYPE IN ("share")')
    world, asked = store.world, [{"itemId": "b1"}]
    tracker = world.personalize.create_event_tracker(name="tracker", datasetGroupArn=store.group)
    world.settle()
    assert store.segments(store.by_item, asked, filterArn=peruvian) == [[]]
    before = store.segments(store.by_item, asked, filterArn=sharers, numResults=100)[0]
    properties = json.dumps({"country": "Peru", "age": 5})
    world.events.put_users(
        datasetArn=store.users, users=[{"userId": one, "properties": properties} for one in ("busy07", "new")]
    )
    event = {"eventType": "Share", "itemId": "b1", "sentAt": 1_700_000_000}
    world.events.put_events(
        trackingId=tracker["trackingId"], userId="busy08", sessionId="s", eventList=[event]
    )

    assert store.segments(store.by_item, asked, filterArn=peruvian) == [["busy07"]]
    after = store.segments(store.by_item, asked, filterArn=sharers, numResults=100)[0]
    assert after == [user for user in before if user != "busy08"]
    assert "busy08" in before


def test_users_are_filtered_by_their_events_for_items_only(store: Segments) -> None:
    buyers = store.filter('EXCLUDE UserID WHERE Interactions.EVENT_TYPE IN ("*")')

    assert store.segments(store.by_item, [{"itemId": "q1"}], filterArn=buyers) == [[]]
    assert "looks at interactions, which aws-item-attribute-affinity cannot" in refused(
        "InvalidInputException",
        lambda: store.create(store.by_attributes, "s3://bucket/in", store.out, filterArn=buyers),
    )


def test_a_filter_on_items_is_refused(store: Segments) -> None:
    arn = store.filter('INCLUDE ItemID WHERE Items.GENRE IN ("Drama")')

    assert f"chooses by ItemID, and the job's answers are chosen by UserID: {arn}." in refused(
        "InvalidInputException",
        lambda: store.create(store.by_item, "s3://bucket/in", store.out, filterArn=arn),
    )


def test_a_filter_stays_while_a_job_that_uses_it_waits(store: Segments) -> None:
    arn = store.filter('EXCLUDE UserID WHERE Users.COUNTRY IN ("Peru")')
    client = store.world.personalize
    job = store.create(
        store.by_item, store.world.upload('{"itemId": "q1"}', "in/w.json"), store.out, filterArn=arn
    )
    refused("ResourceInUseException", client.delete_filter, filterArn=arn)
    store.world.settle()
    assert store.describe(job)["status"] == "ACTIVE"
    client.delete_filter(filterArn=arn)
    store.world.settle()

    refused("ResourceNotFoundException", client.describe_filter, filterArn=arn)


def test_all_files_of_a_folder_are_answered(store: Segments) -> None:
    folder = f"many-{next(_numbers)}"
    for name, item in (("a.json", "q1"), ("b.jsonl", "q2"), ("_SUCCESS", "q3")):
        source = store.world.upload(json.dumps({"itemId": item}), f"{folder}/{name}").rpartition("/")[0]
    arn = store.create(store.by_item, f"{source}/", f"{source}/out")
    store.world.settle()

    assert store.describe(arn)["status"] == "ACTIVE"
    written = store.world.server.stores.objects.list_objects(f"{source}/out/")
    assert [one.uri for one in written] == [f"{source}/out/a.json.out", f"{source}/out/b.jsonl.out"]
    assert store.read(written[1].uri)[0]["input"] == {"itemId": "q2"}


def test_more_lines_than_a_recipe_answers_fail_the_job(store: Segments) -> None:
    for version, line, most in (
        (store.by_item, {"itemId": "q1"}, 500),
        (store.by_attributes, {"itemAttributes": 'ITEMS.GENRE = "Quiet"'}, 10),
    ):
        job = store.ended(version, [line] * (most + 1))
        assert job["status"] == "CREATE FAILED"
        assert job["failureReason"].startswith(f"The files hold {most + 1} lines, a job of aws-item-")
        assert len(store.answers(version, [line] * 10)) == 10


def test_places_that_do_not_work_fail_the_job_in_awss_words(store: Segments) -> None:
    source = store.world.upload('{"itemId": "q1"}', "in/place.json")
    for place, reason in (
        ((f"{source}.none", store.out), "Invalid S3 input path. "),
        ((source, f"{source}/below"), "Invalid S3 output path. "),
    ):
        arn = store.create(store.by_item, *place)
        store.world.settle()
        job = store.describe(arn)
        assert job["status"] == "CREATE FAILED"
        assert job["failureReason"].startswith(reason)


def test_segments_are_not_deployed_nor_inferred(store: Segments) -> None:
    client = store.world.personalize

    assert "makes segments of users in batch jobs" in refused(
        "InvalidInputException", client.create_campaign, name="c", solutionVersionArn=store.by_item
    )
    assert "does not infer in batches" in refused(
        "InvalidInputException",
        client.create_batch_inference_job,
        jobName="b",
        solutionVersionArn=store.by_item,
        jobInput={"s3DataSource": {"path": "s3://bucket/in"}},
        jobOutput={"s3DataDestination": {"path": "s3://bucket/out"}},
        roleArn=ROLE,
    )


def test_attributes_need_items_that_have_some(own_server: Server) -> None:
    world = World(own_server)
    group = world.dataset_group()
    world.imported(world.dataset(group, "Interactions", *FIELDS, TIME), interactions())
    version = world.trained(world.solution(group, "aws-item-attribute-affinity"))
    described = world.personalize.describe_solution_version(solutionVersionArn=version)["solutionVersion"]

    assert described["status"] == "CREATE FAILED"
    assert described["failureReason"].startswith("Did not find any attribute to train on.")


def with_objects(world: World, objects: ObjectStore) -> World:
    """The same world with workers of another object store."""
    server = world.server
    return replace(world, server=replace(server, stores=replace(server.stores, objects=objects)))


def test_segments_from_s3_are_those_from_a_local_bucket(store: Segments, seaweed: S3Server) -> None:
    lines = [{"itemId": "q1"}, {"itemId": "none"}, {"itemId": "b2"}]
    expected = store.answers(store.by_item, lines)
    s3, bucket = seaweed.client(), f"bucket-{store.world.account}"
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="in/items.json", Body="\n".join(map(json.dumps, lines)).encode())
    arn = store.create(store.by_item, f"s3://{bucket}/in/", f"s3://{bucket}/found")
    missing = store.create(store.by_item, f"s3://{bucket}/none/", f"s3://{bucket}/found")
    with_objects(store.world, S3Objects(client_of(seaweed.url))).settle()
    body = s3.get_object(Bucket=bucket, Key="found/items.json.out")["Body"].read()

    assert store.describe(arn)["status"] == "ACTIVE"
    assert [json.loads(line) for line in body.splitlines()] == expected
    assert store.describe(missing)["failureReason"].startswith("Invalid S3 input path. ")
