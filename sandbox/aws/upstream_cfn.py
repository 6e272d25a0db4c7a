"""The door to ministack's CloudFormation, opened at the first CloudFormation call (see `sandbox.aws.upstream`)."""

from ministack.services.cloudformation import (  # type: ignore[import-untyped] # it ships no types
    custom_resource,
    provisioners,
    stacks,
)

__all__ = ["custom_resource", "provisioners", "stacks"]
