"""A connection to a server: three SDK clients, and errors that say the remedy."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NoConnectionError
from botocore.httpsession import URLLib3Session

from openpersonalize.cli.console import UserError
from openpersonalize.cli.environment import ANY_KEY
from openpersonalize.settings import Settings

READY_WITHIN_S = 180.0


@dataclass(frozen=True)
class Connection:
    """The three services of one server; each client is the SDK's own."""

    endpoint_url: str
    control: Any
    runtime: Any
    events: Any


@dataclass(frozen=True)
class Answer:
    """What an endpoint of the server's own says."""

    status: int
    document: Mapping[str, Any]


def post(endpoint_url: str, path: str, body: Mapping[str, Any], *, region: str, account: str = "") -> Answer:
    """Send JSON to an endpoint that no SDK knows, signed as SDKs sign. Raises UserError without a server."""
    request = AWSRequest(
        "POST",
        endpoint_url + path,
        headers={"Content-Type": "application/json"},
        data=json.dumps(body).encode(),
    )
    SigV4Auth(Credentials(account or ANY_KEY, ANY_KEY), "personalize", region).add_auth(request)
    try:
        answer = URLLib3Session(timeout=60).send(request.prepare())
    except (HTTPClientError, NoConnectionError):
        raise UserError(no_server(endpoint_url)) from None
    try:
        document = json.loads(answer.content)
    except ValueError:
        document = None
    return Answer(answer.status_code, document if isinstance(document, dict) else {})


def connect(endpoint_url: str, *, region: str, account: str = "") -> Connection:
    """Make the clients; nothing is sent yet."""
    make = partial(
        boto3.client,
        endpoint_url=endpoint_url,
        region_name=region,
        aws_access_key_id=account or ANY_KEY,
        aws_secret_access_key=ANY_KEY,
        config=Config(retries={"mode": "standard", "max_attempts": 3}, read_timeout=60),
    )
    return Connection(
        endpoint_url=endpoint_url,
        control=make("personalize"),
        runtime=make("personalize-runtime"),
        events=make("personalize-events"),
    )


@contextmanager
def explained(endpoint_url: str) -> Iterator[None]:
    """Turn the SDK's errors into a line with the remedy. Raises UserError."""
    try:
        yield
    except (HTTPClientError, NoConnectionError):
        raise UserError(no_server(endpoint_url)) from None
    except ClientError as error:
        raise UserError(f"{error.operation_name}: {code_of(error)}: {message_of(error)}") from None
    except BotoCoreError as error:
        raise UserError(f"{error}") from None


def code_of(error: ClientError) -> str:
    """The code on the wire, such as ResourceNotFoundException."""
    return str(error.response.get("Error", {}).get("Code", ""))


def message_of(error: ClientError) -> str:
    """The server's words."""
    return str(error.response.get("Error", {}).get("Message", ""))


def no_server(endpoint_url: str) -> str:
    """What to say when nobody listens."""
    return (
        f"no server answers at {endpoint_url}: start one with `make run` or `openpersonalize serve`, "
        "or name another with --endpoint-url."
    )


def server_url(endpoint_url: str | None, settings: Settings) -> str:
    """The address that was given, else that of the settings. Raises UserError for what is no address."""
    url = (endpoint_url or settings.url).rstrip("/")
    if urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).hostname:
        raise UserError(f"{endpoint_url!r} is not an address: give one such as http://127.0.0.1:8484.")
    return url


def answers(endpoint_url: str, path: str = "/healthz") -> bool:
    """Whether a server says that it is well (`/healthz`), or ready (`/readyz`)."""
    try:
        with urllib.request.urlopen(endpoint_url + path, timeout=10) as answer:  # noqa: S310  (see server_url)
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError, ValueError):
        return False


def wait_until_ready(endpoint_url: str, is_running: Callable[[], bool] = lambda: True) -> None:
    """Wait for `/readyz`. Raises UserError when the server ends or takes too long."""
    deadline = time.monotonic() + READY_WITHIN_S
    while not answers(endpoint_url, "/readyz"):
        if not is_running():
            raise UserError("the server ended before it was ready: its log says why.")
        if time.monotonic() > deadline:
            raise UserError(
                f"{endpoint_url}/readyz did not say ready within {READY_WITHIN_S:.0f} s: see its reasons."
            )
        time.sleep(0.1)
