"""PutEvents, one event a request, from 1 and from 50 connections.

Beside it the same route storing nothing, which is the limit of HTTP and validation, and a textbook FastAPI +
SQLAlchemy route that commits each event on the same SQLite settings, as `def` (in threads) and as
`async def`; the faster of the two counts. Servers run on core 0, the load on core 1.
"""

import argparse
import json
import sqlite3
import tempfile
from pathlib import Path

from bench_serving import Cell, make_model, make_peer_data
from deployed import TRACKING_ID, a_store, deploy
from servers import HERE, Load, environment, machine, ours, serving, signed, write_requests

CONNECTIONS = (1, 50)
LIMIT, OURS, PEER = "the route storing nothing", "OpenPersonalize", "textbook"
PEER_ASYNC = "textbook, async def"
GOAL_OF_LIMIT, GOAL_OF_TEXTBOOK = 0.5, 3.0


def make_requests(folder: Path, n_requests: int) -> list[Path]:
    """Requests that differ in user, item and time, so that none is a duplicate; one file for each run."""
    paths = []
    for run in range(len(CONNECTIONS)):
        requests = [
            signed("/events", json.dumps(a_call(run * n_requests + number)).encode())
            for number in range(n_requests)
        ]
        paths.append(write_requests(folder / f"requests-{run}", requests))
        to_async = [request.replace(b"/events", b"/async/events", 1) for request in requests]
        write_requests(folder / f"requests-{run}-async", to_async)
    return paths


def a_call(number: int) -> dict[str, object]:
    event = {"eventType": "view", "itemId": f"item-{number % 10_000}", "sentAt": 1_700_000_000 + number}
    user = f"user-{number % 5000}"
    return {"trackingId": TRACKING_ID, "userId": user, "sessionId": user, "eventList": [event]}


def count(database: Path) -> int:
    with sqlite3.connect(database) as connection:
        return int(connection.execute("SELECT count(*) FROM events").fetchone()[0])


def rows_per_commit(log: str) -> float:
    """What the event log's writer says of itself when it ends."""
    for line in log.splitlines():
        if '"commits"' in line:
            said = json.loads(line)
            return float(said["events"] / said["commits"])
    raise RuntimeError("the server did not say how it wrote")


def measure(folder: Path, requests: Path, connections: int, seconds: float) -> dict[str, Load]:
    """All routes at one number of connections; each in a process of its own."""
    database = folder / "data" / "openpersonalize.sqlite3"
    nothing = [str(HERE / "storing_nothing.py")]
    textbook = [str(HERE / "textbook.py"), "events", str(folder)]
    loads = {}
    with serving(nothing, ready="/readyz", environment=environment(folder / "data")) as server:
        loads[LIMIT] = server.load(requests, connections=connections, seconds=seconds)
    before = count(database)
    with ours(folder / "data") as server:
        loads[OURS] = server.load(requests, connections=connections, seconds=seconds)
    stored, sent = count(database) - before, loads[OURS].requests
    if stored != sent:
        raise RuntimeError(f"{sent} events were sent, {stored} are stored")
    print(f"{connections} connections: {rows_per_commit(server.log):.1f} rows per commit", flush=True)
    with serving(textbook, ready="/ready") as server:
        loads[PEER] = server.load(requests, connections=connections, seconds=seconds)
        to_async = requests.with_name(f"{requests.name}-async")
        loads[PEER_ASYNC] = server.load(to_async, connections=connections, seconds=seconds)
    return loads


def of_limit(loads: dict[str, Load], name: str) -> float:
    return loads[name].per_s / loads[LIMIT].per_s


def of_textbook(loads: dict[str, Load], name: str) -> float:
    """Beside the faster of the two textbook routes."""
    return loads[name].per_s / max(loads[PEER].per_s, loads[PEER_ASYNC].per_s)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=4.0, help="of each measurement")
    given = parser.parse_args()
    print(machine("openpersonalize", "uvicorn", "fastapi", "sqlalchemy"), "\n")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        stores = a_store(folder / "data")
        # A campaign, so that the events are kept in memory for it too.
        deploy(stores, make_model(*make_peer_data(folder, Cell(1000, 16))), "als")
        stores.database.dispose()
        requests = make_requests(folder, int(given.seconds * 20_000))
        loads = {
            connections: measure(folder, path, connections, given.seconds)
            for connections, path in zip(CONNECTIONS, requests, strict=True)
        }
    report(loads)


def report(loads: dict[int, dict[str, Load]]) -> None:
    print("\n| connections | route | events/s | CPU us/event | p50 ms | p99 ms | of limit | of textbook |")
    print("|---|---|---|---|---|---|---|---|")
    for connections, runs in loads.items():
        for name, load in runs.items():
            print(
                f"| {connections} | {name} | {load.per_s:.0f} | {load.cpu_us:.0f} | {load.p50_ms:.2f} "
                f"| {load.p99_ms:.2f} | {of_limit(runs, name):.2f} | {of_textbook(runs, name):.1f} |"
            )
    last = loads[CONNECTIONS[-1]]
    print(
        f"\nGoals at {CONNECTIONS[-1]} connections: at least {GOAL_OF_LIMIT} of the limit, reached "
        f"{of_limit(last, OURS):.2f}; at least {GOAL_OF_TEXTBOOK:.0f} times the textbook, "
        f"reached {of_textbook(last, OURS):.1f}."
    )


if __name__ == "__main__":
    main()
