"""The processes of a server may be killed or stopped at any time; nothing is lost and nobody has to help."""

import json
import os
import signal
import socket
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from sqlalchemy import select, text
from sqlalchemy.exc import OperationalError

from openpersonalize.storage.log_tables import EventRow
from openpersonalize.storage.stores import Stores
from tests.api.wire import connect, head, receive
from tests.databases import new_database
from tests.processes import (
    API,
    TRAINING,
    WORKER,
    children,
    family,
    in_the_middle,
    is_alive,
    job_of,
    kill,
    serve_in_vain,
    worker_of,
)
from tests.queue_bench import dump, listing
from tests.world import Server, World, process_server, until

LONG_LEASE_S = 600
SHORT_LEASE_S = 2
DEADLINE_S = 180
MANY, ENOUGH = 16, 1
"""Files: so many that their import has a middle, and enough for a training to have one."""

QUOTES = ('""', '\\"')
ROWS = "USER_ID,ITEM_ID,TIMESTAMP\n" + "".join(
    f'"user{QUOTES[n % 2]}{n % 20_011}",item{n * n % 1_999},{1_600_000_000 + n}\n' for n in range(200_000)
)
"""CSV text with both escape styles."""


@pytest.fixture
def url() -> Iterator[str]:
    with new_database() as made:
        yield made


def make_dataset(world: World) -> tuple[str, str]:
    """An ACTIVE dataset group and its dataset of interactions, made by the server's own worker."""
    group: str = world.personalize.create_dataset_group(name="store")["datasetGroupArn"]
    world.wait(group)
    dataset: str = world.personalize.create_dataset(
        name="interactions",
        datasetType="Interactions",
        datasetGroupArn=group,
        schemaArn=world.schema(),
    )["datasetArn"]
    world.wait(dataset)
    return group, dataset


def begin_import(world: World, dataset: str = "", n_files: int = MANY) -> str:
    """Ask for an import of so many like files that it takes a few seconds; gives the ARN of the job."""
    location = world.upload(ROWS, "big/part-0.csv").removesuffix("part-0.csv")
    folder = world.server.stores.data_dir / "buckets" / location.removeprefix("s3://")
    for number in range(1, n_files):
        (folder / f"part-{number}.csv").hardlink_to(folder / "part-0.csv")
    arn: str = world.personalize.create_dataset_import_job(
        jobName="big", datasetArn=dataset or make_dataset(world)[1], dataSource={"dataLocation": location}
    )["datasetImportJobArn"]
    return arn


def begin_training(world: World) -> str:
    """Import, and ask for a training on it; gives the ARN of the solution version."""
    group, dataset = make_dataset(world)
    world.wait(begin_import(world, dataset, ENOUGH), DEADLINE_S)
    solution = world.personalize.create_solution(
        name="als",
        datasetGroupArn=group,
        recipeArn="arn:aws:personalize:::recipe/aws-user-personalization",
    )["solutionArn"]
    world.wait(solution)
    arn: str = world.personalize.create_solution_version(solutionArn=solution)["solutionVersionArn"]
    return arn


def is_derived(path: Path) -> bool:
    """The database is compared by its rows; compiled kernels and locks are no data."""
    return ".sqlite3" in path.name or "cache" in path.parts or path.suffix == ".lock"


def stop_outside_of_transactions(stores: Stores, pid: int) -> None:
    """SIGSTOP, at a moment when the process does not hold the one write lock that SQLite has."""
    while True:
        os.kill(pid, signal.SIGSTOP)
        try:
            with stores.database.engine.connect() as connection:
                if stores.database.is_sqlite:
                    connection.exec_driver_sql("PRAGMA busy_timeout=1000")
                    connection.execute(text("BEGIN IMMEDIATE"))
                    connection.rollback()
                    connection.exec_driver_sql("PRAGMA busy_timeout=30000")
            return
        except OperationalError:
            os.kill(pid, signal.SIGCONT)


def log_of(folder: Path) -> list[dict[str, object]]:
    """The log of a server, one entry a line."""
    lines = (folder.parent / f"{folder.name}.log").read_text().splitlines()
    return [json.loads(line) for line in lines if line.startswith("{")]


def supervisor(server: Server) -> int:
    assert server.process is not None
    return server.process.pid


