"""The SDK: its sessions, its clients, its errors told as ours. Imported with the first client, and by nobody else."""

import os
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,  # noqa: A004 - botocore's name
    HTTPClientError,
    ParamValidationError,
)
from botocore.loaders import Loader
from botocore.session import Session

from ops.aws.session import AwsError, Call, NoAnswerError, next_step
from ops.errors import Exit, OpsError

SANDBOX_KEY = "sandbox"
"""What a loopback endpoint is given for credentials: no real key ever goes to a stand-in."""

_CONFIG = Config(
    connect_timeout=5,
    read_timeout=30,
    retries={"mode": "standard", "total_max_attempts": 4},
    user_agent_extra="ops-pipeline",
)
_NOWHERE = {
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
}
"""Session variables of a loopback endpoint: whatever this person has configured for AWS is left alone."""


def send(client: Any, call: Call, *, unreachable: str) -> dict[str, Any]:
    """Send the request; AWS's answer. `unreachable` is what to do when nobody answers.

    Raises:
        AwsError: it said no.
        NoAnswerError: no answer came, or a server's error.
        OpsError: it was not sent.
    """
    try:
        answer: dict[str, Any] = getattr(client, xform_name(call.operation))(**call.request)
    except ClientError as error:
        raise _refused(call, error.response) from error
    except ParamValidationError:
        raise  # the request itself is wrong: a defect of ours, not a condition to tell a user about
    except (ConnectionError, HTTPClientError) as error:
        raise NoAnswerError(call, str(error), unreachable) from error
    except BotoCoreError as error:
        raise OpsError(
            f"{call} was not sent: {error}",
            next_step="log in to AWS (aws sso login, or set AWS_PROFILE), and run the same again",
            exit_code=Exit.NOT_DONE,
        ) from error
    return answer


def client(made: Session, service: str, region: str, endpoint_url: str | None) -> Any:
    """A client of a service."""
    return made.create_client(service, region_name=region, endpoint_url=endpoint_url, config=_CONFIG)


class _Loader(Loader):  # type: ignore[misc] # the base class has no types
    """botocore's loader of service models, without its look into every one of some 400 folders for the first client."""

    def list_available_services(self, type_name: str) -> list[str]:  # noqa: ARG002 - botocore's signature
        """The names of the folders. That a folder has a model inside is found out when it is loaded."""
        return sorted({name for path in self.search_paths if os.path.isdir(path) for name in os.listdir(path)})  # noqa: PTH112, PTH208 - botocore's paths are text


def session(*, loopback: bool) -> Session:
    """A session of the process; for a stand-in on this machine, one that knows nothing of this person's AWS."""
    session = Session(session_vars=_NOWHERE if loopback else None)
    session.register_component("data_loader", _Loader(session.get_config_variable("data_path")))
    if loopback:
        session.set_credentials(SANDBOX_KEY, SANDBOX_KEY)
    return session


def _refused(call: Call, response: Mapping[str, Any]) -> AwsError | NoAnswerError:
    error = response.get("Error", {})
    code, message = error.get("Code", "without a code"), error.get("Message", "")
    if response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return NoAnswerError(call, f"{code}: {message}", "wait a minute, then run the same again")
    return AwsError(call, code, message, next_step(call, code))
