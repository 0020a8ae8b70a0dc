"""Answers of Creates, kept for clients that did not get them and ask again.

An SDK sends a request anew when its answer was lost, with the same `amz-sdk-invocation-id`. A repetition
finds the name taken, or collides with the answer kept; it then gets the answer that the first one made.
"""

import hashlib
import json

from sqlalchemy import Table, select
from sqlalchemy.orm import Session

from openpersonalize.protocol.call import Call
from openpersonalize.storage.tables import AnswerRow, Base

# Not by its class: what the mapper does for a row, each Create would pay for.
_TABLE: Table = Base.metadata.tables[AnswerRow.__tablename__]
_INSERT = _TABLE.insert()


def can_be_repeated(call: Call) -> bool:
    """Whether an SDK may send the call again that makes something."""
    return bool(call.invocation_id) and call.operation.startswith("Create")


def keep_answer(session: Session, call: Call, answer: bytes, now: float) -> None:
    """Keep the answer, to be committed with what it says; a second one of the same call violates its key."""
    session.flush()
    session.execute(_INSERT, {"key": _key(call), "answer": answer, "created_at": now})


def kept_answer(session: Session, call: Call) -> bytes | None:
    """What the same call was answered before; None where it was not."""
    return session.scalar(select(AnswerRow.answer).where(AnswerRow.key == _key(call)))


def _key(call: Call) -> bytes:
    scope = call.scope
    named = json.dumps([call.operation, scope.account, scope.region, call.invocation_id.hex()])
    return hashlib.sha256(named.encode() + b"\n" + call.body).digest()
