"""docs/compatibility.md: what each operation does here, and every difference from the service."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from docs.generator.deviations import DEVIATIONS, FAILING_TRAINING, REFUSED
from tests.answer_rules import ALLOWED_CODES, ALSO_ALLOWED, QUIRKS
from tests.conformance import generated
from tests.conformance.test_botocore import built

from openpersonalize.recipes.catalogue import BUILT, RECIPES
from openpersonalize.roles.unfinished import NOT_WORKING

ROOT = Path(__file__).parents[2]
SERVICES = {
    "personalize": "Control plane",
    "personalize-runtime": "Runtime",
    "personalize-events": "Events",
}


def page() -> str:
    """The whole page."""
    return "\n".join(
        [*_head(), *_operations(), *_parts(), *_recipes(), *_deviations(), *_errors(), *_tests()]
    )


def _head() -> Iterator[str]:
    operations = generated.operations().keys()
    n_validated = len(_validated() & operations)
    n_working = len(_validated() & operations - NOT_WORKING.keys())
    yield "# Compatibility with Amazon Personalize"
    yield ""
    yield (
        "Written by `make docs` from the table of operations, the list of what does not work yet and the "
        "tests; a test fails when it is stale."
    )
    yield ""
    yield f"- **Validated: {n_validated} of {len(operations)} operations.** {VALIDATED}"
    yield f"- **Works: {n_working} of {len(operations)} operations.** {WORKS}"
    yield ""


VALIDATED = (
    "The operation has the shapes, constraints, errors, statuses and lifecycle of the service, compared with "
    "the models of the AWS SDK; the column counts the generated requests that break one constraint each, and "
    "are refused."
)
WORKS = (
    "It does its job: `tests/api/test_walk.py` walks through all operations, and fails when one that is "
    "listed here as working does not, or the other way round."
)


def _validated() -> set[str]:
    return {operation.name for operation in built()}


def _operations() -> Iterator[str]:
    def service(name: str) -> str:
        return str(generated.operations()[name].service_model.service_name)

    yield "## Operations"
    for key, title in SERVICES.items():
        names = sorted(name for name in generated.operations() if service(name) == key)
        yield from ("", f"### {title}: {len(names)}", "")
        yield from _table(("operation", "validated", "works", "remark"), map(_row, names))
    yield ""


def _row(name: str) -> tuple[str, ...]:
    n_cases = len(list(generated.cases(name)))
    validated = f"yes ({n_cases})" if name in _validated() else "no"
    return f"`{name}`", validated, "not yet" if name in NOT_WORKING else "yes", NOT_WORKING.get(name, "")


def _parts() -> Iterator[str]:
    yield from ("## Members that wait for a later version", "")
    yield "Operations that work refuse these with InvalidInputException, `not built yet: <member>`:"
    yield from ("", *_table(("member", "what it is for"), _named(REFUSED)), "")
    yield "A solution keeps these; a version that is trained with one ends CREATE FAILED, `not built yet: …`:"
    yield from ("", *_table(("setting", "what it is for"), _named(FAILING_TRAINING)), "")


def _named(texts: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    return ((f"`{name}`", text) for name, text in texts.items())


def _recipes() -> Iterator[str]:
    yield from ("## Recipes", "")
    yield (
        f"All {len(RECIPES)} are described, and the hyperparameters of each are validated. {len(BUILT)} can "
        "be trained; a solution version or recommender of another ends CREATE FAILED, with `not built yet` "
        "as the reason."
    )
    yield ""
    rows = ((f"`{name}`", "yes" if name in BUILT else "not yet") for name in sorted(RECIPES))
    yield from _table(("recipe", "can be trained"), rows)
    yield ""


def _deviations() -> Iterator[str]:
    yield "## Deviations"
    for title, deviations in DEVIATIONS.items():
        rows = ((entry.here, entry.there, entry.why) for entry in deviations)
        yield from ("", f"### {title}", "", *_table(("here", "on AWS", "why"), rows))
    yield ""


def _errors() -> Iterator[str]:
    yield from ("## Errors", "")
    yield "Every error has a code that the model of its operation lists, or one of these:"
    yield ""
    rows = list(_named(ALLOWED_CODES))
    for name, codes in ALSO_ALLOWED.items():
        rows += [(f"`{code}`", f"of `{name}`, whose model lists no code for a bad member") for code in codes]
    yield from _table(("code", "when"), rows)
    yield from ("", "The service breaks its own model in these members, and so does this server:", "")
    quirks = ((f"`{shape}.{member}`", text) for (shape, member), text in QUIRKS.items())
    yield from _table(("member", "how"), quirks)
    yield ""


def _tests() -> Iterator[str]:
    n_cases = len(generated.enumeration())
    yield from ("## How it is tested", "")
    yield (
        f"- {n_cases} requests that break exactly one constraint of the models, each for one (operation, "
        "member, constraint); a second enumeration over the raw models finds the same ones. Left out:"
    )
    yield from (f"    - {what}: {why}." for what, why in generated.EXCLUSIONS.items())
    yield "- Random valid requests of every operation, about what exists and what does not: no fault, and no"
    yield "  complaint about a shape."
    yield "- Every answer in the suite is held against the output shape and the error list of its operation."
    clients = ", ".join(f"{name} {version}" for name, version in _clients())
    yield f"- Clients that run in the tests: {clients}."
    yield ""


def _clients() -> Iterator[tuple[str, str]]:
    yield "boto3", _locked(ROOT / "requirements.lock", "boto3")
    yield "the AWS CLI", _locked(ROOT / "tests/clients/awscli.lock", "awscli")
    package = json.loads((ROOT / "tests/clients/javascript/package.json").read_text("utf-8"))
    yield "the AWS SDK for JavaScript", package["dependencies"]["@aws-sdk/client-personalize"]
    yield "newman (Postman)", package["dependencies"]["newman"]


def _locked(lock: Path, name: str) -> str:
    found = re.search(rf"^{name}==([\w.]+)", lock.read_text("utf-8"), re.MULTILINE)
    if found is None:
        raise LookupError(f"{lock} has no {name}")
    return found[1]


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"
