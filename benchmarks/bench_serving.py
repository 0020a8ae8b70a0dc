"""GetRecommendations over HTTP beside the textbook service: CPU per request, requests/s, latency.

Both have the same item factors and histories and return 25 items with scores. Ours reads signed requests,
folds the user's newest 32 events in and scores are a softmax over the catalogue, by factors alone like the
peer's, and by the blend that aws-user-personalization trains; the peer is implicit's
`recommend(recalculate_user=True)` behind FastAPI with a pydantic response model (see `textbook.py`).
The factors are random: they cost what trained ones cost. Servers run on core 0, the load on core 1.
"""

import argparse
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from urllib.request import Request, urlopen

import numpy as np
import scipy.sparse
from deployed import a_store, deploy
from servers import Load, Server, machine, ours, serving, signed, write_requests

from openpersonalize.models import (
    BlendModel,
    ColdUsers,
    FactorPart,
    PopularityPart,
    TransitionPart,
    topk,
)
from openpersonalize.models.histories import Histories
from openpersonalize.models.ids import IdIndex

N_USERS, EVENTS_PER_USER = 5000, 30
REGULARIZATION, CONFIDENCE = 10.0, 5.0
GOAL = 0.6
GOAL_OF_BLEND = 1.5
ALS_ONLY, BLEND = (1.0, 0.0, 0.0), (2.2, 3.7, 0.2)
N_FOLLOWERS = 200


@dataclass(frozen=True)
class Cell:
    n_items: int
    width: int

    @property
    def name(self) -> str:
        return f"{self.n_items // 1000} k x {self.width}"


CELLS = (Cell(10_000, 64), Cell(10_000, 149), Cell(100_000, 64), Cell(100_000, 149))


def make_peer_data(folder: Path, cell: Cell) -> tuple[np.ndarray, scipy.sparse.csr_matrix]:
    """Write factors and histories for the textbook service; both are returned too."""
    rng = np.random.default_rng(cell.n_items + cell.width)
    factors = rng.normal(scale=0.1, size=(cell.n_items, cell.width)).astype(np.float32)
    popularity = 1.0 / np.arange(1, cell.n_items + 1) ** 0.8
    chosen = [
        rng.choice(cell.n_items, EVENTS_PER_USER, replace=False, p=popularity / popularity.sum())
        for _ in range(100)
    ]
    items = np.concatenate([chosen[rng.integers(100)] for _ in range(N_USERS)]).astype(np.int32)
    starts = np.arange(0, len(items) + 1, EVENTS_PER_USER)
    confidences = np.full(len(items), CONFIDENCE, np.float32)
    histories = scipy.sparse.csr_matrix((confidences, items, starts), shape=(N_USERS, cell.n_items))
    np.save(folder / "factors.npy", factors)
    np.save(folder / "regularization.npy", REGULARIZATION)
    scipy.sparse.save_npz(folder / "histories.npz", histories)
    return factors, histories


def make_model(
    factors: np.ndarray, histories: scipy.sparse.csr_matrix, weights: tuple[float, float, float] = ALS_ONLY
) -> BlendModel:
    """The same as our model: whitened factors, the newest 32 events; and parts that the peer does not have.

    `weights`: of factors, transitions (200 followers of each item) and popularity.
    """
    n_items, width = factors.shape
    rng = np.random.default_rng(0)
    lower = np.linalg.cholesky(factors.T @ factors + REGULARIZATION * np.eye(width))
    whitened = np.linalg.solve(lower, factors.T).T.astype(np.float32)
    followers = np.sort((np.arange(n_items)[:, None] + rng.integers(1, n_items, (1, N_FOLLOWERS))) % n_items)
    shares = (np.arange(1, n_items + 1) ** -0.8).astype(np.float32)
    return BlendModel(
        items=IdIndex.build([f"item-{row}" for row in range(n_items)]),
        users=IdIndex.build([f"user-{row}" for row in range(N_USERS)]),
        histories=Histories(
            histories.indptr.astype(np.int64), histories.indices, np.zeros(histories.nnz, np.int64)
        ),
        factors=FactorPart(topk.pack(whitened), n_items, np.full(32, CONFIDENCE, np.float32), weights[0]),
        transitions=TransitionPart(
            np.arange(0, followers.size + 1, N_FOLLOWERS),
            followers.astype(np.int32).ravel(),
            rng.random(followers.size).astype(np.float32),
            (1.0 / np.arange(1, 11)).astype(np.float32),
            weights[1],
        ),
        popularity=PopularityPart.of(shares / shares.sum(), weights[2]),
        cold=ColdUsers.of(shares / shares.sum()),
        bias=topk.pack_bias(np.zeros(n_items, np.float32)),
        n_read=32,
        temperature=1.0,
        seen_penalty=0.0,
    )


