"""From a text to a tree: recursive descent over the grammar of filter expressions.

    filter     = expression { "|" expression }
    expression = ("INCLUDE" | "EXCLUDE") target "WHERE" condition { ("AND" | "OR") condition }
                 [ "IF" user { "AND" user } ]
    condition  = dataset "." name ( compare scalar | ["NOT"] "IN" list )
    user       = "CurrentUser" "." name ( compare scalar | ["NOT"] "IN" list )
    scalar     = literal | parameter | "(" parameter ")" | "CurrentItem" "." name
    list       = "(" literal { "," literal } ")" | "(" parameter ")" | "CurrentItem" "." name

AND binds before OR. Keywords and names are alike in any case. What needs no schema to be seen as wrong is
refused here, the rest in `checking`.
"""

from collections.abc import Mapping
from typing import get_args

from openpersonalize.filters.syntax import (
    EVENT_DATASETS,
    WILDCARD,
    Action,
    Comparison,
    Condition,
    CurrentItem,
    Dataset,
    Expression,
    Filter,
    Literals,
    Operator,
    Parameter,
    Right,
    Target,
    Value,
)
from openpersonalize.filters.tokens import FilterError, Token, tokens_of

LONGEST_PARAMETER = 50
MOST_PARAMETERS = 25
"""A request can give values for so many."""


def _squashed(name: str) -> str:
    return name.replace("_", "").upper()


_TARGETS: Mapping[str, Target] = {target.upper(): target for target in get_args(Target)}
_DATASETS_OF: Mapping[Target, tuple[Dataset, ...]] = {
    "ItemID": ("Items", "Interactions"),
    "UserID": ("Users", "Interactions"),
    "ActionID": ("Actions", "Action_Interactions"),
}
# The first documentation used the singular.
_DATASETS: Mapping[str, Dataset] = {
    name: dataset for dataset in get_args(Dataset) for name in (_squashed(dataset), _squashed(dataset)[:-1])
}
_COMPARISONS: tuple[Comparison, ...] = get_args(Comparison)


def parse(expression: str) -> Filter:
    """The tree of a filter expression. Raises FilterError, which names the column and what was expected."""
    tree = _Parser(tokens_of(expression)).filter()
    if len(tree.parameters) > MOST_PARAMETERS:
        raise FilterError(
            0, f"{len(tree.parameters)} parameters are too many: a request can give {MOST_PARAMETERS} values."
        )
    return tree


