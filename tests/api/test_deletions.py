"""What is deleted frees what it owned, and nobody who reads something else notices."""

import shutil
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from openpersonalize.jobs.lifecycle import TRAIN_SOLUTION_VERSION
from openpersonalize.jobs.worker import Publish, RunningJob, Worker
from openpersonalize.storage.generations import part_paths
from openpersonalize.storage.log_tables import ActionInteractionRow, EventRow, RecordRow
from openpersonalize.storage.stores import Stores
from openpersonalize.storage.tables import Base, GenerationRow, RecommenderRow, TagRow
from openpersonalize.work.handlers import HANDLERS
from openpersonalize.work.housekeeping import collect
from openpersonalize.work.schedules import begin_due
from openpersonalize.work.training import run_training
from tests.api.domain_stores import VIDEO, a_domain_store, planted
from tests.api.stores_of_items import a_store, popular_items
from tests.databases import new_database
from tests.queue_bench import dump
from tests.world import DEADLINE_S, World, plain_interactions, running_server, until

TAGS = [{"tagKey": "team", "tagValue": "red"}]
STAYS = {"alembic_version", "answers", "counters", "jobs", "dataset_import_jobs"}
"""Tables of what outlives a dataset group, or belongs to nobody."""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """An account on a server of its own, as what is collected is collected of all accounts."""
    with new_database() as url, running_server(tmp_path / "data", url) as server:
        yield World(server)


def collect_at_once(world: World) -> None:
    """Look as often as it takes when there is no grace."""
    collect(world.server.stores, grace_s=0)
    collect(world.server.stores, grace_s=0)


def files(world: World) -> list[str]:
    """The published folders."""
    stores = world.server.stores
    return [path.name for place in (stores.generations, stores.artifacts) for path in place.iterdir()]


def count(world: World, table: type[Base]) -> int:
    with world.server.stores.database.read() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


ACTION_ROWS = "ACTION_ID,KIND\n" + "".join(f"a{number},k\n" for number in range(30))
ITEM_ROWS = "ITEM_ID,GENRE\n" + "".join(f"i{number},g\n" for number in range(30))
USER_ROWS = "USER_ID,AGE_GROUP\n" + "".join(f"u{number},old\n" for number in range(30))
DONE_ROWS = "USER_ID,ACTION_ID,EVENT_TYPE,TIMESTAMP\n" + "".join(
    f"u{number % 60},a{number % 30},TAKEN,{1_600_000_000 + number}\n" for number in range(1_200)
)


def put_item(world: World, _group: str, dataset: str) -> None:
    item = {"itemId": "new", "properties": '{"genre": "g"}'}
    world.events.put_items(datasetArn=dataset, items=[item])


def put_user(world: World, _group: str, dataset: str) -> None:
    user = {"userId": "new", "properties": '{"ageGroup": "old"}'}
    world.events.put_users(datasetArn=dataset, users=[user])


def put_action(world: World, _group: str, dataset: str) -> None:
    action = {"actionId": "new", "properties": '{"kind": "k"}'}
    world.events.put_actions(datasetArn=dataset, actions=[action])


def put_action_interaction(world: World, _group: str, dataset: str) -> None:
    tracking_id = world.personalize.describe_dataset(datasetArn=dataset)["dataset"]["trackingId"]
    done = {"actionId": "a1", "sessionId": "s", "timestamp": 1_700_000_000, "eventType": "TAKEN"}
    world.events.put_action_interactions(trackingId=tracking_id, actionInteractions=[done | {"userId": "u"}])


def put_event(world: World, group: str, _dataset: str) -> None:
    tracker = world.personalize.create_event_tracker(name="tracker", datasetGroupArn=group)
    world.settle()
    event = {"eventType": "view", "itemId": "i", "sentAt": 1_700_000_000}
    world.events.put_events(trackingId=tracker["trackingId"], userId="u", sessionId="s", eventList=[event])


