"""Blends made by hand."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from openpersonalize.models import (
    BlendModel,
    ColdUsers,
    Contexts,
    FactorPart,
    PopularityPart,
    TransitionPart,
    topk,
)
from openpersonalize.models.histories import Histories
from openpersonalize.models.ids import IdIndex

Floats = np.ndarray[Any, np.dtype[np.float32]]


def blend_of(
    items: IdIndex,
    users: IdIndex,
    histories: Histories,
    *,
    shares: Floats,
    factors: Floats,
    event_weights: Sequence[float] = (1.0, 1.0),
    transitions: Floats | None = None,
    weights: tuple[float, float, float] = (1.0, 0.0, 0.0),
    temperature: float = 1.0,
    seen_penalty: float = 0.0,
    bias: Floats | None = None,
    contexts: Contexts | None = None,
) -> BlendModel:
    """A blend of factors, shape (n_items, width), transitions, shape (n_items, n_items), and popularity.

    Transitions read as many events as factors; without a matrix nothing follows anything. `shares` are the
    popularity, and what users without events get.
    """
    n_items = len(items)
    dense = np.zeros((n_items, n_items), np.float32) if transitions is None else transitions
    seeds, followers = np.nonzero(dense)
    read = np.array(event_weights, np.float32)
    return BlendModel(
        items=items,
        users=users,
        histories=histories,
        factors=FactorPart(topk.pack(factors.astype(np.float32)), n_items, read, weights[0]),
        transitions=TransitionPart(
            starts=np.concatenate([[0], np.cumsum(np.bincount(seeds, minlength=n_items))]).astype(np.int64),
            followers=followers.astype(np.int32),
            strengths=dense[seeds, followers].astype(np.float32),
            event_weights=(1.0 / np.arange(1, len(read) + 1)).astype(np.float32),
            weight=weights[1],
        ),
        popularity=PopularityPart.of(shares, weights[2]),
        cold=ColdUsers.of(shares),
        bias=topk.pack_bias(np.zeros(n_items, np.float32) if bias is None else bias),
        n_read=len(read),
        temperature=temperature,
        seen_penalty=seen_penalty,
        contexts=contexts or Contexts.without_values(),
    )
