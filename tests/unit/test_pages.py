"""The generated pages: none is stale, and what they say of unfinished members is what the code says."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from docs.generator.deviations import FAILING_TRAINING, REFUSED
from docs.generator.pages import PAGES, stale

from openpersonalize.roles.unfinished import FAILING, NOT_WORKING
from openpersonalize.work import unbuilt_training
from tests.conformance.generated import operations

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src/openpersonalize"


def test_no_generated_page_is_stale() -> None:
    assert stale() == [], "run 'make docs', and look at what it changes"


def test_the_readme_counts_what_works() -> None:
    n_working = len(operations().keys() - NOT_WORKING.keys())

    assert f"; {n_working} of them do their whole job." in (ROOT / "README.md").read_text("utf-8")


def test_every_link_of_a_generated_page_leads_somewhere() -> None:
    for path in PAGES:
        links = (
            re.findall(r"\]\(([^)#:]+)\)", (ROOT / path).read_text("utf-8")) if path.endswith(".md") else []
        )

        assert [link for link in links if not (ROOT / path).parent.joinpath(link).exists()] == []


def test_the_page_names_every_member_that_is_refused_as_not_built() -> None:
    named = {text for path in SOURCE.rglob("*.py") for text in refused_in(ast.parse(path.read_text("utf-8")))}

    assert named - FAILING.keys() == REFUSED.keys()


def test_the_page_names_every_setting_that_fails_a_training() -> None:
    tree = ast.parse(Path(unbuilt_training.__file__).read_text("utf-8"))
    refused = {
        text.removeprefix("not built yet: ") for text in constants(tree) if text.startswith("not built yet: ")
    }

    assert refused == FAILING_TRAINING.keys()


def refused_in(tree: ast.Module) -> Iterator[str]:
    """The texts that a module gives to NotBuiltYet: written there, or in the table that a loop reads."""
    for node in ast.walk(tree):
        if isinstance(node, ast.For) and "raise NotBuiltYet(" in ast.unparse(node):
            yield from constants(node.iter)
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "NotBuiltYet":
            yield from (text for argument in node.args for text in constants(argument))


def constants(node: ast.AST) -> Iterator[str]:
    """The texts in an expression."""
    return (
        each.value
        for each in ast.walk(node)
        if isinstance(each, ast.Constant) and isinstance(each.value, str)
    )
