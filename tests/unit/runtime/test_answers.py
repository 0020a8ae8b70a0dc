"""Answers as bytes are the JSON that they claim to be."""

import json
import re

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from openpersonalize.models import PopularityModel, Question, Ranked
from openpersonalize.models.ids import IdIndex
from openpersonalize.runtime.answers import answer, entries, recommendation_id
from openpersonalize.runtime.deployments import Deployment, EventRule
from openpersonalize.storage.event_log import START

IDS = st.lists(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1), unique=True, min_size=1, max_size=8
)


def deployed(*items: str) -> Deployment:
    rows = np.arange(len(items), dtype=np.int32)
    model = PopularityModel(items=IdIndex.build(items), users=IdIndex.build([]), order=rows, places=rows)
    return Deployment(
        arn="arn",
        kind="campaign",
        account="0",
        region="r",
        dataset_group_id=1,
        cid="abcdef",
        artifact_id="a",
        question=Question.POPULAR_ITEMS,
        model=model,
        watermark=START,
        rule=EventRule(),
        needs_user=False,
    )


@settings(deadline=None)  # the first use of an index compiles
@given(IDS, st.floats(0, 1, width=32))
def test_an_answer_is_json_with_the_ids_and_scores_given(ids: list[str], score: float) -> None:
    deployment, rows = deployed(*ids), np.arange(len(ids), dtype=np.int32)
    for scores in (None, np.full(len(ids), score, np.float32)):
        for _ in range(2):
            body = json.loads(answer("itemList", entries(deployment, Ranked(rows, scores)), "abcdef"))

            assert [entry["itemId"] for entry in body["itemList"]] == ids
            expected = set() if scores is None else {round(score, 7)}
            assert {entry["score"] for entry in body["itemList"] if "score" in entry} == expected


def test_recommendation_ids_are_forty_characters_and_all_different() -> None:
    ids = {recommendation_id("c0ffee") for _ in range(2000)}

    assert len(ids) == 2000
    pattern = r"RID-[0-9a-f]{2}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}-CID-c0ffee"
    assert all(re.fullmatch(pattern, each) and len(each) == 40 for each in ids)


def test_an_empty_list_is_an_empty_list() -> None:
    nothing = Ranked(np.empty(0, np.int32), None)

    assert json.loads(answer("itemList", entries(deployed("a"), nothing), "abcdef"))["itemList"] == []
