"""What the runtime says while it cannot answer yet."""

from pathlib import Path

from openpersonalize.runtime.endpoints import Runtime
from openpersonalize.storage.migrations import upgrade
from openpersonalize.storage.stores import open_stores
from openpersonalize.storage.tail import Tail
from tests.world import until


def test_a_runtime_is_ready_when_its_functions_are_compiled_and_its_campaigns_read(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/database.sqlite3"
    upgrade(url)
    stores = open_stores(tmp_path, url)
    runtime = Runtime(stores, Tail(stores.database))
    before = {name: check() for name, check in runtime.checks.items()}
    runtime.start()
    try:
        until(lambda: not any(check() for check in runtime.checks.values()), "the runtime is ready", 120)
    finally:
        runtime.stop()
        stores.database.dispose()

    assert "are being compiled" in before["kernels"]
    assert "have not been loaded" in before["deployments"]
