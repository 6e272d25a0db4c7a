"""AWS on this machine, as far as this pipeline needs it: `python -m sandbox.aws`, or `running()` in a test.

It is ministack with our own patches: ECS tasks that really run, services that roll and roll back, a registry, schedules
that fire, logs that are filtered and counted, alarms that answer. What it does and does not: `docs/aws-endpoint.md`.
"""

from sandbox.aws.run import Aws, AwsError, running
from sandbox.aws.settings import Pace, Tasks

__all__ = ["Aws", "AwsError", "Pace", "Tasks", "running"]
