"""Dry runs of filters: how many candidates each expression finds, and why one counts for nothing."""

from dataclasses import dataclass

import numpy as np

from openpersonalize.filters.masks import Candidates, Mask, Situation, holds
from openpersonalize.filters.syntax import Expression, Filter


@dataclass(frozen=True)
class Clause:
    """One expression's part; `why` says why it counts for nothing, and is empty where it counts."""

    expression: Expression
    n_matched: int
    why: str = ""


@dataclass(frozen=True)
class DryRun:
    """What a filter does: its expressions in their order, and bool by candidate, whether it stays."""

    clauses: tuple[Clause, ...]
    kept: Mask


def dry_run(tree: Filter, candidates: Candidates, situation: Situation) -> DryRun:
    """Try a checked filter. Raises InvalidInputException, as a request with the filter would."""
    kept = candidates.mask(tree, situation)
    clauses = tuple(_clause(expression, candidates, situation) for expression in tree.expressions)
    return DryRun(clauses, np.ones(candidates.n, np.bool_) if kept is None else kept)


def _clause(expression: Expression, candidates: Candidates, situation: Situation) -> Clause:
    found = candidates.found(expression, situation)
    if found is None:
        return Clause(expression, 0, _why_not(expression, situation))
    return Clause(expression, int(found.sum()))


def _why_not(expression: Expression, situation: Situation) -> str:
    missing = [f"${name}" for name in expression.parameters if name not in situation.given]
    if missing:
        return f"filterValues has no value for {', '.join(missing)}"
    for condition in expression.user:
        if not holds(condition, situation):
            is_null = not situation.user.values(condition.column)
            claim = f"CurrentUser.{condition.column} {condition.operator} …"
            return f"IF does not hold: {claim} is false" + ", as the user has no value there" * is_null
    raise ValueError("the expression counts")
