"""What a query of aws-item-attribute-affinity asks of an item: a column and the value that it has there."""

from typing import NamedTuple


class Attribute(NamedTuple):
    """A column of the Items dataset, named as its schema does, and a value of the column's type."""

    column: str
    value: str | int | float