@pytest.mark.parametrize(
    ("record", "text", "put", "table"),
    [
        ("Interactions", plain_interactions(), put_event, EventRow),
        ("Items", ITEM_ROWS, put_item, RecordRow),
        ("Users", USER_ROWS, put_user, RecordRow),
        ("Actions", ACTION_ROWS, put_action, RecordRow),
        ("ActionInteractions", DONE_ROWS, put_action_interaction, ActionInteractionRow),
    ],
    ids=["interactions", "items", "users", "actions", "action interactions"],
)
def test_a_dataset_frees_what_was_imported_and_what_was_sent(
    world: World, record: str, text: str, put: Callable[[World, str, str], None], table: type[Base]
) -> None:
    group = world.dataset_group()
    dataset = world.dataset(group, record)
    world.imported(dataset, text)
    put(world, group, dataset)
    before = count(world, table), count(world, GenerationRow), len(files(world))
    world.personalize.delete_dataset(datasetArn=dataset)
    world.settle()
    collect_at_once(world)

    assert before == (1, 1, 1)
    assert (count(world, table), count(world, GenerationRow), files(world)) == (0, 0, [])


def test_the_rows_of_another_dataset_stay(world: World) -> None:
    other = world.elsewhere(account="111122223333")
    datasets = []
    for owner in (world, other):
        group = owner.dataset_group()
        datasets.append(owner.dataset(group, "Items"))
        owner.imported(datasets[-1], ITEM_ROWS)
        put_item(owner, group, datasets[-1])
        put_event(owner, group, owner.dataset(group))
    world.personalize.delete_dataset(datasetArn=datasets[0])
    world.settle()
    collect_at_once(world)

    assert [count(world, table) for table in (RecordRow, EventRow, GenerationRow)] == [1, 2, 1]
    assert files(world) == [path.name for path in other.generations(datasets[1])]


def test_a_solution_frees_its_versions_with_their_models_and_tags(world: World) -> None:
    group = world.dataset_group()
    world.interactions(group)
    solution = world.solution(group, tags=TAGS)
    models = [world.artifact(world.trained(solution, tags=TAGS)) for _ in range(2)]
    n_tags = count(world, TagRow)
    collect_at_once(world)
    are_kept = [model.exists() for model in models]
    world.personalize.delete_solution(solutionArn=solution)
    world.settle()
    collect_at_once(world)

    assert n_tags == 3
    assert are_kept == [True, True]
    assert [model.exists() for model in models] == [False, False]
    assert count(world, TagRow) == 0


def test_a_recommender_frees_its_model(world: World) -> None:
    store = a_domain_store(world, VIDEO)
    arn = store.recommender("home", tags=TAGS)
    model = world.server.stores.artifacts / str(store.row(arn).artifact_id)
    collect_at_once(world)
    is_kept = model.exists()
    world.personalize.delete_recommender(recommenderArn=arn)
    world.settle()
    collect_at_once(world)

    assert is_kept
    assert not model.exists()
    assert count(world, TagRow) == 0


def test_nothing_is_left_of_a_group_that_was_emptied_and_deleted(world: World) -> None:
    personalize = world.personalize
    group = world.dataset_group(tags=TAGS)
    datasets = {record: world.dataset(group, record) for record in ("Interactions", "Items", "Users")}
    world.imported(datasets["Interactions"], plain_interactions())
    world.imported(datasets["Items"], ITEM_ROWS)
    put_event(world, group, datasets["Interactions"])
    put_item(world, group, datasets["Items"])
    solution = world.solution(group, tags=TAGS)
    campaign = world.campaign(world.trained(solution))
    tracker = personalize.list_event_trackers(datasetGroupArn=group)["eventTrackers"][0]["eventTrackerArn"]
    schemas = [schema["schemaArn"] for schema in personalize.list_schemas()["schemas"]]
    personalize.tag_resource(resourceArn=campaign, tags=TAGS)
    for delete, members in (
        (personalize.delete_campaign, {"campaignArn": campaign}),
        (personalize.delete_solution, {"solutionArn": solution}),
        (personalize.delete_event_tracker, {"eventTrackerArn": tracker}),
        *((personalize.delete_dataset, {"datasetArn": dataset}) for dataset in datasets.values()),
        (personalize.delete_dataset_group, {"datasetGroupArn": group}),
        *((personalize.delete_schema, {"schemaArn": schema}) for schema in schemas),
    ):
        delete(**members)
        world.settle()
    collect_at_once(world)

    left = {name: rows for name, rows in dump(world.server.stores).items() if rows and name not in STAYS}
    assert left == {}
    assert files(world) == []
    assert list(world.server.stores.scratch.iterdir()) == []


def test_a_model_without_a_name_goes_on_answering_where_it_is_mapped(world: World) -> None:
    store = a_store(world)
    campaign = store.deploy(popular_items("old"), "popularity-count")
    before = store.recommend(campaign)
    for folder in world.server.stores.artifacts.iterdir():
        shutil.rmtree(folder)

    assert before == store.recommend(campaign) == ["old"]


