"""The services that a user would write in an afternoon, as peers, with FastAPI.

Recommendations: implicit's `recommend` with `recalculate_user=True`, a pydantic response model, uvicorn with
uvloop. Events, and the rows of a control plane: SQLAlchemy, one session for each request, in FastAPI's
threads or on its loop.
"""
# ruff: noqa: N815  (members have the names of the wire)

import argparse
import random
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

import implicit
import numpy as np
import pandas as pd
import scipy.sparse
import uvicorn
from fastapi import Depends, FastAPI, HTTPException
from pydantic import BaseModel, Field
from sqlalchemy import Engine, create_engine, event, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, sessionmaker

METADATA = ["CATEGORY", "PRICE", "TITLE"]


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


class FilteredItem(Item):
    promotionName: str | None = None
    metadata: dict[str, str] | None = None


class FilteredResponse(BaseModel):
    itemList: list[FilteredItem]
    recommendationId: str


def filtered(folder: Path) -> FastAPI:
    """The same with what `bench_filters` asks for, each row of its table at a path of its own."""
    app = FastAPI()
    factors = np.load(folder / "factors.npy")
    histories = scipy.sparse.load_npz(folder / "histories.npz").tocsr()
    user_rows = {f"user-{row}": row for row in range(histories.shape[0])}
    frame = pd.read_parquet(folder / "items.parquet").set_index("ITEM_ID")
    item_ids = frame.index.to_list()
    of_category = {str(name): rows for name, rows in frame.reset_index().groupby("CATEGORY").indices.items()}
    of_half = {str(name): rows for name, rows in frame.reset_index().groupby("HALF").indices.items()}
    everything = np.arange(len(item_ids))
    others = {name: np.setdiff1d(everything, rows) for name, rows in (of_category | of_half).items()}
    metadata = frame[METADATA].astype(str).rename(columns=str.lower)
    als = implicit.als.AlternatingLeastSquares(
        factors=factors.shape[1], regularization=float(np.load(folder / "regularization.npy")), num_threads=1
    )
    als.item_factors = factors
    als.user_factors = np.zeros((histories.shape[0], factors.shape[1]), np.float32)
    implicit.cpu.topk  # noqa: B018  (loaded before the first request)

    def best(user: int, n_items: int, **chosen: Any) -> tuple[Any, Any]:
        rows, scores = als.recommend(
            user,
            histories[user],
            N=n_items,
            filter_already_liked_items=False,
            recalculate_user=True,
            **chosen,
        )
        return rows, scores

    def shown(rows: Any, scores: Any, **more: Any) -> list[FilteredItem]:
        return [
            FilteredItem(itemId=item_ids[row], score=score, **more)
            for row, score in zip(rows, scores, strict=True)
        ]

    @app.get("/ready")
    async def ready() -> dict[str, bool]:
        return {"ready": True}

    @app.post("/{kind}")
    async def recommend(kind: str, request: RecommendationRequest) -> FilteredResponse:
        user, n_items = user_rows[request.userId], request.numResults
        if kind == "purchased":
            items = shown(*best(user, n_items, filter_items=histories[user].indices[::3]))
        elif kind in ("1-items", "50-items"):
            rows = of_category["c7"] if kind == "1-items" else of_half["yes"]
            items = shown(*best(user, n_items, items=rows))
        elif kind in ("1-filter", "50-filter"):
            items = shown(*best(user, n_items, filter_items=others["c7" if kind == "1-filter" else "yes"]))
        elif kind == "promotion":
            rows, scores = best(user, n_items // 5, items=of_category["c7"])
            items = shown(rows, scores, promotionName="autumn")
            items += shown(*best(user, n_items - len(items), filter_items=rows))
            random.shuffle(items)
        elif kind == "metadata":
            rows, scores = best(user, n_items)
            records = metadata.iloc[rows].to_dict("records")
            items = [
                FilteredItem(itemId=item_ids[row], score=score, metadata=record)
                for row, score, record in zip(rows, scores, records, strict=True)
            ]
        else:
            items = shown(*best(user, n_items))
        return FilteredResponse(itemList=items, recommendationId="none")

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


class CampaignRow(Base):
    __tablename__ = "campaigns"
    id: Mapped[int] = mapped_column(primary_key=True)
    arn: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    status: Mapped[str]
    solution_version_arn: Mapped[str]
    min_provisioned_tps: Mapped[int]
    creation_date_time: Mapped[float]
    last_updated_date_time: Mapped[float]


class SchemaRow(Base):
    __tablename__ = "schemas"
    id: Mapped[int] = mapped_column(primary_key=True)
    arn: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    schema: Mapped[str]
    creation_date_time: Mapped[float]
    last_updated_date_time: Mapped[float]


class DescribeRequest(BaseModel):
    campaignArn: str = Field(max_length=256)


class Campaign(BaseModel):
    campaignArn: str
    name: str
    status: str
    solutionVersionArn: str
    minProvisionedTPS: int
    creationDateTime: float
    lastUpdatedDateTime: float


class DescribeResponse(BaseModel):
    campaign: Campaign


class CreateSchemaRequest(BaseModel):
    name: str = Field(max_length=63, pattern="^[a-zA-Z0-9]")
    schema_: str = Field(max_length=20_000, alias="schema")


class CreateSchemaResponse(BaseModel):
    schemaArn: str


def describe(request: DescribeRequest, db: Session) -> DescribeResponse:
    row = db.scalar(select(CampaignRow).where(CampaignRow.arn == request.campaignArn))
    if row is None:
        raise HTTPException(400, "there is no such campaign")
    campaign = Campaign(
        campaignArn=row.arn,
        name=row.name,
        status=row.status,
        solutionVersionArn=row.solution_version_arn,
        minProvisionedTPS=row.min_provisioned_tps,
        creationDateTime=row.creation_date_time,
        lastUpdatedDateTime=row.last_updated_date_time,
    )
    return DescribeResponse(campaign=campaign)


def create_schema(request: CreateSchemaRequest, db: Session) -> CreateSchemaResponse:
    arn, now = f"arn:aws:personalize:us-east-1:123456789012:schema/{request.name}", time.time()
    times = {"creation_date_time": now, "last_updated_date_time": now}
    db.add(SchemaRow(arn=arn, name=request.name, schema=request.schema_, **times))
    db.commit()
    return CreateSchemaResponse(schemaArn=arn)


def rows(folder: Path) -> FastAPI:
    """Read and insert a row: what a control plane comes down to."""
    app, session, engine = with_database(folder)
    campaign = CampaignRow(
        arn="arn:aws:personalize:us-east-1:123456789012:campaign/popular",
        name="popular",
        status="ACTIVE",
        solution_version_arn="arn:aws:personalize:us-east-1:123456789012:solution/popular/0",
        min_provisioned_tps=1,
        creation_date_time=1.0,
        last_updated_date_time=1.0,
    )
    Base.metadata.create_all(engine)
    with Session(engine) as db, db.begin():
        db.add(campaign)

    @app.post("/describe")
    def describe_campaign(
        request: DescribeRequest, db: Annotated[Session, Depends(session)]
    ) -> DescribeResponse:
        return describe(request, db)

    @app.post("/async/describe")
    async def describe_campaign_async(
        request: DescribeRequest, db: Annotated[Session, Depends(session)]
    ) -> DescribeResponse:
        return describe(request, db)

    @app.post("/create")
    def create(
        request: CreateSchemaRequest, db: Annotated[Session, Depends(session)]
    ) -> CreateSchemaResponse:
        return create_schema(request, db)

    @app.post("/async/create")
    async def create_async(
        request: CreateSchemaRequest, db: Annotated[Session, Depends(session)]
    ) -> CreateSchemaResponse:
        return create_schema(request, db)

    return app


Sessions = Callable[[], Iterator[Session]]


def with_database(folder: Path) -> tuple[FastAPI, Sessions, Engine]:
    """An app with sessions on SQLite, with the settings that ours has."""
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

    return app, session, engine


def events(folder: Path) -> FastAPI:
    """Store events."""
    app, session, _ = with_database(folder)

    @app.post("/events")
    def put_events(request: EventsRequest, db: Annotated[Session, Depends(session)]) -> None:
        store(request, db)

    @app.post("/async/events")
    async def put_events_async(request: EventsRequest, db: Annotated[Session, Depends(session)]) -> None:
        # Blocks the event loop for the time of a commit, but spares the threads' fight for the lock.
        store(request, db)

    return app


SERVICES = {"recommendations": recommendations, "filtered": filtered, "events": events, "rows": rows}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("service", choices=list(SERVICES))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--listener", type=int, required=True)
    given = parser.parse_args()
    app = SERVICES[given.service](given.folder)
    config = uvicorn.Config(app, loop="uvloop", http="httptools", access_log=False, log_level="warning")
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=given.listener)])


if __name__ == "__main__":
    main()
