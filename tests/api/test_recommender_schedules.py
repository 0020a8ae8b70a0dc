"""What recommenders do by themselves as weeks go by, and what stops it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from openpersonalize.domain.schedules import DAY_S, RECOMMENDER_S
from openpersonalize.jobs.lifecycle import STOP_RECOMMENDER
from openpersonalize.jobs.worker import Publish, RunningJob, Worker
from openpersonalize.storage.stores import Stores, wall_clock
from openpersonalize.work.housekeeping import collect
from openpersonalize.work.schedules import begin_due
from tests.api.domain_stores import SHOP, VIDEO, DomainStore, a_domain_store, is_silent, planted
from tests.api.refusals import refused
from tests.databases import new_database
from tests.world import World, running_server, until

CONFIG = {"minRecommendationRequestsPerSecond": 9}


@dataclass
class Days:
    """A clock that tests move on."""

    passed: float = 0.0

    def __call__(self) -> float:
        return wall_clock() + self.passed * DAY_S


@pytest.fixture
def days() -> Days:
    """No day has passed yet."""
    return Days()


@pytest.fixture
def store(tmp_path: Path, days: Days) -> Iterator[DomainStore]:
    """A video store on a server of its own, by that clock."""
    with new_database() as url, running_server(tmp_path / "data", url, clock=days) as server:
        yield a_domain_store(World(server), VIDEO)


def look(store: DomainStore) -> int:
    """Begin what is due and do it; says how many trainings were begun."""
    begun = begin_due(store.world.server.stores)
    store.world.settle()
    return begun


def test_a_recommender_is_trained_again_every_week(store: DomainStore, days: Days) -> None:
    arn = store.recommender("home")
    first = store.row(arn)
    store.world.imported(store.dataset, planted(VIDEO, most="newcomer"))
    begun = []
    for days.passed in (6.9, 7.1, 7.2, 13.9, 14.1):
        begun.append(look(store))
    later = store.row(arn)

    assert begun == [0, 1, 0, 0, 1]
    assert later.artifact_id != first.artifact_id
    assert later.retraining is not None
    assert later.retraining["status"] == "ACTIVE"
    assert later.next_training_at == first.creation_date_time + 3 * RECOMMENDER_S
    until(lambda: store.recommend(arn)[0] == "newcomer", "the new model answers")
    assert "latestRecommenderUpdate" not in store.describe(arn)


def test_no_request_fails_while_a_recommender_is_trained_again(store: DomainStore, days: Days) -> None:
    arn = store.recommender("home")
    store.world.imported(store.dataset, planted(VIDEO, most="newcomer"))
    days.passed = 8
    with ThreadPoolExecutor(1) as pool:
        training = pool.submit(look, store)
        until(lambda: store.recommend(arn)[0] == "newcomer", "the new model answers")

    assert training.result() == 1


def test_the_model_before_serves_while_and_after_a_training_that_fails(
    store: DomainStore, days: Days
) -> None:
    arn = store.recommender("home")
    model = store.row(arn).artifact_id
    store.world.personalize.delete_dataset(datasetArn=store.dataset)
    store.world.settle()
    days.passed = 8
    begun = begin_due(store.world.server.stores)
    during = store.describe(arn)["status"], store.recommend(arn)[0]
    store.world.settle()
    after = store.row(arn)

    assert begun == 1
    assert during == ("ACTIVE", "common")
    assert after.retraining is not None
    assert after.retraining["status"] == "CREATE FAILED"
    assert "import some" in after.retraining["failureReason"]
    assert (after.status, after.failure_reason, after.artifact_id) == ("ACTIVE", None, model)
    assert store.recommend(arn)[0] == "common"


def test_a_stopped_recommender_is_not_trained_again_and_keeps_its_weekday(
    store: DomainStore, days: Days
) -> None:
    arn, client = store.recommender("home"), store.world.personalize
    made = store.row(arn)
    client.stop_recommender(recommenderArn=arn)
    store.world.settle()
    begun = []
    for days.passed in (8, 16):
        begun.append(look(store))
    client.start_recommender(recommenderArn=arn)
    store.world.settle()
    started = store.row(arn)

    assert begun == [0, 0]
    assert started.artifact_id == made.artifact_id
    assert started.next_training_at == made.creation_date_time + 3 * RECOMMENDER_S


def test_stopping_ends_a_training_under_way(store: DomainStore, days: Days) -> None:
    arn = store.recommender("home")
    model = store.row(arn).artifact_id
    days.passed = 8
    begin_due(store.world.server.stores)
    store.world.personalize.stop_recommender(recommenderArn=arn)
    store.world.settle()
    row = store.row(arn)

    assert (row.status, row.artifact_id) == ("INACTIVE", model)
    assert row.retraining is not None
    assert row.retraining["status"] == "CREATE STOPPED"


def test_deleting_ends_a_training_under_way(store: DomainStore, days: Days) -> None:
    arn, client = store.recommender("home"), store.world.personalize
    days.passed = 8
    begin_due(store.world.server.stores)
    client.delete_recommender(recommenderArn=arn)
    store.world.settle()

    refused("ResourceNotFoundException", client.describe_recommender, recommenderArn=arn)


def test_a_dataset_stays_while_a_recommender_is_trained_again(store: DomainStore, days: Days) -> None:
    arn, delete = store.recommender("home"), store.world.personalize.delete_dataset
    days.passed = 8
    begin_due(store.world.server.stores)

    assert f"in use by the recommender {arn}" in refused(
        "ResourceInUseException", delete, datasetArn=store.dataset
    )
    store.world.settle()
    delete(datasetArn=store.dataset)


def test_a_training_waits_until_a_dataset_that_goes_is_gone(store: DomainStore, days: Days) -> None:
    store.recommender("home")
    days.passed = 8
    store.world.personalize.delete_dataset(datasetArn=store.dataset)
    begun = begin_due(store.world.server.stores)
    store.world.settle()
    days.passed = 8.1

    assert begun == 0
    assert look(store) == 1


def test_a_recommender_that_could_not_be_stopped_answers_on(store: DomainStore, days: Days) -> None:
    arn, stores = store.recommender("home"), store.world.server.stores
    store.world.personalize.stop_recommender(recommenderArn=arn)
    until(lambda: is_silent(store, arn), "the recommender answers no more")

    def broken(job: RunningJob, stores: Stores) -> Publish:
        raise OSError

    hand = Worker(stores, {STOP_RECOMMENDER.kind: broken})
    for days.passed in (0.1, 0.2, 0.3):
        hand.run_one()

    assert store.describe(arn)["status"] == "ACTIVE"
    until(lambda: not is_silent(store, arn), "the recommender answers")


def test_only_the_artifact_that_serves_is_kept(store: DomainStore, days: Days) -> None:
    stores = store.world.server.stores
    arn = store.recommender("home")
    days.passed = 8
    look(store)
    for _ in range(2):
        collect(stores, grace_s=0.0)

    assert [folder.name for folder in stores.artifacts.iterdir()] == [store.row(arn).artifact_id]
    store.world.personalize.delete_recommender(recommenderArn=arn)
    store.world.settle()
    for _ in range(2):
        collect(stores, grace_s=0.0)
    assert list(stores.artifacts.iterdir()) == []


def test_a_group_has_five_recommenders_where_aws_limits_hold(tmp_path: Path) -> None:
    with new_database() as url, running_server(tmp_path / "data", url, limits="aws") as server:
        store = a_domain_store(World(server), SHOP)
        for number in range(5):
            store.create(f"r{number}")
        message = refused("LimitExceededException", store.create, name="r5")

    assert message == "More than 5 resources in ACTIVE state. Please delete some and try again."


def test_a_handful_of_events_are_enough_where_no_minimum_holds(tmp_path: Path) -> None:
    lines = "USER_ID,ITEM_ID,EVENT_TYPE,TIMESTAMP\nu1,a,View,1600000000\nu1,b,View,1600000001\n"
    with new_database() as url, running_server(tmp_path / "data", url, limits="relaxed") as server:
        store = a_domain_store(World(server), SHOP, text=lines + "u2,b,View,1600000002\n")
        arn = store.recommender("home")

        assert store.recommend(arn) == ["b", "a"]