def test_a_training_keeps_the_generation_that_an_import_replaces_meanwhile(world: World) -> None:
    group = world.dataset_group()
    dataset = world.interactions(group)
    solution = world.solution(group)
    version = world.personalize.create_solution_version(solutionArn=solution)["solutionVersionArn"]
    (old,) = world.generations(dataset)
    has_begun, may_read = threading.Event(), threading.Event()

    def train_slowly(job: RunningJob, stores: Stores) -> Publish:
        has_begun.set()
        assert may_read.wait(DEADLINE_S)
        assert part_paths(old), "what it found active when it began is there"
        return run_training(job, stores)

    handlers = {**HANDLERS, TRAIN_SOLUTION_VERSION.kind: train_slowly}
    with ThreadPoolExecutor(1) as pool:
        training = pool.submit(Worker(world.server.stores, handlers).run_one)
        assert has_begun.wait(DEADLINE_S)
        world.imported(dataset, plain_interactions())
        for _ in range(3):
            collect_at_once(world)
        may_read.set()
        training.result()
    collect_at_once(world)

    described = world.personalize.describe_solution_version(solutionVersionArn=version)["solutionVersion"]
    assert described["status"] == "ACTIVE", described
    assert not old.exists()


class Asker:
    """Somebody who never stops asking."""

    def __init__(self) -> None:
        self.answers: Counter[str] = Counter()
        self.stop = threading.Event()

    def ask(self, world: World, member: str, arn: str) -> None:
        while not self.stop.is_set():
            answer = world.runtime.get_recommendations(**{member: arn}, userId="u1", numResults=3)
            assert len(answer["itemList"]) == 3
            self.answers[arn] += 1

    def collect(self, world: World) -> None:
        while not self.stop.is_set():
            collect(world.server.stores, grace_s=0)
            self.answers["looks"] += 1


def test_readers_notice_nothing_while_all_garbage_goes_at_once(world: World) -> None:
    """Requests, trainings and imports go on while a collector without grace removes what each round left."""
    store = a_domain_store(world, VIDEO)
    recommender = store.recommender("home")
    solution = world.solution(store.group)
    campaign = world.campaign(world.trained(solution))
    asker = Asker()
    with ThreadPoolExecutor(3) as pool:
        running = [
            pool.submit(asker.ask, world, "campaignArn", campaign),
            pool.submit(asker.ask, world, "recommenderArn", recommender),
            pool.submit(asker.collect, world),
        ]
        try:
            for _ in range(3):
                change_everything(world, store.group, store.dataset, solution, campaign)
                seen = asker.answers.copy()
                until(
                    lambda seen=seen: (
                        all(asker.answers[key] > seen[key] + 2 for key in (campaign, recommender, "looks"))
                        or any(one.done() for one in running)
                    ),
                    "all go on",
                )
        finally:
            asker.stop.set()
        for one in running:
            one.result()
    collect_at_once(world)

    versions = world.personalize.list_solution_versions(solutionArn=solution)["solutionVersions"]
    assert [version["status"] for version in versions] == ["ACTIVE"] * 4
    assert store.row(recommender).retraining == store.row(recommender).retraining | {"status": "ACTIVE"}
    assert len(files(world)) == 1 + len(versions) + 1, (
        "one generation, the versions' models, the recommender's"
    )


def change_everything(world: World, group: str, dataset: str, solution: str, campaign: str) -> None:
    """Replace the generation, the campaign's version and the recommender's model; delete another solution."""
    imported = world.imported(dataset, planted(VIDEO), importMode="FULL")
    job = world.personalize.describe_dataset_import_job(datasetImportJobArn=imported)["datasetImportJob"]
    other = world.solution(group)
    world.trained(other)
    version = world.trained(solution)
    world.personalize.update_campaign(campaignArn=campaign, solutionVersionArn=version)
    world.personalize.delete_solution(solutionArn=other)
    with world.server.stores.database.write() as session:
        session.execute(update(RecommenderRow).values(next_training_at=1.0))
    begun = begin_due(world.server.stores)
    world.settle()

    assert (job["status"], begun) == ("ACTIVE", 1)
    found = world.personalize.describe_campaign(campaignArn=campaign)["campaign"]
    assert found["solutionVersionArn"] == version
