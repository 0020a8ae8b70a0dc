"""Requests that arrive at the same time: a unique constraint backs every check of a name."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from botocore.exceptions import ClientError

from tests.world import World

CLIENTS = 8


def test_of_many_creations_of_one_name_one_succeeds_and_the_others_say_why(world: World) -> None:
    clients = [world.server.client("personalize", world.account) for _ in range(CLIENTS)]

    def create(client: Any) -> str:
        try:
            return str(client.create_dataset_group(name="popular")["datasetGroupArn"])
        except ClientError as error:
            return f"{error.response['Error']['Code']}: {error.response['Error']['Message']}"

    with ThreadPoolExecutor(CLIENTS) as threads:
        answers = list(threads.map(create, clients))

    arn = world.arn("dataset-group", "popular")
    refusal = f"ResourceAlreadyExistsException: Another resource with Arn {arn} already exists."
    assert sorted(answers) == sorted([arn, *[refusal] * (CLIENTS - 1)])
    assert len(world.personalize.list_dataset_groups()["datasetGroups"]) == 1


def test_many_writers_at_once_all_succeed(world: World) -> None:
    clients = [world.server.client("personalize", world.account) for _ in range(CLIENTS)]

    with ThreadPoolExecutor(CLIENTS) as threads:
        for number in range(3):
            list(
                threads.map(
                    lambda pair, number=number: pair[1].create_dataset_group(
                        name=f"group-{number}-{pair[0]}"
                    ),
                    enumerate(clients),
                )
            )

    assert len(world.personalize.list_dataset_groups()["datasetGroups"]) == 3 * CLIENTS
