"""The secrets of a container, from Secrets Manager and Parameter Store, as ECS reads a `valueFrom`."""
# ruff: noqa: SLF001 - it reads private stores of one exact version of ministack, guarded by sandbox.aws.fits

import json
from collections.abc import Iterable

from sandbox.aws.upstream import secretsmanager, ssm

_FAILED = "unable to pull secrets or registry auth: execution resource retrieval failed"
_ARN_FIELDS = 7


class ResourceInitializationError(RuntimeError):
    """A task could not be given what it needs before it starts. Its words follow `ResourceInitializationError: `."""


def resolve(secrets: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Variables and their values, from variables and their `valueFrom`.

    Raises:
        ResourceInitializationError: one cannot be had; the task does not start, as on AWS.
    """
    return {name: _value(reference) for name, reference in secrets}


def _value(reference: str) -> str:
    return _secret(reference) if ":secretsmanager:" in reference else _parameter(reference)


def _secret(reference: str) -> str:
    """`arn:aws:secretsmanager:region:account:secret:name[:json-key:version-stage:version-id]`."""
    fields = reference.split(":")
    arn = ":".join(fields[:_ARN_FIELDS])
    key, stage, version = (*fields[_ARN_FIELDS:], "", "", "")[:3]
    text = secretsmanager.resolve_secret_string(arn, stage or "AWSCURRENT", version or None)
    if text is None:
        raise ResourceInitializationError(_no_secret(arn, stage or "AWSCURRENT"))
    return _field(str(text), key, arn) if key else str(text)


def _no_secret(arn: str, stage: str) -> str:
    _, secret = secretsmanager._resolve(arn, use_arn_scope=True)
    what = f"secret value for staging label: {stage}" if secret else "secret."
    return (
        f"{_FAILED}: unable to retrieve secret from asm: service call has been retried 1 time(s): failed to fetch "
        f"secret {arn} from secrets manager: ResourceNotFoundException: Secrets Manager can't find the specified {what}"
    )


def _field(text: str, key: str, arn: str) -> str:
    try:
        value = json.loads(text)[key]
    except (ValueError, KeyError, TypeError) as error:
        words = f"retrieved secret from Secrets Manager did not contain json key {key}"
        raise ResourceInitializationError(f"{_FAILED}: unable to retrieve secret from asm: {arn}: {words}") from error
    return value if isinstance(value, str) else json.dumps(value)


def _parameter(reference: str) -> str:
    value = ssm.resolve_parameter_value(reference, decrypt=True)
    if value is None:
        words = f"unable to retrieve secrets from ssm: invalid parameters: {reference}"
        raise ResourceInitializationError(f"{_FAILED}: {words}")
    return str(value)
