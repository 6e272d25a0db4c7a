"""The way to AWS: one session for the process, clients made when they are first needed, errors with a next step.

A request is a value, a `Call`, before it is sent, so that tests compare requests and not behaviour. The SDK is loaded
with the first client (`ops.aws.sdk`): whoever asks nothing, or asks what makes no sense, pays nothing.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

from ops.errors import Exit, OpsError, Unreachable

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, slots=True)
class Call:
    """One request to AWS, before it is sent: `Call("ecr", "DescribeRepositories", {...})`."""

    service: str
    operation: str
    request: Mapping[str, Any]

    def __str__(self) -> str:
        """The request as a permission names it."""
        return f"{self.service}:{self.operation}"


class AwsError(OpsError):
    """AWS said no. `code` is its own word for why."""

    def __init__(self, call: Call, code: str, message: str, next_step: str) -> None:
        self.call = call
        self.code = code
        super().__init__(f"{call} was refused: {code}: {message}", next_step=next_step, exit_code=Exit.NOT_DONE)


class NoAnswerError(Unreachable):
    """No answer came, or none that says yes or no: whether it was done is not known."""

    def __init__(self, call: Call, why: str, next_step: str) -> None:
        self.call = call
        OpsError.__init__(self, f"{call} got no answer: {why}", next_step=next_step, exit_code=Exit.NOT_DONE)


class Aws:
    """AWS in one region, or the endpoint that stands in for it."""

    def __init__(self, *, endpoint_url: str | None, region: str) -> None:
        self.endpoint_url = endpoint_url
        self.region = region
        self._lock = Lock()
        self._session: Any = None
        self._clients: dict[str, Any] = {}

    @property
    def is_loopback(self) -> bool:
        """Whether this is a stand-in on this machine."""
        return is_loopback(self.endpoint_url)

    def ask(self, call: Call) -> dict[str, Any]:
        """Send the request; AWS's answer.

        Throttling, timeouts and server errors are tried again by the SDK, four times in all.

        Raises:
            AwsError: it said no; what was asked, AWS's code and words, and the next step.
            NoAnswerError: no answer came, or a server's error.
        """
        answer: dict[str, Any] = _sdk().send(self.client(call.service), call, unreachable=self._unreachable())
        return answer

    def pages(self, call: Call, *, token: str = "nextToken") -> Iterator[dict[str, Any]]:  # noqa: S107 - a field's name
        """The answers of a request that is answered in pages. A page without content is no end; one without token is.

        Args:
            call: the first request.
            token: what the field is called that leads from page to page, in requests and answers.

        Raises:
            AwsError: as `ask`.
        """
        request = dict(call.request)
        while True:
            answer = self.ask(Call(call.service, call.operation, request))
            yield answer
            if not answer.get(token) or answer[token] == request.get(token):
                return
            request[token] = answer[token]

    def client(self, service: str) -> Any:
        """The botocore client of a service; made once. Clients may be shared between threads."""
        with self._lock:
            if service not in self._clients:
                self._session = self._session or _sdk().session(loopback=self.is_loopback)
                self._clients[service] = _sdk().client(self._session, service, self.region, self.endpoint_url)
            return self._clients[service]

    def _unreachable(self) -> str:
        if self.is_loopback:
            return f"start what should answer at {self.endpoint_url} (ops sandbox up), or correct AWS_ENDPOINT_URL"
        return "check this machine's network, and AWS_ENDPOINT_URL if it is set; then run the same again"


def connect(
    *, endpoint_url: str | None, region: str | None, environ: Mapping[str, str], loopback_only: bool = False
) -> Aws:
    """The way to AWS of one command. Nothing is loaded or sent before the first request.

    Args:
        endpoint_url: what `--endpoint-url` said; AWS_ENDPOINT_URL if not given.
        region: what the environment in `pipeline.toml` says; AWS_REGION if it says nothing.
        environ: the process's environment.
        loopback_only: the environment stands on this machine; its commands must never reach an AWS account.

    Raises:
        OpsError: nobody says which region, or an environment of this machine has no endpoint on it.
    """
    endpoint = endpoint_url or environ.get("AWS_ENDPOINT_URL") or None
    if loopback_only and not is_loopback(endpoint):
        raise OpsError(
            f"the environment is one of this machine, and {endpoint or 'AWS'} is not on it",
            next_step="ops sandbox up (or status) says where it is: give that as --endpoint-url or AWS_ENDPOINT_URL",
        )
    where = region or environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION")
    if not where:
        raise OpsError(
            "it is not said in which AWS region the environment stands",
            next_step="give the environment a region in pipeline.toml, or set AWS_REGION",
        )
    return Aws(endpoint_url=endpoint, region=where)


def is_loopback(url: str | None) -> bool:
    """Whether the address is one of this machine."""
    return url is not None and urlsplit(url).hostname in LOOPBACK


def _sdk() -> Any:
    """The SDK; by name, because loading it takes longer than most verbs do."""
    return import_module("ops.aws.sdk")


_EXPIRED = {
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "RequestExpired",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}
FORBIDDEN = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"}
_BUSY = {"RequestLimitExceeded", "ServiceUnavailable", "ThrottledException", "Throttling", "ThrottlingException"}


def next_step(call: Call, code: str) -> str:
    """What to do about a refusal, by its code."""
    if code in _EXPIRED:
        return "log in to AWS again (aws sso login, or fresh keys), then run the same again"
    if code in FORBIDDEN:
        return f"allow {call} to whom you run as, then run the same again"
    if code in _BUSY:
        return "wait a minute, then run the same again"
    return f"check account, region and names against what is deployed; {call} was asked for {_asked(call.request)}"


def _asked(request: Mapping[str, Any]) -> str:
    """The names in a request. Values that are not names may be long, and one may be a secret."""
    named = {key: value for key, value in request.items() if key.lower().endswith(_NAMES)}
    return ", ".join(f"{key}={value}" for key, value in named.items()) or "nothing by name"


_NAMES = ("name", "names", "arn", "arns", "cluster", "service", "services", "family", "tasks", "taskdefinition")
