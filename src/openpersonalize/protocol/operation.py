"""An operation and the table of them; the declaration is the handler."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar, get_type_hints

from openpersonalize.protocol.shapes import Shape

Handler = TypeVar("Handler", bound=Callable[..., Any])


@dataclass(frozen=True)
class Operation:
    """One operation of the API: its AWS name, its shapes and what answers it."""

    name: str
    request: type[Shape]
    response: type[Shape] | None
    handler: Callable[..., Any]

    @property
    def summary(self) -> str:
        """The first line of the handler's docstring."""
        return (self.handler.__doc__ or self.name).strip().splitlines()[0]


class Operations:
    """The operations of one module, or of a whole service."""

    def __init__(self) -> None:
        self._table: dict[str, Operation] = {}

    def handles(self, name: str) -> Callable[[Handler], Handler]:
        """Declare the decorated `(request: Shape, context) -> Shape | None` as operation `name`."""

        def declare(handler: Handler) -> Handler:
            hints = get_type_hints(handler)
            answer = hints.get("return")
            response = answer if isinstance(answer, type) and issubclass(answer, Shape) else None
            self.add(Operation(name, hints["request"], response, handler))
            return handler

        return declare

    def add(self, operation: Operation) -> None:
        """Add an operation; raises ValueError for a name that is declared already."""
        if operation.name in self._table:
            raise ValueError(f"operation {operation.name} is declared twice")
        self._table[operation.name] = operation

    def include(self, others: "Operations") -> None:
        """Add all operations of another table."""
        for operation in others:
            self.add(operation)

    def __getitem__(self, name: str) -> Operation:
        return self._table[name]

    def __iter__(self) -> Iterator[Operation]:
        return iter(self._table.values())

    def __len__(self) -> int:
        return len(self._table)