@pytest.mark.parametrize("work", ["import", "training"])
def test_a_worker_that_was_stopped_past_its_lease_changes_nothing_when_it_wakes(
    tmp_path: Path, url: str, work: str
) -> None:
    folder = tmp_path / "data"
    with process_server(folder, database_url=url, lease_s=SHORT_LEASE_S, workers=2) as server:
        world = World(server)
        begin = begin_import if work == "import" else begin_training
        arn = begin(world)
        held = in_the_middle(server.stores, arn)
        stopped = worker_of(held)
        stop_outside_of_transactions(server.stores, stopped)
        assert job_of(server.stores, arn).attempt == 1, "the worker was stopped too late"

        assert world.wait(arn, DEADLINE_S)["status"] == "ACTIVE"
        until(lambda: job_of(server.stores, arn).state == "done", "the job is done")
        assert job_of(server.stores, arn).lease_owner != held.lease_owner
        # The other worker tidies up after its commit.
        until(lambda: not list(server.stores.scratch.iterdir()), "no scratch folder is left", DEADLINE_S)
        rows, files = dump(server.stores), listing(folder, leave_out=is_derived)
        os.kill(stopped, signal.SIGCONT)
        until(lambda: has_noticed(folder, held.id), "the woken worker has noticed", DEADLINE_S)

        assert dump(server.stores) == rows
        assert listing(folder, leave_out=is_derived) == files
        assert is_alive(stopped)


def has_noticed(folder: Path, job_id: int) -> bool:
    """Whether the worker of the first attempt has said that it lost the job."""
    wanted = ("job lost to another worker", job_id, 1)
    return any(
        (entry["message"], entry.get("job"), entry.get("attempt")) == wanted for entry in log_of(folder)
    )


def test_a_worker_killed_in_the_middle_of_an_import_and_of_a_training_is_replaced_at_once(
    tmp_path: Path, url: str
) -> None:
    with process_server(tmp_path / "data", database_url=url, lease_s=LONG_LEASE_S) as server:
        world, other = World(server), World(server)
        importing = begin_import(world)
        kill(worker_of(in_the_middle(server.stores, importing)))
        assert world.wait(importing, DEADLINE_S)["status"] == "ACTIVE"
        first = job_of(server.stores, importing)

        training = begin_training(other)
        worker = worker_of(in_the_middle(server.stores, training))
        child = until(lambda: children(worker, TRAINING), "the training child runs")[0]
        kill(worker)
        until(lambda: not is_alive(child), "the training child has ended")
        assert other.wait(training, DEADLINE_S)["status"] == "ACTIVE"
        second = job_of(server.stores, training)

        assert [(job.state, job.attempt, job.faults) for job in (first, second)] == [("done", 2, 1)] * 2
        assert len(list(server.stores.generations.iterdir())) == 2
        assert len(list(server.stores.artifacts.iterdir())) == 1
        until(lambda: not list(server.stores.scratch.iterdir()), "nothing is left in scratch")


class Sender(threading.Thread):
    """Sends events one by one until the server is gone, and keeps the ids of those that were acknowledged."""

    def __init__(self, world: World, tracking_id: str) -> None:
        super().__init__(daemon=True)
        self.world, self.tracking_id = world, tracking_id
        self.acknowledged: list[str] = []
        self.ended_by: Exception | None = None

    def run(self) -> None:
        """Send until a request fails."""
        while True:
            event_id = uuid.uuid4().hex
            event = {"eventId": event_id, "eventType": "click", "itemId": "item1", "sentAt": 1_700_000_000}
            try:
                self.world.events.put_events(
                    trackingId=self.tracking_id, userId=event_id, sessionId=event_id, eventList=[event]
                )
            except (BotoCoreError, ClientError) as error:
                self.ended_by = error
                return
            self.acknowledged.append(event_id)


def test_a_server_killed_as_a_whole_goes_on_where_it_was_and_has_every_acknowledged_event(
    tmp_path: Path, url: str
) -> None:
    folder = tmp_path / "data"
    with process_server(folder, database_url=url, lease_s=LONG_LEASE_S) as server:
        world = World(server)
        group, dataset = make_dataset(world)
        tracker = world.personalize.create_event_tracker(name="tracker", datasetGroupArn=group)
        world.wait(tracker["eventTrackerArn"])
        sender = Sender(world, tracker["trackingId"])
        sender.start()
        until(lambda: len(sender.acknowledged) > 20 or sender.ended_by, "events are acknowledged")
        assert sender.ended_by is None
        arn = begin_import(world, dataset)
        in_the_middle(server.stores, arn)
        kill(*family(supervisor(server)))
        sender.join(60)
        assert server.process is not None
        server.process.wait(30)
        assert job_of(server.stores, arn).state == "running"

    with process_server(folder, database_url=url, lease_s=LONG_LEASE_S) as server:
        again = World(server, world.account)

        assert again.wait(arn, DEADLINE_S)["status"] == "ACTIVE"
        with server.stores.database.read() as session:
            kept = set(session.scalars(select(EventRow.event_id)))
        assert set(sender.acknowledged) <= kept
        assert len(kept) <= len(sender.acknowledged) + 1


