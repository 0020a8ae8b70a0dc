"""Roll-outs: campaigns that follow their solution, and requests that notice nothing of it."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from sqlalchemy import select

from openpersonalize.jobs.lifecycle import ROLL_OUT_CAMPAIGN
from openpersonalize.jobs.worker import Worker
from openpersonalize.storage.tables import CampaignRow, JobRow, SolutionRow
from openpersonalize.work.handlers import HANDLERS
from openpersonalize.work.schedules import begin_due
from tests.api.conftest import TrainedStore
from tests.api.refusals import refused
from tests.databases import new_database
from tests.world import World, plain_interactions, process_server, until

FOLLOW = {"syncWithLatestSolutionVersion": True}
LONG_S = 120.0
STAY = {"syncWithLatestSolutionVersion": False}


def describe(world: World, arn: str) -> dict[str, Any]:
    campaign: dict[str, Any] = world.personalize.describe_campaign(campaignArn=arn)["campaign"]
    return campaign


def served_by(campaign: dict[str, Any]) -> str:
    return str(campaign["solutionVersionArn"])


def served(world: World, arn: str) -> str:
    return served_by(describe(world, arn))


def answers(world: World, arn: str) -> bool:
    try:
        world.runtime.get_recommendations(campaignArn=arn, userId="u1")
    except ClientError:
        return False
    return True


def a_solution(trained: TrainedStore) -> tuple[str, str]:
    """A solution of its own and a trained version of it."""
    solution = trained.world.solution(trained.group)
    return solution, trained.world.trained(solution)


def test_a_campaign_that_follows_gets_every_new_version(trained: TrainedStore) -> None:
    world = trained.world
    solution, first = a_solution(trained)
    follower = world.campaign(f"{solution}/$LATEST", campaignConfig=FOLLOW, minProvisionedTPS=3)
    other = world.campaign(f"{solution}/$LATEST")
    before = describe(world, follower)
    second = world.trained(solution)
    after = describe(world, follower)

    assert before["campaignConfig"] == FOLLOW
    assert before["solutionVersionArn"] == first
    assert "latestCampaignUpdate" not in before
    assert after["solutionVersionArn"] == second
    assert (after["campaignConfig"], after["minProvisionedTPS"]) == (FOLLOW, 3)
    update = after["latestCampaignUpdate"]
    assert (update["solutionVersionArn"], update["status"]) == (second, "ACTIVE")
    assert (update["campaignConfig"], update["minProvisionedTPS"]) == (FOLLOW, 3)
    assert served(world, other) == first


def test_versions_that_the_schedule_makes_are_rolled_out_too(world: World) -> None:
    group = world.dataset_group()
    dataset = world.interactions(group)
    solution = world.solution(group)
    first = world.trained(solution)
    campaign = world.campaign(f"{solution}/$LATEST", campaignConfig=FOLLOW)
    world.imported(dataset, plain_interactions())
    world.set_columns(
        SolutionRow, solution, next_training_at=world.server.stores.clock(), creation_date_time=0.0
    )
    begin_due(world.server.stores)
    world.settle()
    newest = world.personalize.describe_solution(solutionArn=solution)["solution"]["latestSolutionVersion"]

    assert newest["solutionVersionArn"] != first
    assert newest["trainingType"] == "AUTOMATIC"
    assert served(world, campaign) == newest["solutionVersionArn"]


def test_many_new_versions_are_looked_for_once(trained: TrainedStore) -> None:
    world = trained.world
    solution, _ = a_solution(trained)
    campaign = world.campaign(f"{solution}/$LATEST", campaignConfig=FOLLOW)
    create = world.personalize.create_solution_version
    arns = [create(solutionArn=solution)["solutionVersionArn"] for _ in range(3)]
    worker = Worker(world.server.stores, HANDLERS)
    for _ in arns:
        worker.run_one()
    looks = select(JobRow.state).where(JobRow.resource_arn == campaign, JobRow.kind == ROLL_OUT_CAMPAIGN.kind)
    with world.server.stores.database.read() as session:
        states = session.scalars(looks).all()
    world.settle()

    assert states == ["queued"]
    assert served(world, campaign) == arns[-1]


def test_what_is_not_active_is_not_rolled_out(trained: TrainedStore) -> None:
    world = trained.world
    solution, first = a_solution(trained)
    campaign = world.campaign(f"{solution}/$LATEST", campaignConfig=FOLLOW)
    stopped = world.personalize.create_solution_version(solutionArn=solution)["solutionVersionArn"]
    world.personalize.stop_solution_version_creation(solutionVersionArn=stopped)
    world.settle()

    assert served(world, campaign) == first
    assert "latestCampaignUpdate" not in describe(world, campaign)


def test_a_follower_whose_deployment_failed_is_deployed_with_the_next_version(trained: TrainedStore) -> None:
    world = trained.world
    solution, _ = a_solution(trained)
    campaign = world.campaign(f"{solution}/$LATEST", campaignConfig=FOLLOW)
    world.set_columns(
        CampaignRow, campaign, status="CREATE FAILED", failure_reason="broken", artifact_id=None
    )
    second = world.trained(solution)
    found = describe(world, campaign)

    assert (found["status"], served_by(found)) == ("ACTIVE", second)
    assert "failureReason" not in found
    assert answers(world, campaign)


def test_following_can_be_switched_on_and_off(trained: TrainedStore) -> None:
    world = trained.world
    solution, first = a_solution(trained)
    campaign = world.campaign(first)
    update = world.personalize.update_campaign
    update(campaignArn=campaign, solutionVersionArn=f"{solution}/$LATEST", campaignConfig=FOLLOW)
    world.settle()
    second = world.trained(solution)
    followed = served(world, campaign)
    update(campaignArn=campaign, campaignConfig=STAY)
    world.settle()
    world.trained(solution)

    assert followed == second
    assert served(world, campaign) == second
    assert describe(world, campaign)["campaignConfig"] == STAY


def test_a_follower_is_not_tied_to_one_version(trained: TrainedStore) -> None:
    world = trained.world
    solution, first = a_solution(trained)
    fixed = world.campaign(first)
    follower = world.campaign(f"{solution}/$LATEST", campaignConfig=FOLLOW)
    update = world.personalize.update_campaign
    needs_latest = f"needs a solutionVersionArn that ends in /$LATEST, not {first}"

    for members in (
        {"campaignArn": fixed, "campaignConfig": FOLLOW},
        {"campaignArn": fixed, "campaignConfig": FOLLOW, "solutionVersionArn": first},
        {"campaignArn": follower, "solutionVersionArn": first},
    ):
        assert needs_latest in refused("InvalidInputException", update, **members)
    update(campaignArn=follower, campaignConfig=STAY, solutionVersionArn=first, minProvisionedTPS=2)
    update_kept = describe(world, follower)["latestCampaignUpdate"]
    world.settle()
    assert update_kept["campaignConfig"] == STAY
    assert (served(world, follower), describe(world, follower)["campaignConfig"]) == (first, STAY)


def test_other_settings_of_a_follower_change_without_naming_a_version(trained: TrainedStore) -> None:
    world = trained.world
    solution, first = a_solution(trained)
    follower = world.campaign(f"{solution}/$LATEST", campaignConfig=FOLLOW)
    world.personalize.update_campaign(campaignArn=follower, minProvisionedTPS=9)
    world.settle()
    found = describe(world, follower)

    assert (found["solutionVersionArn"], found["minProvisionedTPS"]) == (first, 9)
    assert "would not change" in refused(
        "InvalidInputException",
        world.personalize.update_campaign,
        campaignArn=follower,
        campaignConfig=FOLLOW,
    )


def test_a_version_that_comes_during_a_deployment_is_rolled_out_after_it(trained: TrainedStore) -> None:
    world = trained.world
    solution, first = a_solution(trained)
    second = world.personalize.create_solution_version(solutionArn=solution)["solutionVersionArn"]
    campaign = world.personalize.create_campaign(
        name="early", solutionVersionArn=f"{solution}/$LATEST", campaignConfig=FOLLOW
    )["campaignArn"]
    early = served(world, campaign)
    world.settle()

    assert early == first
    assert served(world, campaign) == second


def test_a_version_that_comes_during_an_update_is_rolled_out_after_it(trained: TrainedStore) -> None:
    world = trained.world
    solution, first = a_solution(trained)
    campaign = world.campaign(f"{solution}/$LATEST", campaignConfig=FOLLOW)
    second = world.personalize.create_solution_version(solutionArn=solution)["solutionVersionArn"]
    world.personalize.update_campaign(campaignArn=campaign, minProvisionedTPS=5)
    Worker(world.server.stores, HANDLERS).run_one()
    is_trained = world.artifact(second).exists()
    during = describe(world, campaign)
    world.settle()
    found = describe(world, campaign)

    assert is_trained
    assert (during["latestCampaignUpdate"]["status"], served_by(during)) == ("CREATE PENDING", first)
    assert during["latestCampaignUpdate"]["solutionVersionArn"] == first
    assert (served_by(found), found["minProvisionedTPS"]) == (second, 5)
    assert found["latestCampaignUpdate"]["status"] == "ACTIVE"


def test_an_update_that_is_asked_for_before_the_roll_out_begins_is_not_lost(trained: TrainedStore) -> None:
    world = trained.world
    solution, _ = a_solution(trained)
    campaign = world.campaign(f"{solution}/$LATEST", campaignConfig=FOLLOW)
    second = world.personalize.create_solution_version(solutionArn=solution)["solutionVersionArn"]
    Worker(world.server.stores, HANDLERS).run_one()
    world.personalize.update_campaign(campaignArn=campaign, minProvisionedTPS=5)
    world.settle()
    found = describe(world, campaign)

    assert (served_by(found), found["minProvisionedTPS"]) == (second, 5)
    assert found["latestCampaignUpdate"]["status"] == "ACTIVE"


@pytest.mark.parametrize("is_deployed", [False, True])
def test_a_follower_that_a_new_version_did_not_see_looks_when_its_work_ends(
    trained: TrainedStore, is_deployed: bool
) -> None:
    world = trained.world
    solution, first = a_solution(trained)
    second = world.trained(solution)
    arn = world.personalize.create_campaign(
        name=f"unseen-{is_deployed}", solutionVersionArn=f"{solution}/$LATEST", campaignConfig=FOLLOW
    )["campaignArn"]
    if is_deployed:
        world.settle()
        world.personalize.update_campaign(campaignArn=arn, minProvisionedTPS=5)
        kept = {"solutionVersionArn": first, "campaignConfig": FOLLOW}
        pending = {"minProvisionedTPS": 5, "status": "CREATE PENDING", "creationDateTime": 1.0}
        world.set_columns(CampaignRow, arn, latest_update=kept | pending)
    # As it would be if both transactions had not seen each other.
    world.set_columns(CampaignRow, arn, solution_version_arn=first)
    world.settle()
    found = describe(world, arn)

    assert served_by(found) == second
    assert found["minProvisionedTPS"] == (5 if is_deployed else 1)


def test_a_follower_that_goes_ends_its_roll_outs(trained: TrainedStore) -> None:
    world = trained.world
    solution, _ = a_solution(trained)
    campaign = world.campaign(f"{solution}/$LATEST", campaignConfig=FOLLOW)
    world.personalize.create_solution_version(solutionArn=solution)
    Worker(world.server.stores, HANDLERS).run_one()
    world.personalize.delete_campaign(campaignArn=campaign)
    world.settle()

    refused("ResourceNotFoundException", world.personalize.describe_campaign, campaignArn=campaign)
    world.personalize.delete_solution(solutionArn=solution)
    world.settle()


class Readers:
    """Threads that ask a campaign again and again; what they got, in the order of asking."""

    def __init__(self, world: World, campaign: str) -> None:
        self._world, self._campaign = world, campaign
        self._ended = threading.Event()
        self.answers: list[list[str]] = []
        self.failures: list[BaseException] = []

    def ask(self) -> None:
        """Ask until told to stop; the first word of the first item says which version has answered."""
        client = self._world.server.client("personalize-runtime", self._world.account)
        mine: list[str] = []
        self.answers.append(mine)
        while not self._ended.is_set():
            try:
                answer = client.get_recommendations(campaignArn=self._campaign, userId="u1")
            except (ClientError, BotoCoreError) as error:
                self.failures.append(error)
                return
            assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200
            mine.append(answer["itemList"][0]["itemId"].split("-")[0])

    def hear(self, version: str) -> None:
        """Wait until the last answers to all of them come from a version; fails when a request has."""

        def all_hear() -> bool:
            assert self.failures == []
            return all(mine and mine[-1] == version for mine in self.answers)

        until(all_hear, f"{version} answers", LONG_S)

    @contextmanager
    def asking(self, n_threads: int) -> Iterator[None]:
        with ThreadPoolExecutor(n_threads) as pool:
            asked = [pool.submit(self.ask) for _ in range(n_threads)]
            try:
                until(lambda: len(self.answers) == n_threads, "all of them ask")
                yield
            finally:
                self._ended.set()
        for thread in asked:
            thread.result()


@dataclass
class Shop:
    """A solution in a server of processes, whose versions are known by their items."""

    world: World
    dataset: str
    solution: str

    def trained(self, version: str) -> str:
        """Import interactions with items that no other version has, and train on them."""
        text = plain_interactions().replace(",i", f",{version}-i")
        client = self.world.personalize
        job = client.create_dataset_import_job(
            jobName=version, datasetArn=self.dataset, dataSource={"dataLocation": self.world.upload(text)}
        )["datasetImportJobArn"]
        assert self.world.wait(job, LONG_S)["status"] == "ACTIVE"
        arn: str = client.create_solution_version(solutionArn=self.solution)["solutionVersionArn"]
        assert self.world.wait(arn, LONG_S)["status"] == "ACTIVE"
        return arn


def a_shop(world: World) -> Shop:
    client = world.personalize
    group = client.create_dataset_group(name="shop")["datasetGroupArn"]
    world.wait(group)
    dataset = client.create_dataset(
        name="events", datasetGroupArn=group, datasetType="Interactions", schemaArn=world.schema()
    )["datasetArn"]
    solution = client.create_solution(
        name="popular",
        datasetGroupArn=group,
        recipeArn="arn:aws:personalize:::recipe/aws-popularity-count",
    )["solutionArn"]
    for arn in (dataset, solution):
        world.wait(arn)
    return Shop(world, dataset, solution)


def test_no_request_fails_while_versions_are_rolled_out(tmp_path: Path) -> None:
    with (
        new_database() as url,
        process_server(tmp_path / "data", database_url=url, processes=2) as server,
    ):
        shop = a_shop(World(server))
        world, latest = shop.world, f"{shop.solution}/$LATEST"
        first = shop.trained("v1")
        campaign = world.personalize.create_campaign(
            name="home", solutionVersionArn=latest, campaignConfig=FOLLOW
        )["campaignArn"]
        world.wait(campaign)
        readers = Readers(world, campaign)
        update = partial(world.personalize.update_campaign, campaignArn=campaign)
        until(lambda: answers(world, campaign), "the campaign answers")
        with readers.asking(3):
            readers.hear("v1")
            for version in ("v2", "v3"):
                shop.trained(version)
                readers.hear(version)
            update(solutionVersionArn=first, campaignConfig=STAY)
            readers.hear("v1")
            update(solutionVersionArn=latest, campaignConfig=FOLLOW)
            readers.hear("v3")
            last = shop.trained("v4")
            readers.hear("v4")

        assert readers.failures == []
        assert served(world, campaign) == last
        assert min(len(mine) for mine in readers.answers) > 20
