"""The world that a test acts in: a live server, an account of the test's own, and builders of situations."""

import itertools
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3
import httpx
from botocore.config import Config
from sqlalchemy import select, update

from openpersonalize.jobs.worker import Worker
from openpersonalize.protocol.exchange import AsgiApp
from openpersonalize.roles.api import build_api
from openpersonalize.roles.http_server import GuardedProtocol, listen, make_server
from openpersonalize.settings import Profile, Settings
from openpersonalize.storage.migrations import upgrade
from openpersonalize.storage.objects import ObjectStore
from openpersonalize.storage.stores import Clock, Stores, open_stores, wall_clock
from openpersonalize.storage.tables import DatasetRow, GenerationRow, Resource, SolutionVersionRow
from openpersonalize.work import updates
from openpersonalize.work.handlers import HANDLERS
from openpersonalize.work.schedules import begin_due
from tests.answer_rules import check_model
from tests.log_watch import SECRET, WATCH
from tests.wire_rules import check_answer

REGION = "us-east-1"
DEADLINE_S = 30.0

_accounts = itertools.count(100_000_000_000)
_numbers = itertools.count()


@dataclass
class Server:
    """A server, in a thread of this process or a process of its own, with stores to look into."""

    settings: Settings
    stores: Stores
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return self.settings.url

    def client(self, service: str, account: str, region: str = REGION) -> Any:
        """A boto3 client that never retries."""
        client = boto3.client(
            service,
            endpoint_url=self.url,
            region_name=region,
            aws_access_key_id=account,
            aws_secret_access_key=SECRET,
            config=Config(retries={"max_attempts": 0}, connect_timeout=5, read_timeout=60),
        )
        client.meta.events.register("provide-client-params.*.*", WATCH.learn_request)
        client.meta.events.register("before-parse.*.*", check_answer)
        client.meta.events.register("before-parse.*.*", check_model)
        return client


@contextmanager
def serving(
    app: AsgiApp, listener: socket.socket, protocol: type[GuardedProtocol] = GuardedProtocol
) -> Iterator[None]:
    """Serve `app` in a thread until the block ends."""
    server = make_server(app, protocol)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    until(lambda: server.started or not thread.is_alive(), "the server started")
    assert server.started
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(DEADLINE_S)


@contextmanager
def process_server(folder: Path, **settings: object) -> Iterator[Server]:
    """The real command, `serve`, as a process of its own with its workers; settings as in the environment.

    On leaving it is told to stop and must end by itself.
    """
    variables = {f"OPENPERSONALIZE_{name.upper()}": str(value) for name, value in settings.items()}
    environment = (
        os.environ | {"OPENPERSONALIZE_DATA_DIR": str(folder), "OPENPERSONALIZE_PORT": "0"} | variables
    )
    log = folder.parent / f"{folder.name}.log"
    command = [sys.executable, "-m", "openpersonalize.cli", "serve"]
    with (
        log.open("ab") as errors,
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=errors) as process,
    ):
        assert process.stdout is not None
        line = process.stdout.readline().decode()
        assert " is ready at http" in line, log.read_text()
        port = int(line.rsplit(":", 1)[1])
        ready = Settings(port=port, data_dir=folder, database_url=str(settings.get("database_url", "")))
        stores = open_stores(folder, ready.database)
        try:
            yield Server(ready, stores, process)
        finally:
            stores.database.dispose()
            if process.poll() is None:
                process.terminate()
            process.wait(DEADLINE_S)
            WATCH.read_file(log)


@contextmanager
def running_server(
    folder: Path,
    database_url: str = "",
    protocol: type[GuardedProtocol] = GuardedProtocol,
    *,
    limits: Profile = "standard",
    clock: Clock = wall_clock,
    objects: ObjectStore | None = None,
) -> Iterator[Server]:
    """A migrated server on a free port, with its data in `folder`."""
    listener = listen("127.0.0.1", 0)
    settings = Settings(
        port=listener.getsockname()[1], data_dir=folder, database_url=database_url, limits=limits
    )
    folder.mkdir(parents=True, exist_ok=True)
    upgrade(settings.database)
    stores = open_stores(folder, settings.database, clock, limits=limits, objects=objects)
    try:
        with serving(build_api(settings, stores), listener, protocol):
            yield Server(settings, stores)
    finally:
        stores.database.dispose()


