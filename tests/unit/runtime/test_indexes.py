"""What keeps indexes, records and filters fresh goes on after a fault and tells no process of half of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import update

from openpersonalize.domain.columns import Column
from openpersonalize.models.columns import ColumnTable
from openpersonalize.runtime.indexes import Indexes
from openpersonalize.storage import artifacts
from openpersonalize.storage.migrations import upgrade
from openpersonalize.storage.record_log import Record, append_records
from openpersonalize.storage.records import INDEXES, bump
from openpersonalize.storage.stores import Stores, open_stores
from openpersonalize.storage.tables import DatasetGroupRow, DatasetRow, SchemaRow
from openpersonalize.storage.tail import Tail

COLUMNS = (Column("ITEM_ID", "string"), Column("GENRE", "string", categorical=True))
SCHEMA = (
    '{"type": "record", "name": "Items", "namespace": "x", "version": "1.0", "fields": ['
    '{"name": "ITEM_ID", "type": "string"}, {"name": "GENRE", "type": "string", "categorical": true}]}'
)
OWN = {"account": "0", "region": "r", "creation_date_time": 1.0, "last_updated_date_time": 1.0}


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[Stores]:
    """Stores with an Items dataset of number 1."""
    url = f"sqlite:///{tmp_path}/database.sqlite3"
    upgrade(url)
    opened = open_stores(tmp_path, url)
    with opened.database.write() as session:
        session.add_all(
            [
                DatasetGroupRow(arn="group", name="group", status="ACTIVE", **OWN),
                SchemaRow(arn="schema", name="schema", schema=SCHEMA, **OWN),
            ]
        )
        session.flush()
        session.add(
            DatasetRow(
                arn="items",
                name="items",
                status="ACTIVE",
                dataset_group_arn="group",
                dataset_type="ITEMS",
                schema_arn="schema",
                **OWN,
            )
        )
    yield opened
    opened.database.dispose()


def publish(stores: Stores, name: str, **genres: str) -> Path:
    """Give the dataset an index of items with their genres; where it is kept."""
    table = ColumnTable.build(
        COLUMNS, {item: {"ITEM_ID": item, "GENRE": genre} for item, genre in genres.items()}
    )
    artifacts.save(table, stores.artifacts / name, extra={"watermark": [0, 0]})
    with stores.database.write() as session:
        session.execute(update(DatasetRow).values(index_id=name))
        bump(session, INDEXES)
    return stores.artifacts / name


def put(stores: Stores, item: str, properties: str | None) -> None:
    with stores.database.write() as session:
        append_records(session, [Record(1, item, properties, 1.0)])


def genre(kept: Indexes, item: str) -> object:
    return kept.snapshot.groups[1].records["ITEMS"].find(item).value("GENRE")


def test_records_that_were_put_lie_over_the_index(stores: Stores) -> None:
    publish(stores, "index", a="jazz", b="folk")
    put(stores, "a", '{"GENRE":"rock"}')
    kept = Indexes(stores, Tail(stores.database))
    kept.refresh()
    first = kept.snapshot
    kept.refresh()
    assert kept.snapshot is first
    assert (genre(kept, "a"), genre(kept, "b"), genre(kept, "none")) == ("rock", "folk", None)

    put(stores, "b", None)
    put(stores, "new", '{"GENRE":"soul"}')
    kept.refresh()

    assert (genre(kept, "a"), genre(kept, "b"), genre(kept, "new")) == ("rock", None, "soul")


def test_a_broken_index_leaves_the_one_before_and_is_tried_again(stores: Stores) -> None:
    publish(stores, "old", a="jazz")
    kept = Indexes(stores, Tail(stores.database), retry_s=-1.0)
    kept.refresh()
    manifest = publish(stores, "new", a="folk") / artifacts.MANIFEST
    whole = manifest.read_bytes()
    manifest.write_bytes(b"{}")
    kept.refresh()
    assert genre(kept, "a") == "jazz"
    put(stores, "a", '{"GENRE":"rock"}')
    kept.refresh()
    assert genre(kept, "a") == "rock"

    manifest.write_bytes(whole)
    put(stores, "b", '{"GENRE":"soul"}')
    kept.refresh()

    assert genre(kept, "b") == "soul"
    base = kept.snapshot.groups[1].records["ITEMS"].base
    assert base.value(base.ids.find("a"), "GENRE") == "folk"


def test_a_look_that_fails_is_done_again_in_full(stores: Stores) -> None:
    tail = BrokenTail(stores.database)
    kept = Indexes(stores, tail)
    publish(stores, "index", a="jazz")
    tail.is_broken = True
    with pytest.raises(OSError, match="away"):
        kept.refresh()
    assert kept.snapshot.groups == {}

    tail.is_broken = False
    kept.refresh()

    assert genre(kept, "a") == "jazz"


class BrokenTail(Tail):
    """A tail whose database is away for a while."""

    is_broken = False

    def serve(self, *given: object, **members: object) -> None:
        """Fail while it is broken."""
        if self.is_broken:
            raise OSError("away")
