"""Jobs by interval or cron line, on APScheduler 3, which no other room imports."""

from daemon.scheduling.job import JobState, JobStatus, describe
from daemon.scheduling.schedule import Calendar, Every, Schedule
from daemon.scheduling.scheduler import Scheduler

__all__ = ["Calendar", "Every", "JobState", "JobStatus", "Schedule", "Scheduler", "describe"]