def until(condition: Callable[[], Any], claim: str, deadline_s: float = DEADLINE_S) -> Any:
    """Poll until the condition holds and give its value; fail with the claim after the deadline."""
    end = time.monotonic() + deadline_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {deadline_s} s: {claim}")
        threading.Event().wait(0.01)


@dataclass
class World:
    """One account in one region of a server."""

    server: Server
    account: str = field(default_factory=lambda: str(next(_accounts)))
    region: str = REGION

    @cached_property
    def personalize(self) -> Any:
        """The control plane."""
        return self.server.client("personalize", self.account, self.region)

    @cached_property
    def runtime(self) -> Any:
        """Recommendations."""
        return self.server.client("personalize-runtime", self.account, self.region)

    @cached_property
    def events(self) -> Any:
        """Events."""
        return self.server.client("personalize-events", self.account, self.region)

    @cached_property
    def http(self) -> httpx.Client:
        """Plain HTTP without a signature; it answers for the default account."""
        return httpx.Client(base_url=self.server.url, timeout=30)

    def elsewhere(self, *, account: str | None = None, region: str | None = None) -> "World":
        """The same server as another account or another region sees it."""
        return replace(self, account=account or self.account, region=region or self.region)

    def arn(self, kind: str, *path: str) -> str:
        """The ARN of a resource of this account and region."""
        return f"arn:aws:personalize:{self.region}:{self.account}:{'/'.join((kind, *path))}"

    def wait(self, arn: str, deadline_s: float = DEADLINE_S) -> dict[str, Any]:
        """Poll a resource until it is ACTIVE or has failed, and give its description; for process servers."""
        kind = arn.split(":", 5)[5].split("/")
        noun = "solution-version" if kind[0] == "solution" and len(kind) == 3 else kind[0]
        words = noun.split("-")
        member = words[0] + "".join(word.capitalize() for word in words[1:])
        describe = getattr(self.personalize, "describe_" + noun.replace("-", "_"))

        def settled() -> dict[str, Any] | None:
            found: dict[str, Any] = describe(**{f"{member}Arn": arn})[member]
            return found if found["status"] == "ACTIVE" or found["status"].endswith("FAILED") else None

        described: dict[str, Any] = until(settled, f"{arn} is ACTIVE or has failed", deadline_s)
        return described

    def dataset_group(self, name: str = "store", **members: Any) -> str:
        """An ACTIVE dataset group."""
        arn: str = self.personalize.create_dataset_group(name=name, **members)["datasetGroupArn"]
        self.settle()
        return arn

    def schema(
        self, record: str = "Interactions", *fields: Mapping[str, Any], name: str = "", **members: Any
    ) -> str:
        """A schema with the given fields, or with the usual ones of its kind."""
        document = {"type": "record", "name": record, "namespace": "com.amazonaws.personalize.schema"}
        text = json.dumps(document | {"fields": list(fields or FIELDS[record]), "version": "1.0"})
        name = name or f"{record.lower()}-{next(_numbers)}"
        arn: str = self.personalize.create_schema(name=name, schema=text, **members)["schemaArn"]
        return arn

    def dataset(self, group: str, record: str = "Interactions", *fields: Mapping[str, Any]) -> str:
        """An ACTIVE, empty dataset."""
        arn: str = self.personalize.create_dataset(
            name=record.lower(),
            datasetType="Action_Interactions" if record == "ActionInteractions" else record,
            datasetGroupArn=group,
            schemaArn=self.schema(record, *fields),
        )["datasetArn"]
        self.settle()
        return arn

    def upload(self, text: str, key: str = "") -> str:
        """The location of a new object in the account's bucket."""
        location = f"s3://bucket-{self.account}/{key or f'file-{next(_numbers)}.csv'}"
        WATCH.learn(text.splitlines()[1:])
        with self.server.stores.objects.write(location) as file:
            file.write(text.encode())
        return location

    def imported(self, dataset: str, text: str, **members: Any) -> str:
        """An import job that has ended."""
        arn: str = self.personalize.create_dataset_import_job(
            jobName=f"import-{next(_numbers)}",
            datasetArn=dataset,
            dataSource={"dataLocation": self.upload(text)},
            **members,
        )["datasetImportJobArn"]
        self.settle()
        return arn

    def interactions(self, group: str, text: str = "") -> str:
        """A dataset of interactions with rows in it: those of a CSV text, or some that can be trained on."""
        dataset = self.dataset(group)
        self.imported(dataset, text or plain_interactions())
        return dataset

    def solution(
        self, group: str, recipe: str = "aws-popularity-count", name: str = "", **members: Any
    ) -> str:
        """An ACTIVE solution."""
        arn: str = self.personalize.create_solution(
            name=name or f"solution-{next(_numbers)}",
            datasetGroupArn=group,
            recipeArn=f"arn:aws:personalize:::recipe/{recipe}",
            **members,
        )["solutionArn"]
        self.settle()
        return arn

    def trained(self, solution: str, **members: Any) -> str:
        """A solution version whose training has ended."""
        created = self.personalize.create_solution_version(solutionArn=solution, **members)
        self.settle()
        arn: str = created["solutionVersionArn"]
        return arn

    def campaign(self, version: str, name: str = "", **members: Any) -> str:
        """An ACTIVE campaign."""
        arn: str = self.personalize.create_campaign(
            name=name or f"campaign-{next(_numbers)}", solutionVersionArn=version, **members
        )["campaignArn"]
        self.settle()
        return arn

    def generations(self, dataset: str) -> list[Path]:
        """The folders of the generations that a dataset consists of."""
        query = select(GenerationRow.id).join(DatasetRow, GenerationRow.dataset_id == DatasetRow.id)
        with self.server.stores.database.read() as session:
            found = session.scalars(query.where(DatasetRow.arn == dataset, GenerationRow.active))
            return [self.server.stores.generations / name for name in found]

    def artifact(self, version: str) -> Path:
        """The folder of a solution version's model."""
        query = select(SolutionVersionRow.artifact_id).where(SolutionVersionRow.arn == version)
        with self.server.stores.database.read() as session:
            return self.server.stores.artifacts / str(session.scalar(query))

    def set_columns(self, table: type[Resource], arn: str, **values: object) -> None:
        """Write columns past the API: for states that nothing built leads to yet."""
        with self.server.stores.database.write() as session:
            session.execute(update(table).where(table.arn == arn).values(**values))

    def settle(self) -> None:
        """Run the jobs that wait, and those that they make, with the worker's code, until none is left."""
        hand = Worker(self.server.stores, HANDLERS, lease_s=self.server.settings.lease_s)
        while hand.run_one():
            pass

    def tick(self) -> int:
        """Begin and run what is due by the server's clock, as workers do by themselves; says how many."""
        begun = begin_due(self.server.stores) + updates.begin_due(self.server.stores)
        self.settle()
        return begun


