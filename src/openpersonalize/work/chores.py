"""Which chores workers do between jobs."""

from openpersonalize.jobs.chores import Chore
from openpersonalize.work import housekeeping, schedules

CHORES = (
    Chore("begin trainings that are due", schedules.begin_due, every_s=schedules.EVERY_S),
    Chore("collect garbage", housekeeping.collect, every_s=housekeeping.EVERY_S),
)
