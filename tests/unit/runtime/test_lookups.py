"""What one request looks up fits together, whatever is swapped meanwhile."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from openpersonalize.protocol.arns import Scope
from openpersonalize.runtime.filters import ActiveFilter
from openpersonalize.runtime.indexes import NO_DATA, Group, Snapshot
from openpersonalize.runtime.lookups import Lookups, Memory, NotInMemory
from openpersonalize.storage.migrations import upgrade
from openpersonalize.storage.stores import open_stores
from openpersonalize.storage.tail import Tail

SCOPE = Scope("000000000000", "us-east-1")
ARN = "arn:aws:personalize:us-east-1:000000000000:filter/new"
GROUP = Group()
AFTER = Snapshot({1: GROUP}, {ARN: ActiveFilter(ARN, 1, SCOPE.account, SCOPE.region, 1, None)})


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Memory]:
    url = f"sqlite:///{tmp_path}/database.sqlite3"
    upgrade(url)
    stores = open_stores(tmp_path, url)
    yield Memory(stores, Tail(stores.database))
    stores.database.dispose()


def test_a_filter_is_not_seen_beside_the_data_of_before_it(memory: Memory) -> None:
    lookups = Lookups(memory, SCOPE)
    assert lookups.group(1) is NO_DATA
    memory.indexes.snapshot = AFTER

    with pytest.raises(NotInMemory):
        lookups.filter(ARN)
    lookups.look_anew()
    assert lookups.filter(ARN).arn == ARN
    assert lookups.group(1) is GROUP
