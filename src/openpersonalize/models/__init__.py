"""What serves: frozen dataclasses of arrays that answer requests; no training, no storage."""

from collections.abc import Mapping

import numpy as np

from openpersonalize.models import topk
from openpersonalize.models.actions import ActionModel
from openpersonalize.models.blend import BlendModel
from openpersonalize.models.cold_users import ColdUsers
from openpersonalize.models.columns import ColumnTable
from openpersonalize.models.contexts import Contexts, key_of
from openpersonalize.models.event_pairs import EventPairs
from openpersonalize.models.factors import FactorPart
from openpersonalize.models.histories import Histories
from openpersonalize.models.ids import IdIndex
from openpersonalize.models.neighbours import NeighbourModel
from openpersonalize.models.parts import PopularityPart
from openpersonalize.models.popularity import PopularityModel
from openpersonalize.models.ranker import (
    Allowed,
    ItemRanker,
    Query,
    Question,
    Ranked,
    Ranker,
    UserRanker,
)
from openpersonalize.models.semantic import SemanticModel
from openpersonalize.models.transitions import TransitionPart

__all__ = [
    "INDEX_KINDS",
    "KINDS",
    "ActionModel",
    "Allowed",
    "BlendModel",
    "ColdUsers",
    "Contexts",
    "FactorPart",
    "ItemRanker",
    "NeighbourModel",
    "PopularityModel",
    "PopularityPart",
    "Query",
    "Question",
    "Ranked",
    "Ranker",
    "SemanticModel",
    "TransitionPart",
    "UserRanker",
    "warm_up",
]

KINDS: Mapping[str, type[Ranker]] = {
    model.kind: model for model in (ActionModel, BlendModel, PopularityModel, NeighbourModel, SemanticModel)
}

INDEX_KINDS: Mapping[str, type[ColumnTable] | type[EventPairs]] = {
    ColumnTable.kind: ColumnTable,
    EventPairs.kind: EventPairs,
}
"""What the indexes of datasets are; `artifacts.load(folder, INDEX_KINDS)`."""


def warm_up() -> None:
    """Compile, or load from the cache on disk, every kernel that a request may call; safe to repeat."""
    model = _tiny_model()
    query = Query(user=0, recent=np.array([1], np.int32), recent_times=np.array([1]))
    model.recommend(query, 1)
    model.rank(query, query.recent)
    model.rank(query, query.recent)
    model.recommend(query, 1, np.ones(2, np.bool_))
    in_context = Query(context=model.contexts.rows({"c": "v"}))
    model.recommend(in_context, 1)
    model.recommend(in_context, 1, np.ones(2, np.bool_))
    model.items.find_many([model.items.text(model.items.find("b"))])


def _tiny_model() -> BlendModel:
    """Return a model of two items whose arrays have the types and flags of a loaded one."""
    items, users = IdIndex.build(["a", "b"]), IdIndex.build(["u"])
    histories = Histories(np.array([0, 1]), np.array([0], np.int32), np.array([0]))
    half = np.full(2, 0.5, np.float32)
    return BlendModel(
        items=items,
        users=users,
        histories=histories,
        factors=FactorPart(topk.pack(np.eye(2, 4, dtype=np.float32)), 2, half, 1.0),
        transitions=TransitionPart(np.array([0, 1, 1]), np.array([1], np.int32), half[:1], half, 1.0),
        popularity=PopularityPart.of(half, 1.0),
        cold=ColdUsers.of(half),
        bias=topk.pack_bias(half),
        n_read=2,
        temperature=1.0,
        seen_penalty=1.0,
        contexts=Contexts(
            columns=("c",),
            values=IdIndex.build([key_of("c", "v")]),
            starts=histories.starts,
            items=histories.items,
            lifts=half[:1],
        ),
    )
