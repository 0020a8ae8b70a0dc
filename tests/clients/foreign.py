"""Clients of other makers: the AWS CLI, and the AWS SDK for JavaScript."""

import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from botocore import xform_name

from openpersonalize.cli.environment import exports
from tests.answer_rules import ALLOWED_CODES
from tests.log_watch import SECRET, WATCH
from tests.world import World, until

JAVASCRIPT = Path(__file__).parent / "javascript"
AWS = Path(__file__).parents[2] / ".cache/awscli/bin/aws"
REMEDY = "run 'make clients', which installs what these tests drive"

_CLI_ERROR = re.compile(r"An error occurred \((\w+)\) when calling the \w+ operation[^:]*: (.*)")
_CLI_STATUS = re.compile(r'HTTP/1\.1" (\d{3})')
UNMODELLED = {*ALLOWED_CODES, "UnknownOperationException"}
_REFUSED = 255
"""Exit status of the AWS CLI when the service refused."""


class RefusedError(Exception):
    """A call that the server refused, as the client shows it."""

    def __init__(self, code: str, status: int, message: str) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.code, self.status, self.message = code, status, message


class Client(Protocol):
    """A client that calls operations by their AWS names; members are those of the API."""

    def call(self, service: str, operation: str, **members: Any) -> dict[str, Any]:
        """Send one call and give its answer, or raise `RefusedError`."""

    def pages(self, operation: str, page_size: int, **members: Any) -> dict[str, list[Any]]:
        """What the client's own paginator collects of a list."""


@dataclass(frozen=True)
class AwsCli:
    """The command `aws`, a process for each call."""

    environment: Mapping[str, str]

    def call(self, service: str, operation: str, **members: Any) -> dict[str, Any]:
        """Send one call, its members as options."""
        WATCH.learn_request(members)
        return self.run(service, xform_name(operation, "-"), *_options(members))

    def pages(self, operation: str, page_size: int, **members: Any) -> dict[str, list[Any]]:
        """All pages, which the command fetches by itself."""
        words = (xform_name(operation, "-"), *_options(members), "--page-size", str(page_size))
        return self.run("personalize", *words)

    def run(self, *words: str) -> dict[str, Any]:
        """Run the command and give what it prints; its debug log has the status of a refusal."""
        done = subprocess.run(
            [AWS, *words, "--output", "json", "--debug"],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode == 0:
            printed: dict[str, Any] = json.loads(done.stdout or "{}")
            return printed
        error = _CLI_ERROR.search(done.stderr)
        assert error is not None, done.stderr[-2000:]
        assert done.returncode == _REFUSED, done.returncode
        raise RefusedError(error[1], int(_CLI_STATUS.findall(done.stderr)[-1]), error[2])


@dataclass(frozen=True)
class Javascript:
    """A Node.js process that sends what it is told."""

    process: "subprocess.Popen[str]"

    def call(self, service: str, operation: str, **members: Any) -> dict[str, Any]:
        """Send one call as a command object."""
        WATCH.learn_request(members)
        answer = self.ask(service=service, operation=operation, members=members)
        output: dict[str, Any] = answer["output"]
        return output

    def pages(self, operation: str, page_size: int, **members: Any) -> dict[str, list[Any]]:
        """All pages of the SDK's paginator, joined; none but the last may be short."""
        answer = self.ask(service="personalize", operation=operation, members=members, pageSize=page_size)
        joined: dict[str, list[Any]] = {}
        for page in answer["pages"]:
            for name, value in page.items():
                if isinstance(value, list):
                    assert len(value) == page_size or page is answer["pages"][-1]
                    joined.setdefault(name, []).extend(value)
        return joined

    def ask(self, **request: Any) -> dict[str, Any]:
        """Send one line and read one; an error must be of the class that the SDK exports for it."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(request, default=lambda time: {"$date": time.isoformat()}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, "the process has ended: its standard error tells why"
        answer: dict[str, Any] = json.loads(line, object_hook=_read_date)
        if error := answer.get("error"):
            assert error["isModeled"] == (error["name"] not in UNMODELLED), error
            assert error["fault"] == "client", error
            raise RefusedError(error["name"], error["status"], error["message"])
        return answer


@contextmanager
def aws_cli(world: World) -> Iterator[AwsCli]:
    """The AWS CLI as a user of the world's account."""
    assert AWS.exists(), f"There is no {AWS}: {REMEDY}."
    yield AwsCli(_environment(world))


@contextmanager
def javascript(world: World) -> Iterator[Javascript]:
    """The AWS SDK for JavaScript as a user of the world's account."""
    assert (JAVASCRIPT / "node_modules").exists(), f"There is no node_modules in {JAVASCRIPT}: {REMEDY}."
    start = partial(subprocess.Popen, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with start(["node", JAVASCRIPT / "calls.js"], env=_environment(world)) as process:
        yield Javascript(process)


def wait(client: Client, operation: str, **members: Any) -> dict[str, Any]:
    """Ask until the resource is ACTIVE or has failed, and give its description."""

    def settled() -> dict[str, Any] | None:
        answer = client.call("personalize", operation, **members)
        [described] = answer.values()
        return described if described["status"] == "ACTIVE" or "FAILED" in described["status"] else None

    found: dict[str, Any] = until(settled, f"{operation} shows an end", 120)
    return found


def refusal(client: Client, service: str, operation: str, **members: Any) -> RefusedError | None:
    """How a call is refused; None where it is not."""
    try:
        client.call(service, operation, **members)
    except RefusedError as refused:
        return refused
    return None


def _environment(world: World) -> dict[str, str]:
    """What `openpersonalize env` says, and nothing of this machine's own AWS account."""
    return {
        "PATH": os.environ["PATH"],
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_MAX_ATTEMPTS": "1",
        **exports(world.server.url, world.region),
        "AWS_ACCESS_KEY_ID": world.account,
        "AWS_SECRET_ACCESS_KEY": SECRET,
    }


def _options(members: Mapping[str, Any]) -> Iterator[str]:
    for name, value in members.items():
        yield "--" + xform_name(name, "-")
        yield value if isinstance(value, str) else json.dumps(value, default=datetime.isoformat)


def _read_date(members: dict[str, Any]) -> Any:
    return datetime.fromisoformat(members["$date"]) if "$date" in members else members
