"""Findings that are known and stay, each with its reason, told where the thing is made.

The checks are cdk-nag's AWS Solutions rules (`tests/infra/test_nag.py`) and the library's own look at each template
(`make synth`).
"""

from aws_cdk import Acknowledgment, Validations
from constructs import IConstruct


def acknowledge(where: IConstruct, rule: str, why: str) -> None:
    """Let a finding of cdk-nag stand. `rule` is as the check prints it, such as `SMG4` or `IAM5[Resource::*]`."""
    Validations.of(where).acknowledge(Acknowledgment(id=f"AwsSolutions::AwsSolutions-{rule}", reason=why))


def acknowledge_in_template(where: IConstruct, rule: str, why: str) -> None:
    """Let a finding of the library's own look at the template stand. `rule` is such as `W3030`."""
    Validations.of(where).acknowledge(Acknowledgment(id=f"CloudFormation-Validate::{rule}", reason=why))
