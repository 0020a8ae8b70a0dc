"""The services that a user would write in an afternoon, as peers: recommendations and events with FastAPI.

Recommendations: implicit's `recommend` with `recalculate_user=True`, a pydantic response model, uvicorn with
uvloop. Events: SQLAlchemy, one session and one commit for each request, in FastAPI's threads or on its loop.
"""
# ruff: noqa: N815  (members have the names of the wire)

import argparse
import socket
from collections.abc import Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

import implicit
import numpy as np
import scipy.sparse
import uvicorn
from fastapi import Depends, FastAPI
from pydantic import BaseModel, Field
from sqlalchemy import create_engine, event
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, sessionmaker


class RecommendationRequest(BaseModel):
    campaignArn: str
    userId: str = Field(max_length=256)
    numResults: int = Field(25, ge=1, le=500)


class Item(BaseModel):
    itemId: str
    score: float


class RecommendationResponse(BaseModel):
    itemList: list[Item]
    recommendationId: str


def recommendations(folder: Path) -> FastAPI:
    """Recommend from the factors and histories in `folder`."""
    app = FastAPI()
    factors = np.load(folder / "factors.npy")
    histories = scipy.sparse.load_npz(folder / "histories.npz").tocsr()
    user_rows = {f"user-{row}": row for row in range(histories.shape[0])}
    item_ids = [f"item-{row}" for row in range(len(factors))]
    als = implicit.als.AlternatingLeastSquares(
        factors=factors.shape[1], regularization=float(np.load(folder / "regularization.npy")), num_threads=1
    )
    als.item_factors = factors
    als.user_factors = np.zeros((histories.shape[0], factors.shape[1]), np.float32)
    implicit.cpu.topk  # noqa: B018  (loaded before the first request)

    @app.get("/ready")
    async def ready() -> dict[str, bool]:
        return {"ready": True}

    @app.post("/recommendations")
    async def recommend(request: RecommendationRequest) -> RecommendationResponse:
        user = user_rows[request.userId]
        rows, scores = als.recommend(
            user,
            histories[user],
            N=request.numResults,
            filter_already_liked_items=False,
            recalculate_user=True,
        )
        items = [Item(itemId=item_ids[row], score=score) for row, score in zip(rows, scores, strict=True)]
        return RecommendationResponse(itemList=items, recommendationId="none")

    return app


class Base(DeclarativeBase):
    pass


class EventRow(Base):
    __tablename__ = "events"
    id: Mapped[int] = mapped_column(primary_key=True)
    tracking_id: Mapped[str]
    user_id: Mapped[str] = mapped_column(index=True)
    session_id: Mapped[str]
    item_id: Mapped[str]
    event_type: Mapped[str]
    timestamp: Mapped[int]


class Event(BaseModel):
    eventType: str = Field(max_length=256)
    itemId: str = Field(max_length=256)
    sentAt: float


class EventsRequest(BaseModel):
    trackingId: str
    userId: str
    sessionId: str
    eventList: list[Event] = Field(min_length=1, max_length=10)


def store(request: EventsRequest, db: Session) -> None:
    for each in request.eventList:
        db.add(
            EventRow(
                tracking_id=request.trackingId,
                user_id=request.userId,
                session_id=request.sessionId,
                item_id=each.itemId,
                event_type=each.eventType,
                timestamp=int(each.sentAt),
            )
        )
    db.commit()


def events(folder: Path) -> FastAPI:
    """Store events in SQLite, with the settings that ours has."""
    engine = create_engine(f"sqlite:///{folder / 'textbook.sqlite3'}", pool_size=40)

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _: Any) -> None:
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=30000"):
            connection.execute(f"PRAGMA {pragma}")

    make_session = sessionmaker(engine)

    def session() -> Iterator[Session]:
        with make_session() as opened:
            yield opened

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> Any:
        Base.metadata.create_all(engine)
        yield

    app = FastAPI(lifespan=lifespan)

    @app.get("/ready")
    async def ready() -> dict[str, bool]:
        return {"ready": True}

    @app.post("/events")
    def put_events(request: EventsRequest, db: Annotated[Session, Depends(session)]) -> None:
        store(request, db)

    @app.post("/async/events")
    async def put_events_async(request: EventsRequest, db: Annotated[Session, Depends(session)]) -> None:
        # Blocks the event loop for the time of a commit, but spares the threads' fight for the lock.
        store(request, db)

    return app


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("service", choices=["recommendations", "events"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--listener", type=int, required=True)
    given = parser.parse_args()
    app = {"recommendations": recommendations, "events": events}[given.service](given.folder)
    config = uvicorn.Config(app, loop="uvloop", http="httptools", access_log=False, log_level="warning")
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=given.listener)])


if __name__ == "__main__":
    main()
