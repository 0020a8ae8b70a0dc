"""examples/postman.json: the walk through all operations as a Postman collection, signed as SDKs sign."""

import json
from collections.abc import Iterator
from itertools import count
from typing import Any

from docs.generator.walk import NOW, WALK, Step

from openpersonalize.protocol.json11 import CONTENT_TYPE, TARGET_PREFIX
from openpersonalize.protocol.rest import CONTENT_TYPE as REST_CONTENT_TYPE
from openpersonalize.protocol.rest import PATHS

DESCRIPTION = """\
All 79 operations of the Amazon Personalize API, in an order in which each has what it needs: run the
collection from the top. `make run` starts a server for it; for another one set `url`, and `bucket` to one
that holds an `interactions.csv` with USER_ID, ITEM_ID, TIMESTAMP, EVENT_TYPE (View is one) and EVENT_VALUE.
Requests that ask for a status are sent again until it is there."""

VARIABLES = {
    "url": "http://127.0.0.1:8484",
    "region": "us-east-1",
    "accessKey": "000000000000",
    "secretKey": "any",
    "bucket": "sample-store",
    "run": "",
    "tries": "0",
}
MOST_TRIES = 1200
PAUSE_MS = 250

NEW_RUN = 'pm.collectionVariables.set("run", Date.now().toString(36));'
"""Names of resources end in it, so that the collection can run again and again."""


def collection() -> str:
    """The text of the collection, format 2.1."""
    numbers = count(1)
    document = {
        "info": {
            "name": "OpenPersonalize",
            "description": DESCRIPTION,
            "schema": "https://schema.getpostman.com/json/collection/v2.1.0/collection.json",
        },
        "auth": {"type": "awsv4", "awsv4": [_text(*pair) for pair in _credentials()]},
        "variable": [{"key": key, "value": value} for key, value in VARIABLES.items()],
        "item": [
            {"name": chapter.title, "item": [_item(step, next(numbers)) for step in chapter.steps]}
            for chapter in WALK
        ],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _credentials() -> Iterator[tuple[str, str]]:
    yield from ((key, f"{{{{{key}}}}}") for key in ("accessKey", "secretKey", "region"))
    yield "service", "personalize"


def _text(key: str, value: str) -> dict[str, str]:
    return {"key": key, "value": value, "type": "string"}


def _item(step: Step, number: int) -> dict[str, Any]:
    events = [_event("test", _expectations(step))]
    if number == 1:
        events.insert(0, _event("prerequest", [NEW_RUN]))
    return {"id": f"step-{number:03}", "name": _name(step), "event": events, "request": _request(step)}


def _name(step: Step) -> str:
    if step.until:
        return f"{step.operation}, until {step.until[1]}"
    if step.is_repeated_until_refused:
        return f"{step.operation}, until it is gone"
    return f"{step.operation}, refused" if step.refused else step.operation


def _request(step: Step) -> dict[str, Any]:
    path = PATHS.get(step.operation, "/")
    content_type = REST_CONTENT_TYPE if step.operation in PATHS else CONTENT_TYPE
    headers = {"Content-Type": content_type.decode()}
    if path == "/":
        headers["X-Amz-Target"] = TARGET_PREFIX + step.operation
    raw = json.dumps(step.body, indent=2).replace(f'"{NOW}"', NOW)
    return {
        "method": "POST",
        "header": [{"key": key, "value": value} for key, value in headers.items()],
        "url": "{{url}}" + path,
        "body": {"mode": "raw", "raw": raw},
    }


def _event(listen: str, lines: list[str]) -> dict[str, Any]:
    return {"listen": listen, "script": {"type": "text/javascript", "exec": lines}}


def _expectations(step: Step) -> list[str]:
    """The test script of a request."""
    if step.until:
        path, status = step.until
        return [
            f"const status = pm.response.json().{path.replace('.', '?.')};",
            *_again("/PENDING|IN_PROGRESS|STOPPING/.test(status)"),
            f"  pm.test({json.dumps(path)}, () => pm.expect(status).to.equal({json.dumps(status)}));",
            *(f"  {line}" for line in _saves(step)),
            "}",
        ]
    if step.is_repeated_until_refused:
        return [*_again("pm.response.code === 200"), *(f"  {line}" for line in _refused(step)), "}"]
    if step.refused:
        return _refused(step)
    return ['pm.test("answered", () => pm.response.to.have.status(200));', *_saves(step)]


def _again(condition: str) -> list[str]:
    """Send the request again while the condition holds, for some minutes at most."""
    return [
        'const tries = Number(pm.collectionVariables.get("tries"));',
        f"if ({condition} && tries < {MOST_TRIES}) {{",
        '  pm.collectionVariables.set("tries", tries + 1);',
        "  pm.execution.setNextRequest(pm.info.requestId);",
        f"  setTimeout(() => {{}}, {PAUSE_MS});",
        "} else {",
        '  pm.collectionVariables.set("tries", 0);',
    ]


def _refused(step: Step) -> list[str]:
    code = json.dumps(step.refused)
    return [f"pm.test({code}, () => pm.expect(pm.response.json().__type).to.equal({code}));"]


def _saves(step: Step) -> Iterator[str]:
    for name, path in step.saves.items():
        yield f"pm.collectionVariables.set({json.dumps(name)}, pm.response.json().{path});"
