"""Findings of cdk-nag (AWS Solutions) that are known and stay, each with its reason, told where the thing is made.

The check itself is a test: `tests/infra/test_nag.py`.
"""

from aws_cdk import Acknowledgment, Validations
from constructs import IConstruct


def acknowledge(where: IConstruct, rule: str, why: str) -> None:
    """Let a finding stand. `rule` is as the check prints it, such as `SMG4` or `IAM5[Resource::*]`."""
    Validations.of(where).acknowledge(Acknowledgment(id=f"AwsSolutions::AwsSolutions-{rule}", reason=why))
