"""Whatever constraint of the models a request breaks, it is refused in the modelled way; valid ones never."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from openpersonalize.protocol.rest import PATHS
from openpersonalize.storage.tables import FilterRow, RecommenderRow
from tests.answer_rules import allowed_codes, check_model
from tests.api.wire import authorization
from tests.conformance import generated
from tests.conformance.generated import CANARY, CANARY_NUMBER, Case
from tests.world import FIELDS, Server, World, plain_interactions, text_field

OPERATIONS = sorted(generated.operations())


@pytest.fixture(scope="module")
def world(server: Server) -> Iterator[World]:
    """An account of this module's own."""
    world = World(server)
    yield world
    world.http.close()


@pytest.fixture(scope="module")
def existing(world: World) -> dict[str, str]:
    """A store with one of each resource: what members of requests may name."""
    group = world.dataset_group("store")
    dataset = world.dataset(group, "Interactions", *FIELDS["Interactions"], text_field("EVENT_TYPE"))
    world.imported(dataset, plain_interactions(event_type="watch"))
    solution = world.solution(group)
    version = world.trained(solution)
    campaign = world.campaign(version)
    tracker = world.personalize.create_event_tracker(name="tracker", datasetGroupArn=group)
    world.settle()
    schema = world.schema("Items")
    job = world.personalize.list_dataset_import_jobs()["datasetImportJobs"][0]
    recipe = "arn:aws:personalize:::recipe/aws-popularity-count"
    described = world.personalize.describe_recipe(recipeArn=recipe)["recipe"]
    return {
        "datasetGroupArn": group,
        "datasetArn": dataset,
        "datasetImportJobArn": job["datasetImportJobArn"],
        "schemaArn": schema,
        "eventTrackerArn": tracker["eventTrackerArn"],
        "trackingId": tracker["trackingId"],
        "recipeArn": recipe,
        "algorithmArn": described["algorithmArn"],
        "featureTransformationArn": described["featureTransformationArn"],
        "solutionArn": solution,
        "solutionVersionArn": version,
        "campaignArn": campaign,
        "resourceArn": campaign,
        "datasetType": "Items",
        "itemId": "i1",
        "properties": "{}",
        "schema": world.personalize.describe_schema(schemaArn=schema)["schema"]["schema"],
        "recommenderArn": recommender(world),
        **unfinished(world, group, dataset, version),
    }


def recommender(world: World) -> str:
    """A recommender of a use case that cannot be trained yet, as if it could."""
    arn: str = world.personalize.create_recommender(
        name="recommender",
        datasetGroupArn=world.dataset_group("shop", domain="ECOMMERCE"),
        recipeArn="arn:aws:personalize:::recipe/aws-ecomm-recommended-for-you",
    )["recommenderArn"]
    world.settle()
    world.set_columns(RecommenderRow, arn, status="ACTIVE", failure_reason=None)
    return arn


EXPRESSION = 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("watch")'


def unfinished(world: World, group: str, dataset: str, version: str) -> dict[str, str]:
    """One of each resource whose work is a later step."""
    client = world.personalize
    role = {"roleArn": "arn:aws:iam::000000000000:role/reader"}
    place = {"path": "s3://bucket/out/"}
    metric = {"eventType": "watch", "metricName": "name", "expression": "SAMPLECOUNT()"}
    source = {"s3DataSource": {"path": "s3://bucket/in.json"}}
    made = {
        **client.create_filter(name="f", datasetGroupArn=group, filterExpression=EXPRESSION),
        **client.create_metric_attribution(
            name="m", datasetGroupArn=group, metrics=[metric], metricsOutputConfig=role
        ),
        **client.create_batch_inference_job(
            jobName="i",
            solutionVersionArn=version,
            jobInput=source,
            jobOutput={"s3DataDestination": place},
            **role,
        ),
        **client.create_dataset_export_job(
            jobName="e", datasetArn=dataset, jobOutput={"s3DataDestination": place}, **role
        ),
        **client.create_data_deletion_job(
            jobName="d", datasetGroupArn=group, dataSource={"dataLocation": "s3://bucket/u.csv"}, **role
        ),
    }
    world.settle()
    world.set_columns(FilterRow, made["filterArn"], status="ACTIVE")
    names = {name: value for name, value in made.items() if name.endswith("Arn")}
    return names | {"expression": "SAMPLECOUNT()", "filterExpression": EXPRESSION}


def send(world: World, operation: str, body: Any) -> httpx.Response:
    """One request as an SDK sends it, whatever the body."""
    headers = {"authorization": authorization(key=world.account)}
    if operation in PATHS:
        headers |= {"content-type": "application/json"}
    else:
        headers |= {
            "content-type": "application/x-amz-json-1.1",
            "x-amz-target": f"AmazonPersonalize.{operation}",
        }
    return world.http.post(PATHS.get(operation, "/"), content=json.dumps(body).encode(), headers=headers)


