"""Whose the events of anonymous sessions are."""

from openpersonalize.work.sessions import owners

Said = tuple[str, str | None, int]
"""Session, user and time of an event."""


def owners_of(*events: Said) -> list[str | None]:
    sessions, users, times = ([event[place] for event in events] for place in range(3))
    return owners({"session_id": sessions, "user_id": users, "timestamp": times}).to_list()


def test_a_session_that_names_its_user_belongs_to_the_user() -> None:
    assert owners_of(("s", None, 1), ("s", "ann", 2), ("s", None, 3)) == ["ann"] * 3


def test_a_session_that_names_nobody_has_no_owner() -> None:
    assert owners_of(("s", None, 1), ("t", "ann", 2), ("s", None, 3)) == [None, "ann", None]


def test_events_with_a_user_are_that_users_whatever_the_session() -> None:
    assert owners_of(("s", "ann", 1), ("s", "bob", 2), ("t", "ann", 3)) == ["ann", "bob", "ann"]


def test_of_two_users_of_a_session_what_is_before_a_sign_in_is_theirs_who_sign_in() -> None:
    said = [("s", None, 1), ("s", "ann", 2), ("s", None, 3), ("s", "bob", 4), ("s", None, 5)]

    assert owners_of(*said) == ["ann", "ann", "bob", "bob", "bob"]


def test_the_order_is_that_of_the_events_times_and_not_that_of_their_arrival() -> None:
    said = [("s", "bob", 4), ("s", None, 3), ("s", "ann", 2), ("s", None, 1), ("s", None, 9)]

    assert owners_of(*said) == ["bob", "bob", "ann", "ann", "bob"]


def test_at_one_time_the_order_is_that_of_arrival() -> None:
    assert owners_of(("s", None, 1), ("s", "ann", 1), ("s", None, 1), ("s", "bob", 1)) == [
        "ann",
        "ann",
        "bob",
        "bob",
    ]


def test_a_session_id_sent_as_user_id_is_an_ordinary_user() -> None:
    assert owners_of(("s", "s", 1), ("s", None, 2)) == ["s", "s"]


def test_a_session_id_sent_as_user_id_is_never_merged_but_the_sessions_other_events_are() -> None:
    said = [("s", None, 1), ("s", "s", 2), ("s", "ann", 3), ("s", None, 4)]

    assert owners_of(*said) == ["ann", "s", "ann", "ann"]


def test_a_user_may_have_many_sessions() -> None:
    said = [("s", None, 1), ("t", None, 2), ("s", "ann", 3), ("t", "ann", 4), ("u", None, 5)]

    assert owners_of(*said) == ["ann", "ann", "ann", "ann", None]


def test_no_events_have_no_owners() -> None:
    assert owners_of() == []
