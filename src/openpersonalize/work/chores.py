"""Which chores workers do between jobs."""

from openpersonalize.jobs.chores import Chore
from openpersonalize.work import housekeeping, index_needs, schedules, updates

CHORES = (
    Chore("begin trainings that are due", schedules.begin_due, every_s=schedules.EVERY_S),
    Chore("begin updates that are due", updates.begin_due, every_s=schedules.EVERY_S),
    Chore("begin indexes that are missed", index_needs.begin_wanted, every_s=index_needs.EVERY_S),
    Chore("collect garbage", housekeeping.collect, every_s=housekeeping.EVERY_S),
)
