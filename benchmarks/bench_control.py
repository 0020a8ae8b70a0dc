"""DescribeCampaign and CreateSchema, from one connection, signed as an SDK does.

Beside them a row read and a row insert with FastAPI and SQLAlchemy on the same SQLite settings, which
validate and store less, as `def` (in threads) and as `async def`; the faster of the two counts. Servers run
on core 0, the load on core 1.
"""

import argparse
import json
import tempfile
import uuid
from pathlib import Path

import numpy as np
from deployed import FIELDS, a_store, deploy
from servers import HERE, Load, machine, ours, serving, signed, write_requests

from openpersonalize.models import PopularityModel
from openpersonalize.models.ids import IdIndex

OURS, PEER, PEER_ASYNC = "OpenPersonalize", "textbook", "textbook, async def"
PATHS = {"DescribeCampaign": "/describe", "CreateSchema": "/create"}
GOAL = 2.0


def call(operation: str, body: dict[str, object]) -> bytes:
    """A call of the control plane as an SDK sends it."""
    headers = {
        "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Target": f"AmazonPersonalize.{operation}",
        "amz-sdk-invocation-id": str(uuid.uuid4()),
    }
    return signed("/", json.dumps(body).encode(), headers)


def bodies(operation: str, campaign: str, n_requests: int) -> list[dict[str, object]]:
    if operation == "DescribeCampaign":
        return [{"campaignArn": campaign}]
    fields = [{"name": name, "type": kind} for name, kind in FIELDS]
    record = {"type": "record", "name": "Interactions", "namespace": "com.amazonaws.personalize.schema"}
    text = json.dumps(record | {"fields": fields, "version": "1.0"})
    return [{"name": f"schema-{number}", "schema": text} for number in range(n_requests)]


def measure(folder: Path, operation: str, campaign: str, seconds: float) -> dict[str, Load]:
    """One operation by each service; each in a process of its own."""
    given = bodies(operation, campaign, int(seconds * 3000))
    own = write_requests(folder / "own", [call(operation, body) for body in given])
    with ours(folder / "data") as server:
        loads = {OURS: server.load(own, connections=1, seconds=seconds)}
    for name, prefix in ((PEER, ""), (PEER_ASYNC, "/async")):
        path = f"{prefix}{PATHS[operation]}"
        requests = write_requests(
            folder / "peer", [signed(path, json.dumps(body).encode()) for body in given]
        )
        scratch = folder / name / operation
        scratch.mkdir(parents=True)
        with serving([str(HERE / "textbook.py"), "rows", str(scratch)], ready="/ready") as server:
            loads[name] = server.load(requests, connections=1, seconds=seconds)
    return loads


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=4.0, help="of each measurement")
    given = parser.parse_args()
    print(machine("openpersonalize", "uvicorn", "fastapi", "sqlalchemy"), "\n")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        stores = a_store(folder / "data")
        place = np.zeros(1, np.int32)
        model = PopularityModel(IdIndex.build(["item"]), IdIndex.build([]), order=place, places=place)
        campaign = deploy(stores, model, "popular")
        stores.database.dispose()
        report({name: measure(folder, name, campaign, given.seconds) for name in PATHS})


def report(loads: dict[str, dict[str, Load]]) -> None:
    print("| operation | service | requests/s | CPU us/request | p50 ms | p99 ms | of CPU | of p50 |")
    print("|---|---|---|---|---|---|---|---|")
    for operation, runs in loads.items():
        cpu_us = min(runs[name].cpu_us for name in (PEER, PEER_ASYNC))
        p50_ms = min(runs[name].p50_ms for name in (PEER, PEER_ASYNC))
        for name, load in runs.items():
            print(
                f"| {operation} | {name} | {load.per_s:.0f} | {load.cpu_us:.0f} | {load.p50_ms:.2f} "
                f"| {load.p99_ms:.2f} | {load.cpu_us / cpu_us:.2f} | {load.p50_ms / p50_ms:.2f} |"
            )
    print(f"\nGoal: at most {GOAL} times the faster textbook route, in CPU and p50.")


if __name__ == "__main__":
    main()