def test_the_cases_are_those_that_an_independent_enumeration_finds() -> None:
    made = [
        (case.operation, case.path, case.constraint) for name in OPERATIONS for case in generated.cases(name)
    ]

    assert len(made) == len(set(made))
    assert set(made) == generated.enumeration()


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_request_that_breaks_one_constraint_is_refused(world: World, operation: str) -> None:
    wrong = [
        f"{case.path} {case.constraint}: {text}"
        for case in generated.cases(operation)
        for text in faults(world, operation, case)
    ]

    assert wrong == []


def faults(world: World, operation: str, case: Case) -> Iterator[str]:
    """What is wrong with the answer to an invalid request."""
    answer = send(world, operation, case.body)
    if answer.status_code != 400:
        yield f"{answer.status_code} {answer.text}"
        return
    error = answer.json()
    message = error["message"]
    expected = "SerializationException" if case.is_of_type else "InvalidInputException"
    if error["__type"] != expected or expected not in allowed_codes(generated.operations()[operation]):
        yield f"the code is {error['__type']}: {message}"
    if case.path and f"at '{name_of(case)}'" not in message:
        yield f"no word of {name_of(case)}: {message}"
    if not case.is_of_type and not message.startswith(f"{case.n_faults} validation error"):
        yield f"not {case.n_faults} faults: {message}"
    if case.is_sensitive and (CANARY in answer.text or str(CANARY_NUMBER) in answer.text):
        yield f"a sensitive value is shown: {message}"


def name_of(case: Case) -> str:
    """The member in the message; the value of a map is named by its key."""
    words: list[str] = []
    body = case.body
    for step in case.path:
        key = next(iter(body)) if step == generated.VALUE else step
        words.append({generated.ENTRY: "1.member", generated.KEY: "key"}.get(step, str(key)))
        if step == generated.VALUE:
            words.append("member")
        is_there = isinstance(body, dict | list) and (key in body or step == generated.ENTRY)
        body = body[key] if is_there else None
    return ".".join(words)


def texts(shape: Any) -> st.SearchStrategy[Any]:
    """Valid strings of a shape: what its sample fits, at several lengths."""
    limits = shape.metadata
    if limits.get("enum"):
        return st.sampled_from(limits["enum"])
    pattern = limits.get("pattern", "")
    sample = generated.SAMPLES[pattern]
    found = st.just(sample.fits)
    if sample.filler:
        room = min(limits.get("max") or 64, 64) - len(sample.fits)
        found |= st.integers(0, max(0, room)).map(lambda n: sample.fits + sample.filler * n)
    if not pattern and limits.get("max"):
        alphabet = st.characters(exclude_characters="\0", exclude_categories=["Cs"])
        found |= st.text(alphabet, min_size=limits.get("min") or 0, max_size=min(limits["max"], 30))
    return found


def often(value: str, others: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """A value three times of four."""
    return st.integers(0, 3).flatmap(lambda draw: st.just(value) if draw else others)


def values(shape: Any, existing: Mapping[str, str]) -> st.SearchStrategy[Any]:
    """Valid values of a shape."""
    low, high = shape.metadata.get("min") or 0, shape.metadata.get("max")
    found: st.SearchStrategy[Any]
    match shape.type_name:
        case "structure":
            members = {name: values(member, existing) for name, member in shape.members.items()}
            for name in members.keys() & existing.keys():
                members[name] = often(existing[name], members[name])
            # A token that no answer gave is refused, however well it is formed.
            members.pop("nextToken", None)
            needed = {name: members.pop(name) for name in shape.required_members}
            found = st.fixed_dictionaries(needed, optional=members)
        case "list":
            found = st.lists(values(shape.member, existing), min_size=low, max_size=min(high or 3, 3))
        case "map":
            found = st.dictionaries(
                texts(shape.key), values(shape.value, existing), max_size=min(high or 2, 2)
            )
        case "string":
            found = texts(shape)
        case "boolean":
            found = st.booleans()
        case "double" | "float":
            found = st.one_of(st.floats(low, high or 1e6), st.integers(int(low), int(high or 9)))
        case "timestamp":
            found = st.one_of(st.integers(1, 2_000_000_000), st.floats(1, 2e9))
        case _:
            found = st.integers(low, min(high or 500, 500))
    return found


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_request_that_breaks_no_constraint_fails_for_none(
    world: World, operation: str, existing: dict[str, str]
) -> None:
    model = generated.operations()[operation]
    # What one deletes is missing to the next.
    known = {} if operation.startswith("Delete") else existing

    @settings(
        max_examples=30,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    @given(values(model.input_shape, known))
    def send_valid(body: dict[str, Any]) -> None:
        answer = send(world, operation, body)

        assert answer.status_code < 500, (body, answer.text)
        check_model(model, {"status_code": answer.status_code, "body": answer.content})
        if answer.status_code >= 300:
            error = answer.json()
            assert error["__type"] in allowed_codes(model) - {"SerializationException"}, (body, error)
            assert " validation error" not in error["message"], (body, error)

    send_valid()
