"""The columns that a training is to leave out or to use, in a form that can be compared."""

from collections.abc import Mapping
from typing import Any


def training_columns(config: Mapping[str, Any]) -> dict[str, dict[str, list[str]]]:
    """What a config's trainingDataConfig says, whatever the order, the case of datasets, and empty maps."""
    given: Mapping[str, Mapping[str, list[str]]] = config.get("trainingDataConfig") or {}
    return {
        member: {dataset.upper(): sorted(set(columns)) for dataset, columns in by_dataset.items() if columns}
        for member, by_dataset in given.items()
        if any(by_dataset.values())
    }
