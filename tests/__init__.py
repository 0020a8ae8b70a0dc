"""The tests. Compiled kernels are kept between runs, where numba looks when it is first imported."""

import os
from pathlib import Path

os.environ.setdefault("NUMBA_CACHE_DIR", str(Path(__file__).parents[1] / ".pytest_cache" / "numba"))
