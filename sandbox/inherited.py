"""What somebody else's scheduler starts when we come: two forgotten schedules, firing beside services that already run.

No stack of ours makes them, and none takes them away. `pipeline.toml` declares that they should not fire, and
`ops schedules sync` sees to it. Their shape is that of the system before this one: a numbered revision of a family of
their own in a cluster of its own, and starts that are made up for during a whole day.
"""

from collections.abc import Iterator
from typing import Any

CLUSTER = "ops-pipeline-cluster"
GROUP = "default"
EVERY = {"ops-pipeline-dispatcher-tiny": "rate(5 minutes)", "ops-pipeline-classifier": "rate(5 minutes)"}
_DAY_SECONDS = 86_400
_RETRIES = 185


def inherited(region: str, account: str) -> Iterator[dict[str, Any]]:
    """The requests by which they were once made (`CreateSchedule`)."""
    for name, expression in EVERY.items():
        yield {
            "Name": name,
            "GroupName": GROUP,
            "Description": "made by hand",
            "State": "ENABLED",
            "ScheduleExpression": expression,
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "Target": {
                "Arn": f"arn:aws:ecs:{region}:{account}:cluster/{CLUSTER}",
                "RoleArn": f"arn:aws:iam::{account}:role/ops-pipeline-eventbridge-ecs-role",
                "EcsParameters": {
                    "TaskDefinitionArn": f"arn:aws:ecs:{region}:{account}:task-definition/{name}:1",
                    "TaskCount": 1,
                    "LaunchType": "FARGATE",
                    "NetworkConfiguration": {
                        "awsvpcConfiguration": {
                            "Subnets": ["subnet-0a1b2c3d4e5f60718"],
                            "SecurityGroups": ["sg-0a1b2c3d4e5f60718"],
                            "AssignPublicIp": "ENABLED",
                        }
                    },
                },
                "RetryPolicy": {"MaximumEventAgeInSeconds": _DAY_SECONDS, "MaximumRetryAttempts": _RETRIES},
            },
        }
