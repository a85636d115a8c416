"""Jobs by interval or cron line, on APScheduler 3, which no other room imports."""

from daemon.scheduling.crontab import crontab_fields
from daemon.scheduling.job import JobState, JobStatus
from daemon.scheduling.schedule import Cron, Every, Schedule
from daemon.scheduling.scheduler import Scheduler

__all__ = ["Cron", "Every", "JobState", "JobStatus", "Schedule", "Scheduler", "crontab_fields"]
