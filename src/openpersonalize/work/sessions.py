"""Whose the events of anonymous sessions are, for training.

An event without a user belongs to the session's user: the one who is named next in the same session, by the
events' times, as visitors look around before they sign in; after the last of these events, the one named
last. Events of a session that names nobody have no owner, and are not trained on until it does.

An app may send the session's id as the user's. That is an ordinary user, to whom the session's other events
belong only if it names no one else.
"""

from collections.abc import Mapping
from typing import Any

import polars as pl


def owners(columns: Mapping[str, list[Any]]) -> pl.Series:
    """The user of each streamed event; null if there is none.

    `columns` are `session_id`, `user_id` and `timestamp`, in the order of the log.
    """
    named = pl.col("user_id")
    signed_in = pl.when(named != pl.col("session_id")).then(named)
    as_user = pl.when(named == pl.col("session_id")).then(named)
    frame = pl.DataFrame(
        {name: columns[name] for name in ("session_id", "user_id", "timestamp")},
        schema={"session_id": pl.String, "user_id": pl.String, "timestamp": pl.Int64},
    ).with_row_index("place")
    return (
        frame.sort("timestamp", "place")
        .select(
            "place",
            pl.coalesce(
                named,
                signed_in.backward_fill().over("session_id"),
                signed_in.forward_fill().over("session_id"),
                as_user.max().over("session_id"),
            ).alias("owner"),
        )
        .sort("place")
        .get_column("owner")
    )
