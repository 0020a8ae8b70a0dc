"""The runtime loads nothing that trains, reads bulk data or speaks to AWS."""

import subprocess
import sys

HEAVY = {"polars", "implicit", "boto3", "botocore", "fastapi", "pandas", "pyarrow"}


def test_the_runtime_loads_no_heavy_module() -> None:
    program = "import sys, openpersonalize.runtime.endpoints; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    ).stdout

    assert HEAVY.isdisjoint(loaded.split())
