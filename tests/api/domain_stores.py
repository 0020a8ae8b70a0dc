"""Dataset groups of a domain with planted interactions, whose popular items are known."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from openpersonalize.storage.tables import RecommenderRow
from tests.world import World, text_field

VIDEO, SHOP = "VIDEO_ON_DEMAND", "ECOMMERCE"
MOST_POPULAR, MOST_VIEWED = "aws-vod-most-popular", "aws-ecomm-popular-items-by-views"
MAIN_TYPE = {VIDEO: "Watch", SHOP: "View"}
OTHER_TYPE = {VIDEO: "Click", SHOP: "Purchase"}

BY_USERS = ["common", "loved", "again"]
"""The first items by the number of users; the rare ones, one user each, follow."""
BY_EVENTS = ["common", "again", "loved"]
"""The first items by the number of events."""
N_RARE = 30


@dataclass(frozen=True)
class DomainStore:
    """A dataset group of a domain with interactions."""

    world: World
    group: str
    dataset: str
    domain: str

    @property
    def recipe(self) -> str:
        """The ARN of the domain's recipe of popular items that can be trained."""
        return recipe_arn({VIDEO: MOST_POPULAR, SHOP: MOST_VIEWED}[self.domain])

    def create(self, name: str, recipe: str = "", **members: Any) -> str:
        """A recommender that waits for its training."""
        arn: str = self.world.personalize.create_recommender(
            name=name,
            datasetGroupArn=self.group,
            recipeArn=recipe_arn(recipe) if recipe else self.recipe,
            **members,
        )["recommenderArn"]
        return arn

    def recommender(self, name: str, **members: Any) -> str:
        """An ACTIVE recommender."""
        arn = self.create(name, **members)
        self.world.settle()
        assert self.describe(arn)["status"] == "ACTIVE"
        return arn

    def describe(self, arn: str) -> dict[str, Any]:
        found: dict[str, Any] = self.world.personalize.describe_recommender(recommenderArn=arn)["recommender"]
        return found

    def row(self, arn: str) -> RecommenderRow:
        """What the API does not show."""
        with self.world.server.stores.database.read() as session:
            return session.scalars(select(RecommenderRow).where(RecommenderRow.arn == arn)).one()

    def recommend(self, arn: str, **members: Any) -> list[str]:
        """The ids that a recommender recommends."""
        answer = self.world.runtime.get_recommendations(recommenderArn=arn, userId="u1", **members)
        return [entry["itemId"] for entry in answer["itemList"]]


def is_silent(store: DomainStore, arn: str) -> bool:
    """Whether a recommender answers nothing; the words must be those of something that is not there."""
    try:
        store.recommend(arn)
    except store.world.runtime.exceptions.InvalidInputException as error:
        message = error.response["Error"]["Message"]
        assert message == f"{arn} does not exist or is not active yet."
        return True
    return False


def recipe_arn(name: str) -> str:
    """The ARN of a recipe."""
    return f"arn:aws:personalize:::recipe/{name}"


def a_domain_store(world: World, domain: str, name: str = "domain", text: str = "") -> DomainStore:
    """A dataset group of a domain, with the interactions of a CSV text or the planted ones."""
    group = world.dataset_group(name, domain=domain)
    schema = world.schema(
        "Interactions",
        *(text_field("USER_ID"), text_field("ITEM_ID"), text_field("EVENT_TYPE")),
        {"name": "TIMESTAMP", "type": "long"},
        domain=domain,
    )
    dataset = world.personalize.create_dataset(
        name="interactions", datasetGroupArn=group, datasetType="Interactions", schemaArn=schema
    )["datasetArn"]
    world.settle()
    world.imported(dataset, text or planted(domain))
    return DomainStore(world, group, dataset, domain)


def planted(domain: str, most: str = "common") -> str:
    """CSV text of interactions in which users, events and types disagree on what is popular.

    All have `most` ten times. Many have `loved` once, few have `again` often, and `other`, the most frequent
    of all, has events of another type only.
    """
    counted = [
        *((user, most, 10) for user in range(60)),
        *((user, "loved", 1) for user in range(50)),
        *((user, "again", 40) for user in range(10)),
        *((user, f"rare-{user:02}", 1) for user in range(N_RARE)),
    ]
    of_other_type = [(user, item, 25) for user in range(60) for item in ("other", "loved")]
    lines = ["USER_ID,ITEM_ID,EVENT_TYPE,TIMESTAMP"]
    for rows, event_type in ((counted, MAIN_TYPE[domain]), (of_other_type, OTHER_TYPE[domain])):
        for user, item, times in rows:
            lines += [
                f"u{user},{item},{event_type},{1_600_000_000 + len(lines) + time}" for time in range(times)
            ]
    return "\n".join(lines) + "\n"