def ask(server: Server, campaign: str, user: str) -> list[str]:
    body = json.dumps({"campaignArn": campaign, "userId": user}).encode()
    raw = signed("/recommendations", body)
    headers = dict(line.split(": ", 1) for line in raw.partition(b"\r\n\r\n")[0].decode().split("\r\n")[1:])
    request = Request(f"http://127.0.0.1:{server.port}/recommendations", body, headers)
    with urlopen(request) as answer:
        return [entry["itemId"] for entry in json.load(answer)["itemList"]]


def measure(server: Server, requests: Path, seconds: float) -> tuple[Load, Load]:
    """Full load of 32 connections, and half of that rate."""
    server.load(requests, connections=32, seconds=min(1.0, seconds))
    full = server.load(requests, connections=32, seconds=seconds)
    return full, server.load(requests, connections=32, seconds=seconds, rate=full.per_s / 2)


def bench(cell: Cell, seconds: float) -> tuple[float, float]:
    """Print the rows of one size; CPU per request of factors alone beside the peer's, and of the blend."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        factors, histories = make_peer_data(folder, cell)
        stores = a_store(folder / "data")
        als, blend = (
            deploy(stores, make_model(factors, histories, weights), name)
            for name, weights in (("als", ALS_ONLY), ("blend", BLEND))
        )
        stores.database.dispose()
        users = [f"user-{user}" for user in np.random.default_rng(0).permutation(N_USERS)[:2000]]
        requests = {
            name: write_requests(
                folder / name,
                [
                    signed("/recommendations", json.dumps(each | {"numResults": 25}).encode())
                    for each in ({"campaignArn": campaign, "userId": user} for user in users)
                ],
            )
            for name, campaign in (("als", als), ("blend", blend))
        }
        asked = [f"user-{user}" for user in range(20)]
        with ours(folder / "data") as server:
            our_lists = [ask(server, als, user) for user in asked]
            our_full, our_half = measure(server, requests["als"], seconds)
            blend_full, blend_half = measure(server, requests["blend"], seconds)
        with serving(["benchmarks/textbook.py", "recommendations", str(folder)], ready="/ready") as server:
            their_lists = [ask(server, als, user) for user in asked]
            their_full, their_half = measure(server, requests["als"], seconds)
    shared = np.mean([len({*a} & {*b}) / 25 for a, b in zip(our_lists, their_lists, strict=True)])
    for name, full, half, last in (
        ("OpenPersonalize, factors alone", our_full, our_half, ""),
        ("OpenPersonalize, blend", blend_full, blend_half, ""),
        ("textbook", their_full, their_half, f" (lists agree in {shared:.0%} with factors alone)"),
    ):
        print(
            f"| {cell.name} | {name} | {full.cpu_us:.0f} | {full.per_s:.0f} | {half.p50_ms:.2f} "
            f"| {half.p99_ms:.2f} | {full.cpu_us / their_full.cpu_us:.2f}{last} |",
            flush=True,
        )
    return our_full.cpu_us / their_full.cpu_us, blend_full.cpu_us / our_full.cpu_us


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=4.0, help="of each measurement")
    parser.add_argument("--cells", type=int, default=len(CELLS), help="how many sizes, smallest first")
    given = parser.parse_args()
    print(machine("openpersonalize", "uvicorn", "numba", "fastapi", "implicit"), "\n")
    print(
        "| items x width | service | CPU us/request | requests/s on one core | p50 ms at half load | p99 ms "
        "| ratio of CPU |"
    )
    print("|---|---|---|---|---|---|---|")
    ratios = {cell.name: bench(cell, given.seconds) for cell in CELLS[: given.cells]}
    worst = max(ratio for name, (ratio, _) in ratios.items() if name.startswith("10 k"))
    print(f"\nGoal at 10 k items: at most {GOAL} times the textbook's CPU; reached: {worst:.2f}.")
    dearest = ratios[CELLS[0].name][1]
    print(f"Goal: the blend costs at most {GOAL_OF_BLEND} times factors alone; reached: {dearest:.2f}.")


if __name__ == "__main__":
    main()
