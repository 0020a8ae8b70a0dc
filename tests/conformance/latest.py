"""What the installed botocore has and this server does not: `make conformance-latest` asks the newest one."""

import sys
from collections.abc import Iterator

import botocore

from openpersonalize.protocol.operation import Operation
from tests.conformance.test_botocore import built, compare, operation_models


def differences() -> Iterator[str]:
    """Operations and members that are new, gone or changed, one a line."""
    ours = {operation.name: operation for operation in built()}
    theirs = operation_models()
    for name in sorted(theirs.keys() - ours.keys()):
        yield f"{name}: a new operation"
    for name in sorted(ours.keys() - theirs.keys()):
        yield f"{name}: no operation any more"
    for name in sorted(theirs.keys() & ours.keys()):
        yield from _differences_of(ours[name])


def _differences_of(operation: Operation) -> Iterator[str]:
    model = operation_models()[operation.name]
    request = compare(operation.request, model.input_shape, f"{operation.name}.request", constrained=True)
    yield from (text for _, text in request)
    if operation.response is not None and model.output_shape is not None:
        path = f"{operation.name}.response"
        yield from (
            text for _, text in compare(operation.response, model.output_shape, path, constrained=False)
        )
    elif (operation.response is None) != (model.output_shape is None):
        yield f"{operation.name}.response: only one of the two has one"


def main() -> int:
    """Print the differences; the exit code is 1 where there are any."""
    found = [*differences()]
    title = f"botocore {botocore.__version__}: {len(operation_models())} operations, {len(found)} differences"
    sys.stdout.write("\n".join([title, *found, ""]))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