def text_field(name: str, **members: Any) -> dict[str, Any]:
    """A string field of a schema."""
    return {"name": name, "type": "string"} | members


FIELDS: Mapping[str, list[dict[str, Any]]] = {
    "Interactions": [text_field("USER_ID"), text_field("ITEM_ID"), {"name": "TIMESTAMP", "type": "long"}],
    "Items": [text_field("ITEM_ID"), text_field("GENRE", categorical=True)],
    "Users": [text_field("USER_ID"), text_field("AGE_GROUP", categorical=True)],
    "Actions": [text_field("ACTION_ID"), text_field("KIND", categorical=True)],
    "ActionInteractions": [
        *(text_field("USER_ID"), text_field("ACTION_ID"), text_field("EVENT_TYPE")),
        {"name": "TIMESTAMP", "type": "long"},
    ],
}


def plain_interactions(n_users: int = 60, n_items: int = 30, each: int = 20, *, event_type: str = "") -> str:
    """CSV text of interactions, enough for a training: lower items are more popular."""
    lines = ["USER_ID,ITEM_ID,TIMESTAMP" + (",EVENT_TYPE" if event_type else "")]
    end = f",{event_type}" if event_type else ""
    for user in range(n_users):
        lines += [
            f"u{user},i{(place * place + user % 7) % n_items},{1_600_000_000 + place}{end}"
            for place in range(each)
        ]
    return "\n".join(lines) + "\n"