class _Parser:
    """One walk over the tokens of one expression."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._next = 0

    def _peek(self) -> Token:
        return self._tokens[self._next]

    def _take(self) -> Token:
        token = self._peek()
        if token.kind != "end":
            self._next += 1
        return token

    def _takes(self, word: str) -> bool:
        """Take the keyword or symbol if it is next."""
        if not self._peek().says(word):
            return False
        self._next += 1
        return True

    def _demand(self, word: str) -> None:
        if not self._takes(word):
            raise self._unexpected(word)

    def _unexpected(self, wanted: str, token: Token | None = None) -> FilterError:
        found = token or self._peek()
        return FilterError(found.at, f"expected {wanted}, found {found.shown}.")

    def filter(self) -> Filter:
        expressions = [self._expression()]
        while self._takes("|"):
            expressions.append(self._expression())
        if self._peek().kind != "end":
            raise self._unexpected(_what_may_follow(expressions[-1]))
        other = [each for each in expressions if each.target != expressions[0].target]
        if other:
            raise FilterError(
                other[0].at,
                f"all expressions of a filter have one target: write {expressions[0].target} here too, or "
                "make another filter.",
            )
        return Filter(tuple(expressions))

    def _expression(self) -> Expression:
        at = self._peek().at
        action = self._action()
        target = self._target()
        self._demand("WHERE")
        dataset, first = self._condition(target, None)
        groups = [[first]]
        while self._peek().says("AND") or self._peek().says("OR"):
            if self._take().says("OR"):
                groups.append([])
            groups[-1].append(self._condition(target, dataset)[1])
        user = self._user_conditions() if self._takes("IF") else ()
        return Expression(action, target, dataset, tuple(map(tuple, groups)), user, at)

    def _action(self) -> Action:
        if self._takes("INCLUDE"):
            return "INCLUDE"
        if self._takes("EXCLUDE"):
            return "EXCLUDE"
        raise self._unexpected("INCLUDE or EXCLUDE")

    def _target(self) -> Target:
        token = self._take()
        target = _TARGETS.get(token.text.upper()) if token.kind == "word" else None
        if target is None:
            raise self._unexpected("ItemID, UserID or ActionID", token)
        return target

    def _condition(self, target: Target, wanted: Dataset | None) -> tuple[Dataset, Condition]:
        at = self._peek().at
        dataset = self._dataset(target)
        if wanted is not None and dataset != wanted:
            raise FilterError(
                at,
                f"conditions that AND and OR join are about one dataset, here {wanted}: put those on "
                f"{dataset} into an expression of their own, after '|'.",
            )
        self._demand(".")
        column = self._name()
        if dataset in EVENT_DATASETS and column.upper() != "EVENT_TYPE":
            raise FilterError(at, f"of {dataset}, only EVENT_TYPE can be filtered on.")
        condition = self._comparison(column, at)
        _check_wildcard(condition, dataset)
        if isinstance(condition.right, CurrentItem) and dataset != "Items":
            raise FilterError(
                condition.right.at, f"CurrentItem can be compared with a column of Items, not of {dataset}."
            )
        return dataset, condition

    def _dataset(self, target: Target) -> Dataset:
        token = self._take()
        allowed = " or ".join(f"{dataset}.<column>" for dataset in _DATASETS_OF[target])
        if token.says("CurrentUser"):
            raise FilterError(
                token.at, f"CurrentUser can stand after IF only: expected {allowed} of a {target} filter."
            )
        name = _squashed(token.text) if token.kind == "word" else ""
        dataset = _DATASETS.get(name)
        if dataset is None:
            raise self._unexpected(allowed, token)
        if dataset not in _DATASETS_OF[target]:
            remedy = " For the user of the request, write IF CurrentUser.<column>." * (dataset == "Users")
            raise FilterError(token.at, f"{dataset} can't choose a {target}: expected {allowed}.{remedy}")
        return dataset

    def _name(self) -> str:
        token = self._take()
        if token.kind != "word":
            raise self._unexpected("the name of a column", token)
        return token.text

    def _user_conditions(self) -> tuple[Condition, ...]:
        conditions = [self._user_condition()]
        while self._takes("AND"):
            conditions.append(self._user_condition())
        if self._peek().says("OR") or self._peek().says("IF"):
            word = self._peek().text.upper()
            raise FilterError(
                self._peek().at,
                f"{word} can't follow here: conditions of IF are joined by AND, and IF stands once.",
            )
        return tuple(conditions)

    def _user_condition(self) -> Condition:
        at = self._peek().at
        if not self._takes("CurrentUser"):
            raise self._unexpected("CurrentUser.<column>")
        self._demand(".")
        condition = self._comparison(self._name(), at)
        _check_wildcard(condition, "Users")
        if isinstance(condition.right, CurrentItem):
            raise FilterError(condition.right.at, "CurrentItem can't stand after IF: compare with a value.")
        return condition

    def _comparison(self, column: str, at: int) -> Condition:
        operator = self._operator()
        is_list = operator in ("IN", "NOT IN")
        right = self._list() if is_list else self._scalar()
        if isinstance(right, Parameter) and operator == "NOT IN":
            # The text of AWS.
            raise FilterError(
                right.at,
                f"Invalid input symbol: ${right.name}. Placeholders are not allowed with NOT_IN operator.",
            )
        return Condition(column, operator, right, at)

    def _operator(self) -> Operator:
        token = self._take()
        for comparison in _COMPARISONS:
            if token.says(comparison):
                return comparison
        if token.says("IN"):
            return "IN"
        if token.says("NOT"):
            self._demand("IN")
            return "NOT IN"
        raise self._unexpected("one of = != < <= > >=, IN or NOT IN", token)

    def _list(self) -> Right:
        if self._peek().says("CurrentItem"):
            return self._current_item()
        at = self._peek().at
        if not self._takes("("):
            raise self._unexpected("'(' before the values, or CurrentItem.<column>")
        if self._peek().kind == "parameter":
            return self._only_parameter(self._parameter())
        values = [self._literal("a string, a number or a parameter")]
        while self._takes(","):
            if self._peek().kind == "parameter":
                raise FilterError(
                    self._peek().at, "a list holds either values or one parameter: take one out."
                )
            values.append(self._literal("a string or a number"))
        if not self._takes(")"):
            raise self._unexpected("',' or ')'")
        return Literals(tuple(values), at)

    def _scalar(self) -> Right:
        if self._peek().says("CurrentItem"):
            return self._current_item()
        if self._peek().kind == "parameter":
            return self._parameter()
        if self._takes("("):
            if self._peek().kind != "parameter":
                raise self._unexpected("a parameter between the parentheses")
            return self._only_parameter(self._parameter())
        at = self._peek().at
        return Literals((self._literal("a string, a number, a parameter or CurrentItem.<column>"),), at)

    def _only_parameter(self, parameter: Parameter) -> Parameter:
        if self._peek().says(","):
            raise FilterError(
                self._peek().at, "one parameter is all that a list can hold: its value may name several."
            )
        self._demand(")")
        return parameter

    def _parameter(self) -> Parameter:
        token = self._take()
        if len(token.text) > LONGEST_PARAMETER:
            raise FilterError(
                token.at, f"the name of a parameter has at most {LONGEST_PARAMETER} characters: shorten it."
            )
        return Parameter(token.text, token.at)

    def _current_item(self) -> CurrentItem:
        at = self._take().at
        self._demand(".")
        return CurrentItem(self._name(), at)

    def _literal(self, wanted: str) -> Value:
        token = self._take()
        if token.kind == "string":
            return token.text
        if token.kind == "number":
            return float(token.text) if "." in token.text else int(token.text)
        if token.kind == "word":
            raise FilterError(
                token.at,
                f"expected {wanted}, found a word: put texts into double quotes; true and false too.",
            )
        raise self._unexpected(wanted, token)


def _what_may_follow(expression: Expression) -> str:
    return "AND, '|' or the end" if expression.user else "AND, OR, IF, '|' or the end"


def _check_wildcard(condition: Condition, dataset: Dataset) -> None:
    right = condition.right
    if not isinstance(right, Literals) or WILDCARD not in right.values:
        return
    if dataset not in EVENT_DATASETS or condition.operator != "IN" or len(right.values) > 1:
        raise FilterError(
            right.at, 'the wildcard "*" can stand alone in Interactions.EVENT_TYPE IN ("*") only.'
        )
