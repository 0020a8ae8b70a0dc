"""What solutions may ask of a training and no machinery serves yet; their versions fail and say so."""

from openpersonalize.errors import JobError
from openpersonalize.storage.tables import SolutionVersionRow


def refuse_unbuilt(version: SolutionVersionRow) -> None:
    """Raise JobError that names a setting of a version which is not built yet."""
    events = (version.solution_config or {}).get("eventsConfig") or {}
    if events.get("eventParametersList"):
        raise JobError("not built yet: solutionConfig.eventsConfig")
