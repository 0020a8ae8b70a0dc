"""The deployments: which campaign or recommender answers with which model; one snapshot per process.

A thread reads campaigns and recommenders when their counter in the database has moved, maps new artifacts
into memory and swaps the snapshot. A request does one look-up in it and never waits for a load, but for one
case: what is not in it may have become ACTIVE a moment ago, so the request asks for a look at the database
first.
"""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from openpersonalize.models import ItemRanker, PopularityModel, Question, Ranker, warm_up
from openpersonalize.protocol.arns import resource_kind
from openpersonalize.runtime.poller import Poller
from openpersonalize.storage import artifacts
from openpersonalize.storage.event_log import START, Position
from openpersonalize.storage.records import DEPLOYMENTS, counter
from openpersonalize.storage.stores import Stores
from openpersonalize.storage.tables import (
    CampaignRow,
    DatasetGroupRow,
    RecommenderRow,
    SolutionRow,
    SolutionVersionRow,
)
from openpersonalize.storage.tail import Tail

log = logging.getLogger(__name__)

Made = TypeVar("Made")

METADATA = "enableMetadataWithRecommendations"

RETRY_S = 5.0
"""Seconds after which a model that could not be loaded is tried again."""


@dataclass(frozen=True)
class EventRule:
    """Which of the newest events a model listens to: the same that it was trained on."""

    event_type: str | None = None
    value_threshold: float | None = None


@dataclass(frozen=True)
class Deployment:
    """An ACTIVE campaign or recommender and the model that it answers with."""

    arn: str
    kind: str
    """`campaign` or `recommender`."""
    account: str
    region: str
    dataset_group_id: int
    cid: str
    """The constant end of its recommendationIds."""
    artifact_id: str
    question: Question
    model: Any
    """As `question` demands."""
    watermark: Position
    rule: EventRule
    needs_user: bool
    """Whether it is asked with a userId, even where everybody gets the same answer."""
    config: Mapping[str, Any] = field(default_factory=dict)
    """The campaignConfig or recommenderConfig, as the wire has it."""
    action_watermark: Position = START
    """Up to where the model has the log of action interactions."""
    leaves_out: str | None = None
    """The type of the events after which an item is not recommended to their user any more."""
    fragments: dict[int, str] = field(default_factory=dict, repr=False, compare=False)
    """Beginnings of the entries of answers by item row, see `answers`; filled as items are shown."""
    memos: dict[str, tuple[object, Any]] = field(default_factory=dict, repr=False, compare=False)
    """What was made of its model and of something else that changes, see `remembered`."""

    @property
    def gives_metadata(self) -> bool:
        """Whether its answers may have metadata of items."""
        return bool(self.config.get(METADATA))

    @cached_property
    def influence(self) -> tuple[float, float]:
        """What popularity and freshness add to the similarity of texts."""
        given = self.config.get("rankingInfluence") or {}
        return float(given.get("POPULARITY", 0.0)), float(given.get("FRESHNESS", 0.0))

    def remembered(self, name: str, of: object, make: Callable[[], Made]) -> Made:
        """What was made of something, made anew when that is another object than the last time."""
        known = self.memos.get(name)
        if known is None or known[0] is not of:
            known = self.memos[name] = (of, make())
        made: Made = known[1]
        return made


Snapshot = Mapping[str, Deployment]


@dataclass(frozen=True)
class _Served:
    """What the rows say of a campaign or a recommender."""

    row: CampaignRow | RecommenderRow
    recipe_arn: str
    dataset_group_id: int
    config: Mapping[str, Any]
    rule: EventRule = EventRule()


