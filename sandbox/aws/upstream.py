"""The one door to ministack and to the engine's library: its gateway, its stores, the services we build on or patch.

ministack (MIT, Copyright (c) 2026 MiniStack Contributors) reads its settings from the environment when it is imported,
so this module is imported only after `sandbox.aws.run` has set them. It ships no types: its modules are Any to us.
Its CloudFormation loads fifty services (two seconds) and has a door of its own, `sandbox.aws.upstream_cfn`.
"""

import docker  # type: ignore[import-untyped] # it ships no types
from ministack import app as gateway  # type: ignore[import-untyped] # it ships no types
from ministack.core import responses  # type: ignore[import-untyped] # it ships no types
from ministack.core.arn import parse_arn as arn_of  # type: ignore[import-untyped] # it ships no types
from ministack.services import (  # type: ignore[import-untyped] # it ships no types
    cloudwatch,
    cloudwatch_logs,
    ecr,
    ecs,
    ecs_metadata,
    eventbridge,
    scheduler,
    secretsmanager,
    sns,
    sqs,
    ssm,
)

__all__ = [
    "arn_of",
    "cloudwatch",
    "cloudwatch_logs",
    "docker",
    "ecr",
    "ecs",
    "ecs_metadata",
    "eventbridge",
    "gateway",
    "responses",
    "scheduler",
    "secretsmanager",
    "sns",
    "sqs",
    "ssm",
]
