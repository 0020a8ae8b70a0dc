"""What a handler of the control plane gets beside its request."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from openpersonalize.protocol.arns import Scope
from openpersonalize.storage.stores import Stores


@dataclass(frozen=True)
class Context:
    """One request's transaction, owner and stores. Handlers never commit."""

    session: Session
    scope: Scope
    stores: Stores

    def arn(self, kind: str, *path: str) -> str:
        """The ARN of the resource `kind/path…` of the caller."""
        return self.scope.arn(kind, *path)
