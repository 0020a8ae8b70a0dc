"""What the columns of the Users dataset say in a request: more rows of the model's contexts."""

import numpy as np

from openpersonalize.models.traits import Traits
from openpersonalize.runtime.choices import Rows
from openpersonalize.runtime.deployments import Deployment
from openpersonalize.runtime.indexes import Group


def with_traits(context: Rows, deployment: Deployment, user_id: str, group: Group) -> Rows:
    """Return a request's context in rows of the model's, with what the user's columns say.

    They are those of the user's record as it is now where the group's users are indexed (something filters by
    them); else those of the training, or of the update that was last.
    """
    traits: Traits | None = getattr(deployment.model, "traits", None)
    if traits is None or not traits.columns:
        return context
    records = group.records.get("USERS")
    if records is None:
        rows = traits.of_user(user_id)
    else:
        record = records.find(user_id)
        rows = traits.of_record(record.value, deployment.model.contexts)
    return np.concatenate([context, rows]) if len(rows) else context