def test_a_server_that_is_told_to_stop_hands_its_job_back_and_leaves_nobody(tmp_path: Path, url: str) -> None:
    with process_server(tmp_path / "data", database_url=url, lease_s=LONG_LEASE_S) as server:
        assert server.process is not None
        world = World(server)
        arn = begin_import(world)
        in_the_middle(server.stores, arn)
        members = family(supervisor(server))
        server.process.terminate()

        assert server.process.wait(30) == 0
        job = job_of(server.stores, arn)
        assert (job.state, job.lease_owner, job.faults) == ("queued", None, 0)
        assert not any(is_alive(member) for member in members)


def test_all_processes_end_when_the_supervisor_is_killed(tmp_path: Path, url: str) -> None:
    with process_server(tmp_path / "data", database_url=url, processes=2) as server:
        members = family(supervisor(server))[1:]
        assert len(members) == 3

        kill(supervisor(server))

        until(lambda: not any(is_alive(member) for member in members), "all processes have ended")


def test_a_dead_api_process_is_replaced_on_the_same_port(tmp_path: Path, url: str) -> None:
    with process_server(tmp_path / "data", database_url=url, workers=0) as server:
        before = children(supervisor(server), API)
        kill(*before)
        after = until(
            lambda: [pid for pid in children(supervisor(server), API) if pid not in before],
            "another API process runs",
        )

        world = World(server)
        assert world.personalize.list_dataset_groups()["datasetGroups"] == []
        assert len(after) == 1
        assert children(supervisor(server), WORKER) == []


def test_a_second_server_on_the_same_data_directory_is_refused_and_told_who_has_it(
    tmp_path: Path, url: str
) -> None:
    with process_server(tmp_path / "data", database_url=url, workers=0) as server:
        code, said = serve_in_vain(tmp_path / "data", OPENPERSONALIZE_DATABASE_URL=url)

        assert code != 0
        assert f"is in use by process {supervisor(server)} on " in said
        assert "OPENPERSONALIZE_DATA_DIR" in said
        assert World(server).personalize.list_schemas()["schemas"] == []


def test_a_request_that_is_being_sent_when_the_server_is_told_to_stop_is_answered(
    tmp_path: Path, url: str
) -> None:
    with process_server(tmp_path / "data", database_url=url, workers=0) as server, connect(server) as wire:
        assert server.process is not None
        body = b'{"maxResults": 5}'
        wire.sendall(head("POST", "/ListSchemas", content_length=str(len(body))) + body[:5])
        World(server).personalize.list_schemas()  # the first connection has been taken by now
        server.process.terminate()
        until(lambda: not is_listening(server), "no new connection is taken")
        wire.sendall(body[5:])

        assert receive(wire).status == 200
        assert server.process.wait(30) == 0


def is_listening(server: Server) -> bool:
    try:
        connect(server).close()
    except OSError:
        return False
    return True


def test_a_server_whose_workers_cannot_start_says_so_and_ends(tmp_path: Path, url: str) -> None:
    (tmp_path / "polars.py").write_text("raise ImportError('this installation is broken')")

    code, said = serve_in_vain(tmp_path / "data", PYTHONPATH=str(tmp_path), OPENPERSONALIZE_DATABASE_URL=url)

    assert code == 1
    assert "this installation is broken" in said
    assert "The worker 1 process cannot start" in said


def test_a_database_that_does_not_answer_is_named_without_its_password(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    nobody_there = f"postgresql://someone:secret@127.0.0.1:{port}/none"

    code, said = serve_in_vain(tmp_path / "data", OPENPERSONALIZE_DATABASE_URL=nobody_there)

    assert code == 1
    assert "does not answer" in said
    assert "OPENPERSONALIZE_DATABASE_URL" in said
    assert "secret" not in said