class Deployments:
    """Keeps the snapshot fresh."""

    def __init__(self, stores: Stores, tail: Tail, kinds: Mapping[str, type[Ranker]]) -> None:
        """`kinds`: the classes of models by what artifacts call them."""
        self._stores = stores
        self._tail = tail
        self._kinds = kinds
        self.snapshot: Snapshot = {}
        self._generation = -1
        self._retry_at = float("inf")
        self.poller = Poller("deployments", self.refresh, before=self._compile)
        self._kernels_reason = (
            "the functions that score are being compiled, which takes up to a minute after an installation: "
            "wait"
        )

    def kernels_reason(self) -> str:
        """Why the compiled functions cannot be called yet; empty when they can."""
        return self._kernels_reason

    def _compile(self) -> None:
        try:
            warm_up()
        except Exception:  # whatever the compiler says, the process stays up to tell that it is not ready
            log.exception("the functions that score cannot be compiled")
            self._kernels_reason = "the functions that score cannot be compiled: see the log of the server"
            return
        self._kernels_reason = ""

    def refresh(self) -> None:
        """Swap the snapshot if a campaign or recommender has changed since the last one."""
        with self._stores.database.read() as session:
            generation = counter(session, DEPLOYMENTS)
            if generation == self._generation and time.monotonic() < self._retry_at:
                return
            active = [*_active_campaigns(session), *_active_recommenders(session)]
        self._retry_at = float("inf")
        snapshot: dict[str, Deployment] = {}
        for served in active:
            deployment = self._deploy(served)
            if deployment is not None:
                snapshot[deployment.arn] = deployment
        # The events first: an answer must never miss what was sent before it.
        self._tail.serve(_watermarks(snapshot))
        self.snapshot = snapshot
        self._generation = generation

    def _deploy(self, served: _Served) -> Deployment | None:
        """The deployment of what serves; the one before it if its artifact cannot be loaded."""
        row = served.row
        before = self.snapshot.get(row.arn)
        artifact_id, cid = str(row.artifact_id), row.recommendation_cid
        if before is not None and (before.artifact_id, before.cid) == (artifact_id, cid):
            return replace(before, config=served.config)
        folder = self._stores.artifacts / artifact_id
        try:
            extra = artifacts.read_manifest(folder).get("extra", {})
            model = artifacts.load(folder, self._kinds)
        except (artifacts.CorruptArtifactError, OSError) as error:
            log.error("an artifact cannot be loaded", extra={"artifact": artifact_id, "why": str(error)})
            self._retry_at = time.monotonic() + RETRY_S
            return before
        return Deployment(
            arn=row.arn,
            kind=resource_kind(row.arn),
            account=row.account,
            region=row.region,
            dataset_group_id=served.dataset_group_id,
            cid=cid,
            artifact_id=artifact_id,
            question=_question_of(extra, served.recipe_arn, model),
            model=model,
            watermark=Position(*extra["watermark"]) if "watermark" in extra else START,
            rule=served.rule,
            needs_user=bool(extra.get("needs_user")),
            config=served.config,
            action_watermark=Position(*extra["action_watermark"]) if "action_watermark" in extra else START,
            leaves_out=extra.get("leaves_out"),
        )


def _question_of(extra: Mapping[str, Any], recipe_arn: str, model: Ranker) -> Question:
    """What a model answers; by its recipe and kind if its artifact is too old to say it."""
    if "question" in extra:
        return Question(extra["question"])
    if "/aws-personalized-ranking" in recipe_arn:
        return Question.RANKING
    if isinstance(model, ItemRanker):
        return Question.SIMILAR_ITEMS
    return Question.POPULAR_ITEMS if isinstance(model, PopularityModel) else Question.ITEMS_FOR_USER


def _active_campaigns(session: Session) -> list[_Served]:
    """The campaigns that serve, with what the versions that they serve were trained on."""
    rows = session.execute(
        select(CampaignRow, SolutionVersionRow, DatasetGroupRow.id)
        .join(SolutionRow, SolutionRow.arn == CampaignRow.solution_arn)
        .join(DatasetGroupRow, DatasetGroupRow.arn == SolutionRow.dataset_group_arn)
        .join(
            SolutionVersionRow,
            (SolutionVersionRow.solution_arn == SolutionRow.arn)
            & (SolutionVersionRow.artifact_id == CampaignRow.artifact_id),
        )
        .where(CampaignRow.status == "ACTIVE")
    )
    return [
        _Served(
            campaign,
            version.recipe_arn,
            group_id,
            campaign.campaign_config or {},
            EventRule(version.event_type, _threshold(version.solution_config)),
        )
        for campaign, version, group_id in rows
    ]


def _active_recommenders(session: Session) -> list[_Served]:
    """The recommenders that serve."""
    rows = session.execute(
        select(RecommenderRow, DatasetGroupRow.id)
        .join(DatasetGroupRow, DatasetGroupRow.arn == RecommenderRow.dataset_group_arn)
        .where(RecommenderRow.status == "ACTIVE")
    )
    return [
        _Served(
            recommender,
            recommender.recipe_arn,
            group_id,
            recommender.recommender_config or {},
        )
        for recommender, group_id in rows
    ]


def _threshold(solution_config: Mapping[str, Any] | None) -> float | None:
    threshold = (solution_config or {}).get("eventValueThreshold")
    return None if threshold is None else float(threshold)


def _watermarks(snapshot: Snapshot) -> dict[int, Position]:
    """The oldest watermark of each dataset group."""
    oldest: dict[int, Position] = {}
    for deployment in snapshot.values():
        group = deployment.dataset_group_id
        oldest[group] = min(oldest.get(group, deployment.watermark), deployment.watermark)
    return oldest
