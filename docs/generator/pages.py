"""All generated pages by their path; a page is a function without arguments that gives its text."""

from collections.abc import Callable, Mapping
from pathlib import Path

from docs.generator import compatibility, limits, postman

ROOT = Path(__file__).parents[2]

PAGES: Mapping[str, Callable[[], str]] = {
    "docs/compatibility.md": compatibility.page,
    "docs/limits.md": limits.page,
    "examples/postman.json": postman.collection,
}


def stale() -> list[str]:
    """The paths of the pages that are not what the code says."""
    return [path for path, page in PAGES.items() if _written(ROOT / path) != page()]


def write() -> None:
    """Write all pages."""
    for path, page in PAGES.items():
        (ROOT / path).write_text(page(), encoding="utf-8")


def _written(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""
