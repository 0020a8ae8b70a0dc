"""What solutions may ask of a training and no machinery serves yet; their versions fail and say so."""

from openpersonalize.errors import JobError
from openpersonalize.storage.tables import SolutionVersionRow


def refuse_unbuilt(version: SolutionVersionRow) -> None:
    """Raise JobError that names the first setting of a version which is not built yet."""
    config = version.solution_config or {}
    events = (config.get("eventsConfig") or {}).get("eventParametersList")
    asked = {
        "solutionConfig.eventsConfig": events,
    }
    for what, is_asked in asked.items():
        if is_asked:
            raise JobError(f"not built yet: {what}")
