"""Items for users, and items like an item: ours beside the peers on the same questions."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from benchmarks.quality import peers, questions
from benchmarks.quality.measures import Evaluation
from benchmarks.quality.peers import AlsSettings, Candidates, Peer
from benchmarks.quality.questions import Answer, HeldOut, Question
from benchmarks.quality.stores import Store
from benchmarks.quality.training import Trainer, Untrained

from openpersonalize.models import Ranker
from openpersonalize.recipes.interactions import Interactions
from openpersonalize.recipes.training import Trained

FOR_USER = ("aws-user-personalization", "aws-popularity-count", "aws-trending-now")
LIKE_ITEM = ("aws-sims", "aws-similar-items")
POPULARITY, ALS, TUNED_ALS = "popularity", "implicit ALS, defaults", "implicit ALS, tuned"
NEWEST_ALS = "implicit ALS, tuned, newest 10 events"
KINDS = ("cosine", "TF-IDF", "BM25")
NEIGHBOURS = tuple(f"implicit item-kNN, {kind}" for kind in KINDS)
EASE = "EASE"
N_LATER = 5
"""Events of each user in the protocol of later events."""
NEWEST = 10
Found = dict[str, Evaluation | Untrained]


@dataclass(frozen=True)
class Comparison:
    """One protocol on one store: by model what came, and what was asked."""

    found: Found
    n_questions: int
    n_held_out: int
    settings: AlsSettings = field(default_factory=AlsSettings)
    """Of the tuned ALS."""


def last_event(store: Store, trainer: Trainer, candidates: Candidates) -> Comparison:
    """Protocol (b): each user's last event."""
    return _compare(store, trainer, candidates, HeldOut.last(store.interactions, 1), "last event")


def later_events(store: Store, trainer: Trainer, candidates: Candidates) -> Comparison:
    """Protocol (d): each user's last five events, each told to the model after it was predicted."""
    return _compare(store, trainer, candidates, HeldOut.last(store.interactions, N_LATER), "last five events")


def next_item(store: Store, trainer: Trainer) -> Comparison:
    """The user's last event, from the one item before it alone."""
    held_out = HeldOut.last(store.interactions, 1)
    before, asked = held_out.before, held_out.questions()
    found: Found = _ours(LIKE_ITEM, store, trainer, before, "next item", asked, questions.like_the_last)
    for name, peer in _item_peers(before).items():
        found[name] = peers.evaluate(peer, asked, only_last=True)
    return Comparison(found, len(asked), held_out.n_held_out)


def _compare(
    store: Store, trainer: Trainer, candidates: Candidates, held_out: HeldOut, what: str
) -> Comparison:
    before, asked = held_out.before, held_out.questions()
    found = _ours(FOR_USER, store, trainer, before, what, asked, questions.for_user)
    settings = peers.tuned(before, candidates)
    for name, peer in user_peers(before, settings).items():
        found[name] = peers.evaluate(peer, asked)
    return Comparison(found, len(asked), held_out.n_held_out, settings)


def _ours(  # noqa: PLR0917  (read as one sentence at its two calls)
    names: Sequence[str],
    store: Store,
    trainer: Trainer,
    before: Interactions,
    what: str,
    asked: Sequence[Question],
    asking: Callable[[Ranker], Answer],
) -> Found:
    found: Found = {}
    for name in names:
        trained = trainer.train(name, before, store.records, what)
        if isinstance(trained, Trained):
            bar = trainer.bars.track(asked, description=f"{what}: ask {name}")
            found[name] = questions.evaluate(asking(trained.model), bar)
        else:
            found[name] = trained
    return found


def user_peers(before: Interactions, settings: AlsSettings) -> Mapping[str, Peer]:
    """Fit all peers that rank items for a user."""
    als = peers.als(before, settings)
    fitted = {
        POPULARITY: peers.popularity(before),
        ALS: peers.als(before, peers.LIBRARY_DEFAULTS),
        TUNED_ALS: als,
        NEWEST_ALS: Peer(als.scores, als.popularity, NEWEST),
    }
    for name, kind in zip(NEIGHBOURS, KINDS, strict=True):
        fitted[name] = peers.neighbours(before, kind, peers.tuned_neighbours(before, kind))
    if peers.has_room_for_ease(before):
        fitted[EASE] = peers.ease(before)
    return fitted


def _item_peers(before: Interactions) -> Mapping[str, Peer]:
    fitted = {
        name: peers.neighbours(before, kind, peers.NEIGHBOURS)
        for name, kind in zip(NEIGHBOURS, KINDS, strict=True)
    }
    fitted["implicit ALS, similar_items"] = peers.like_by_factors(before, peers.LIBRARY_DEFAULTS)
    if peers.has_room_for_ease(before):
        fitted["EASE, rows of items"] = peers.ease(before)
    return fitted | {POPULARITY: peers.popularity(before)}
