"""Answers of Creates, kept for clients that did not get them and ask again.

An SDK sends a request anew when its answer was lost, with the same `amz-sdk-invocation-id`. AWS's own service
would say then that the name is taken; here the repetition gets the answer that the first one made.
"""

import hashlib
import json
from collections.abc import Callable
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from openpersonalize.protocol.call import Call
from openpersonalize.storage import records
from openpersonalize.storage.tables import AnswerRow


def answer_once(session: Session, call: Call, now: float, make: Callable[[], bytes]) -> bytes:
    """What `make` answers, or what it answered an earlier sending of this call; both commit together.

    Calls that create nothing, or that carry no invocation's id, are simply made.
    """
    if not call.invocation_id or not call.operation.startswith("Create"):
        return make()
    key = _key(call)
    if not _take(session, key, now):
        return session.execute(select(AnswerRow.answer).where(AnswerRow.key == key)).scalar_one()
    answer = make()
    records.change(session, update(AnswerRow).where(AnswerRow.key == key).values(answer=answer))
    return answer


def _key(call: Call) -> bytes:
    scope = call.scope
    named = json.dumps([call.operation, scope.account, scope.region, call.invocation_id.hex()])
    return hashlib.sha256(named.encode() + b"\n" + call.body).digest()


def _take(session: Session, key: bytes, now: float) -> bool:
    """Whether this transaction is the first with the key.

    While another one with it is under way, the database lets this one wait until that has ended.
    """
    dialect: Any = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    row = dialect.insert(AnswerRow).values(key=key, answer=b"", created_at=now)
    taken = session.execute(row.on_conflict_do_nothing().returning(AnswerRow.key))
    return taken.first() is not None
