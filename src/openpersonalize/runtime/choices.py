"""Which items a request's filter leaves, of a whole catalogue or of a list that was given."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from openpersonalize.domain.limits import NEWEST_EVENTS
from openpersonalize.errors import InvalidInputException
from openpersonalize.filters.masks import UNKNOWN, Candidates, Mask, Part, Situation, check_types
from openpersonalize.filters.records import Records
from openpersonalize.filters.values import read_values
from openpersonalize.models import Question
from openpersonalize.models.action_events import type_number
from openpersonalize.models.event_pairs import EventPairs
from openpersonalize.models.ids import IdIndex
from openpersonalize.runtime.deployments import Deployment
from openpersonalize.runtime.filters import ActiveFilter
from openpersonalize.runtime.indexes import Group
from openpersonalize.runtime.lookups import Lookups

Rows = NDArray[np.int32]
NO_ROWS: Rows = np.empty(0, np.int32)

_NOUNS = {"UserID": "users", "ActionID": "actions", "ItemID": "items"}


@dataclass(frozen=True)
class Kind:
    """What is recommended: the target of its filters, and the types of the datasets that they read."""

    target: str
    records: str
    events: str


ITEMS = Kind("ItemID", "ITEMS", "INTERACTIONS")
ACTIONS = Kind("ActionID", "ACTIONS", "ACTION_INTERACTIONS")


def kind_of(deployment: Deployment) -> Kind:
    """What a deployment recommends."""
    return ACTIONS if deployment.question is Question.ACTIONS_FOR_USER else ITEMS


class Pool(Protocol):
    """What a filter chooses among."""

    @property
    def candidates(self) -> Candidates:
        """The candidates and their records."""

    def places(self, pair_items: Rows, item_ids: Sequence[str]) -> Rows:
        """The candidates that are among items given as rows of `EventPairs.items`, or as ids."""


@dataclass(frozen=True)
class Catalogue:
    """The items of a model: candidates are the model's rows."""

    items: IdIndex
    candidates: Candidates
    pair_rows: Rows
    """The model's row of each of the items of `EventPairs`."""

    def places(self, pair_items: Rows, item_ids: Sequence[str]) -> Rows:
        rows = self.pair_rows[pair_items]
        if item_ids:
            rows = np.concatenate([rows, self.items.find_many(item_ids)])
        return rows[rows >= 0]


@dataclass(frozen=True)
class Given:
    """The items of a request, which the model need not know: candidates are places in the list."""

    ids: Sequence[str]
    candidates: Candidates
    pair_rows: Rows
    """The row of each in the items of `EventPairs`."""

    def places(self, pair_items: Rows, item_ids: Sequence[str]) -> Rows:
        wanted = set(item_ids)
        is_wanted = [item_id in wanted for item_id in self.ids]
        return np.flatnonzero(np.isin(self.pair_rows, pair_items) | is_wanted).astype(np.int32)


def catalogue(deployment: Deployment, group: Group) -> Catalogue:
    """The items, or the actions, of a deployment's model, with their newest records."""
    items, remembered = deployment.model.items, deployment.remembered
    candidates, pair_rows = Candidates(len(items), ()), NO_ROWS
    kind = kind_of(deployment)
    if records := group.records.get(kind.records):
        base = remembered("base", records.base, lambda: Part(records.base, records.base.ids.find_all(items)))
        candidates = remembered(
            "candidates", records, lambda: Candidates(len(items), _parts(base, records, items))
        )
    if events := group.events.get(kind.events):
        pairs = events.pairs
        pair_rows = remembered("pairs", pairs, lambda: items.find_all(pairs.items))
    return Catalogue(items, candidates, pair_rows)


def _parts(base: Part, records: Records, items: IdIndex) -> tuple[Part, ...]:
    if len(records.newer) == 0:
        return (base,)
    places = items.find_all(records.newer.ids)
    rows = np.flatnonzero(places >= 0).astype(np.int32)
    return (base, Part(records.newer, rows, places[rows]))


def given_items(ids: Sequence[str], group: Group) -> Given:
    """Items of a request, with their newest records."""
    parts: tuple[Part, ...] = ()
    if records := group.records.get("ITEMS"):
        newer = records.newer.ids.find_many(ids)
        places = np.flatnonzero(newer >= 0).astype(np.int32)
        parts = (
            Part(records.base, records.base.ids.find_many(ids)),
            Part(records.newer, newer[places], places),
        )
    events = group.events.get("INTERACTIONS")
    pair_rows = events.pairs.items.find_many(ids) if events else NO_ROWS
    return Given(ids, Candidates(len(ids), parts), pair_rows)


@dataclass(frozen=True)
class Asker:
    """Who asks for what; None is what a request does not say."""

    deployment: Deployment
    group: Group
    user_id: str | None
    item_id: str | None = None


