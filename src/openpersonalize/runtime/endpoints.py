"""The operations of the runtime API; they run on the event loop and touch memory only, while they can."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from openpersonalize.errors import InvalidInputException, NotBuiltYet
from openpersonalize.protocol.arns import Scope, resource_kind
from openpersonalize.protocol.call import Call, CallHandler
from openpersonalize.protocol.dialect import decode
from openpersonalize.protocol.operation import Operation, Operations
from openpersonalize.protocol.shapes import read
from openpersonalize.runtime import ranking, recommend
from openpersonalize.runtime.deployments import Deployment, Deployments
from openpersonalize.runtime.history import Rows, rows_of
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

Answer = bytes | Awaitable[bytes]


class Runtime:
    """The runtime API of one process."""

    def __init__(self, stores: Stores, tail: Tail) -> None:
        self._tail = tail
        self._deployments = Deployments(stores, tail)
        self._shown = ShownLists(stores.database, stores.clock)
        self.checks: Mapping[str, Callable[[], str]] = {
            "kernels": self._deployments.kernels_reason,
            "deployments": self._deployments.poller.reason,
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
        """Start the threads that keep the deployments fresh, and what was shown."""
        self._shown.start()
        self._deployments.poller.start()

    def stop(self) -> None:
        """End them."""
        self._deployments.poller.stop()
        self._shown.stop()

    def get_recommendations(self, call: Call) -> Answer:
        """Recommend items for a user, items like an item, or popular items, as the recipe does."""
        request = read(GetRecommendationsRequest, decode(call.body))
        recommend.check(request)
        arn, kind = recommend.asked(request)

        def answered(deployment: Deployment) -> Answer:
            if not recommend.needs_history(request, deployment):
                return recommend.recommend(request, deployment)
            return self._with_history(
                deployment,
                request.user_id or "",
                lambda recent: self._shown_to_user(
                    deployment, recommend.recommend(request, deployment, recent)
                ),
            )

        return self._with_deployment(arn, kind, call.scope, answered)

    def _shown_to_user(self, deployment: Deployment, answer: bytes) -> bytes:
        """The answer, kept as the impression of events that it leads to."""
        self._shown.remember(deployment.dataset_group_id, deployment.arn, answer)
        return answer

    def get_personalized_ranking(self, call: Call) -> Answer:
        """Put given items into the order of a user's taste."""
        request = read(GetPersonalizedRankingRequest, decode(call.body))
        ranking.check(request)

        def answered(deployment: Deployment) -> Answer:
            ranking.check_campaign(deployment)
            return self._with_history(
                deployment, request.user_id, lambda recent: ranking.rank(request, deployment, recent)
            )

        return self._with_deployment(request.campaign_arn, "campaign", call.scope, answered)

    def get_action_recommendations(self, call: Call) -> Answer:
        """Not built yet; refused after the request has been checked."""
        read(GetActionRecommendationsRequest, decode(call.body))
        raise NotBuiltYet("GetActionRecommendations")

    def _with_deployment(
        self, arn: str, kind: str, scope: Scope, answered: Callable[[Deployment], Answer]
    ) -> Answer:
        deployment = self._deployments.snapshot.get(arn)
        if deployment is not None and deployment.kind == kind and _is_of(scope, deployment):
            return answered(deployment)
        if deployment is not None or not scope.owns(arn) or resource_kind(arn) != kind:
            raise _not_active(arn)
        return self._after_a_look(arn, scope, answered)

    async def _after_a_look(self, arn: str, scope: Scope, answered: Callable[[Deployment], Answer]) -> bytes:
        """What the snapshot does not have may be ACTIVE since a moment ago."""
        await self._deployments.poller.looked_again()
        deployment = self._deployments.snapshot.get(arn)
        if deployment is None or not _is_of(scope, deployment):
            raise _not_active(arn)
        answer = answered(deployment)
        return answer if isinstance(answer, bytes) else await answer

    def _with_history(
        self, deployment: Deployment, user_id: str, answered: Callable[[Rows], bytes]
    ) -> Answer:
        recents = self._tail.recent(deployment.dataset_group_id, user_id, deployment.watermark)
        if recents is None:
            return self._after_loading(deployment, user_id, answered)
        return answered(rows_of(recents, deployment))

    async def _after_loading(
        self, deployment: Deployment, user_id: str, answered: Callable[[Rows], bytes]
    ) -> bytes:
        group, watermark = deployment.dataset_group_id, deployment.watermark
        recents = await asyncio.to_thread(self._tail.load, group, user_id, watermark)
        return answered(rows_of(recents, deployment))


def _is_of(scope: Scope, deployment: Deployment) -> bool:
    return deployment.account == scope.account and deployment.region == scope.region


def _not_active(arn: str) -> InvalidInputException:
    return InvalidInputException(f"{arn} does not exist or is not active yet.")
