"""The operations of the runtime API; they run on the event loop and touch memory only, while they can."""

import random
from collections.abc import Callable, Mapping
from functools import partial

from openpersonalize.models import KINDS, Question, Ranker
from openpersonalize.protocol.call import Call, CallHandler
from openpersonalize.protocol.dialect import decode
from openpersonalize.protocol.operation import Operation, Operations
from openpersonalize.protocol.shapes import read
from openpersonalize.runtime import actions, ranking, recommend
from openpersonalize.runtime.lookups import Answer, Lookups, Memory
from openpersonalize.runtime.shapes import (
    GetActionRecommendationsRequest,
    GetActionRecommendationsResponse,
    GetPersonalizedRankingRequest,
    GetPersonalizedRankingResponse,
    GetRecommendationsRequest,
    GetRecommendationsResponse,
)
from openpersonalize.storage.shown import ShownLists
from openpersonalize.storage.stores import Stores
from openpersonalize.storage.tail import Tail


class Runtime:
    """The runtime API of one process."""

    def __init__(
        self,
        stores: Stores,
        tail: Tail,
        *,
        kinds: Mapping[str, type[Ranker]] = KINDS,
        seed: int | None = None,
    ) -> None:
        """`kinds`: the classes of models by what artifacts call them; `seed` fixes what is left to chance."""
        self._memory = Memory(stores, tail, kinds)
        self._chance = random.Random(seed)  # noqa: S311  (places in a list, no secret)
        self._shown = ShownLists(stores.database, stores.clock)
        self.checks: Mapping[str, Callable[[], str]] = {
            "kernels": self._memory.deployments.kernels_reason,
            "deployments": self._memory.deployments.poller.reason,
            "records": self._memory.indexes.poller.reason,
        }
        self.handlers: Mapping[str, CallHandler] = {
            "GetRecommendations": self.get_recommendations,
            "GetPersonalizedRanking": self.get_personalized_ranking,
            "GetActionRecommendations": self.get_action_recommendations,
        }
        self.operations = Operations()
        for request, response, handler in (
            (GetRecommendationsRequest, GetRecommendationsResponse, self.get_recommendations),
            (GetPersonalizedRankingRequest, GetPersonalizedRankingResponse, self.get_personalized_ranking),
            (
                GetActionRecommendationsRequest,
                GetActionRecommendationsResponse,
                self.get_action_recommendations,
            ),
        ):
            name = request.__name__.removesuffix("Request")
            self.operations.add(Operation(name, request, response, handler))

    def start(self) -> None:
        """Start the threads that keep fresh what requests read, and that store what was shown."""
        self._shown.start()
        self._memory.indexes.poller.start()
        self._memory.deployments.poller.start()

    def stop(self) -> None:
        """End them."""
        self._memory.deployments.poller.stop()
        self._memory.indexes.poller.stop()
        self._shown.stop()

    def get_recommendations(self, call: Call) -> Answer:
        """Recommend items for a user, items like an item, or popular items, as the recipe does."""
        request = read(GetRecommendationsRequest, decode(call.body))
        recommend.check(request)
        return self._memory.answered(call.scope, partial(self._recommended, request))

    def _recommended(self, request: GetRecommendationsRequest, lookups: Lookups) -> bytes:
        deployment = lookups.deployment(*recommend.asked(request))
        answer = recommend.recommend(request, deployment, lookups, self._chance)
        if deployment.question is Question.ITEMS_FOR_USER:
            # The impression of events that it leads to.
            self._shown.remember(deployment.dataset_group_id, deployment.arn, answer)
        return answer

    def get_personalized_ranking(self, call: Call) -> Answer:
        """Put given items into the order of a user's taste."""
        request = read(GetPersonalizedRankingRequest, decode(call.body))
        ranking.check(request)
        return self._memory.answered(call.scope, partial(_ranked, request))

    def get_action_recommendations(self, call: Call) -> Answer:
        """Recommend actions for a user."""
        request = read(GetActionRecommendationsRequest, decode(call.body))
        actions.check(request)
        return self._memory.answered(call.scope, partial(self._actions, request))

    def _actions(self, request: GetActionRecommendationsRequest, lookups: Lookups) -> bytes:
        deployment = lookups.deployment(request.campaign_arn or "", "campaign")
        return actions.recommend(request, deployment, lookups, self._chance)


def _ranked(request: GetPersonalizedRankingRequest, lookups: Lookups) -> bytes:
    deployment = lookups.deployment(request.campaign_arn, "campaign")
    return ranking.rank(request, deployment, lookups)
