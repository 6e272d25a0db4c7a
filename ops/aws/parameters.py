"""Parameters of Systems Manager, and whether the secrets that tasks are given are there. No secret is ever read."""

from collections.abc import Sequence

from contract.names import PROJECT, TagKey
from ops.aws.session import Aws, AwsError, Call

_AT_ONCE = 10
"""How many parameters one request may name."""


def read_call(names: Sequence[str]) -> Call:
    """Asks for parameters; those that are not there are told apart and are no error."""
    return Call("ssm", "GetParameters", {"Names": list(names)})


def create_call(name: str, value: str, description: str, environment: str) -> Call:
    """Creates a parameter, and never overwrites one."""
    tags = [{"Key": TagKey.PROJECT.value, "Value": PROJECT}, {"Key": TagKey.ENVIRONMENT.value, "Value": environment}]
    request = {"Name": name, "Value": value, "Description": description, "Type": "String", "Tags": tags}
    return Call("ssm", "PutParameter", {**request, "Overwrite": False})


def write_call(name: str, value: str) -> Call:
    """Gives a parameter another value."""
    return Call("ssm", "PutParameter", {"Name": name, "Value": value, "Type": "String", "Overwrite": True})


def secret_call(arn: str) -> Call:
    """Asks what is known of a secret, without its value."""
    return Call("secretsmanager", "DescribeSecret", {"SecretId": arn})


class SsmParameters:
    """The release engine's `ops.world.Parameters`."""

    def __init__(self, aws: Aws, environment: str) -> None:
        self._aws = aws
        self._environment = environment

    def read(self, names: tuple[str, ...]) -> dict[str, str]:
        """The values of those that exist."""
        unique = list(dict.fromkeys(names))
        found = [
            each
            for start in range(0, len(unique), _AT_ONCE)
            for each in self._aws.ask(read_call(unique[start : start + _AT_ONCE]))["Parameters"]
        ]
        return {each["Name"]: each["Value"] for each in found}

    def create(self, name: str, value: str, description: str) -> bool:
        """Create it; False, and nothing changed, when it exists."""
        try:
            self._aws.ask(create_call(name, value, description, self._environment))
        except AwsError as error:
            if error.code != "ParameterAlreadyExists":
                raise
            return False
        return True

    def write(self, name: str, value: str) -> None:
        """Give it the value."""
        self._aws.ask(write_call(name, value))

    def secret_missing(self, arn: str) -> str | None:
        """Why a task could not be given the secret; None when it could, as far as can be seen without reading it."""
        if ":secretsmanager:" not in arn:
            return None
        try:
            described = self._aws.ask(secret_call(arn))
        except AwsError as error:
            if error.code != "ResourceNotFoundException":
                raise
            return f"there is no secret {arn}"
        if described.get("DeletedDate"):
            return f"the secret {described.get('Name', arn)} is marked for deletion"
        current = [stages for stages in described.get("VersionIdsToStages", {}).values() if "AWSCURRENT" in stages]
        return None if current else f"the secret {described.get('Name', arn)} has no value yet"