def check_usable(chosen: ActiveFilter, asker: Asker) -> None:
    """Raise InvalidInputException where a request cannot use a filter."""
    arn, deployment, tree = chosen.arn, asker.deployment, chosen.tree
    if chosen.dataset_group_id != deployment.dataset_group_id:
        raise InvalidInputException(
            f"The filter is of another dataset group than the {deployment.kind}: {arn}. Use one of its own."
        )
    if tree is None:
        raise InvalidInputException(
            f"The filter does not fit the schemas of its dataset group any more: {arn}. {chosen.why} Delete "
            "it, and create another."
        )
    target = kind_of(deployment).target
    if tree.target != target:
        raise InvalidInputException(
            f"The filter chooses {_NOUNS[tree.target]}, not {_NOUNS[target]}: {arn}. Use one whose "
            f"expressions have {target}."
        )
    if tree.needs_current_item and deployment.question is not Question.SIMILAR_ITEMS:
        raise InvalidInputException(
            f"The filter compares with CurrentItem: {arn}. Use it where items like a given one are "
            "recommended, or use another filter."
        )
    if chosen.reads_user and not asker.user_id:
        raise InvalidInputException(
            f"userId is required: the filter looks at the user's events or attributes: {arn}."
        )
    missing = chosen.dataset_types - asker.group.records.keys() - asker.group.events.keys()
    if missing:
        raise InvalidInputException(
            f"The filter reads {', '.join(sorted(missing))}, a dataset that was deleted after the filter was "
            f"created: {arn}. Create the dataset if it is missing, delete the filter and create it again."
        )


def kept(
    chosen: ActiveFilter, texts: Mapping[str, str] | None, pool: Pool, asker: Asker, lookups: Lookups
) -> Mask | None:
    """Which candidates a usable filter keeps with the given filterValues; None keeps all.

    Raises InvalidInputException for values that do not fit.
    """
    tree, group = chosen.tree, asker.group
    if tree is None:
        raise ValueError(chosen.arn)
    given = read_values(texts or {}, tree)
    check_types(tree, given, chosen.is_number)
    users, items = group.records.get("USERS"), group.records.get("ITEMS")
    situation = Situation(
        given,
        user=users.find(asker.user_id) if users and "USERS" in chosen.dataset_types else UNKNOWN,
        item=items.find(asker.item_id) if items and tree.needs_current_item else UNKNOWN,
        events=lambda types: _with_events(pool, asker, lookups, _wanted(asker, types)),
    )
    return pool.candidates.mask(tree, situation)


def not_left_out(asker: Asker, lookups: Lookups) -> Mask | None:
    """Which items of the model a recommender's use case leaves for the asker; None leaves all.

    It never recommends what the asker had an event of a type with, see `Deployment.leaves_out`.
    """
    deployment = asker.deployment
    if deployment.leaves_out is None or not asker.user_id:
        return None
    if "INTERACTIONS" not in asker.group.events:
        lookups.look_again_for_records()
        return None
    pool = catalogue(deployment, asker.group)
    had = _with_events(pool, asker, lookups, lambda one: one == deployment.leaves_out)
    if len(had) == 0:
        return None
    is_left = np.ones(len(pool.items), np.bool_)
    is_left[had] = False
    return is_left


def both(one: Mask | None, other: Mask | None) -> Mask | None:
    """What two masks leave; None leaves all."""
    if one is None or other is None:
        return other if one is None else one
    return one & other


def _wanted(asker: Asker, types: frozenset[str] | None) -> Callable[[str], bool] | None:
    """Whether a type of events is among casefolded ones that a filter names; None takes all."""
    if types is None:
        return None
    if kind_of(asker.deployment) is not ACTIONS:
        return lambda one: one.casefold() in types
    numbers = {type_number(one) for one in types} - {-1}
    return lambda one: type_number(one) in numbers


def _with_events(pool: Pool, asker: Asker, lookups: Lookups, is_wanted: Callable[[str], bool] | None) -> Rows:
    """The candidates that the asker had an event with, of a type that is wanted, or of any (None)."""
    kind, user_id = kind_of(asker.deployment), asker.user_id or ""
    events, group_id = asker.group.events[kind.events], asker.deployment.dataset_group_id
    if kind is ACTIONS:
        done = lookups.done(group_id, user_id, events.watermark)
        all_since = [(each.action_id, each.event_type) for each in done]
    else:
        all_since = lookups.since(group_id, events, user_id)
    spellings = {*events.pairs.types, *(event_type for _, event_type in all_since)}
    types = None if is_wanted is None else frozenset(filter(is_wanted, spellings))
    since = [each for each in all_since if types is None or each[1] in types]
    if lookups.sees_newest_only:
        return pool.places(*newest(events.pairs, user_id, since, types, NEWEST_EVENTS[kind.events]))
    pairs = events.pairs.pairs_of(events.pairs.users.find(user_id))
    items = pairs.items
    if types is not None and len(items):
        items = items[_is_of(events.pairs, types)[pairs.types]]
    return pool.places(items, [item_id for item_id, _ in since])


def _is_of(pairs: EventPairs, types: frozenset[str]) -> NDArray[np.bool_]:
    """Which types of pairs are among some types."""
    return np.array([one in types for one in pairs.types], np.bool_)


def newest(
    pairs: EventPairs,
    user_id: str,
    since: Sequence[tuple[str, str]],
    types: frozenset[str] | None,
    most: int,
) -> tuple[Rows, list[str]]:
    """Items of the newest `most` events of each type: rows of `pairs.items`, and ids.

    `since`: item and type of the user's events of these types after the index, newest first. They
    count as newer than those in the index, even where they were sent late.
    """
    counts: dict[str, int] = {}
    ids = []
    for item_id, event_type in since:
        counts[event_type] = counts.get(event_type, 0) + 1
        if counts[event_type] <= most:
            ids.append(item_id)
    own = pairs.pairs_of(pairs.users.find(user_id))
    left = [0 if types is not None and one not in types else most - counts.get(one, 0) for one in pairs.types]
    return own.items[own.places < np.array(left, np.int32)[own.types]], ids
