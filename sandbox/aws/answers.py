"""How the endpoint's JSON services answer and refuse."""

from typing import Any

from sandbox.aws.upstream import ecs, responses

Response = tuple[int, dict[str, str], bytes]
REFUSED = 400


class RefusedError(Exception):
    """A request that AWS refuses, with AWS's code and words."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


def ok(body: dict[str, Any]) -> Response:
    """An answer; members that start with an underscore are ours and stay here."""
    answer: Response = responses.json_response(ecs._sanitize(body))  # noqa: SLF001 - ministack's own projection of a record
    return answer


def refused(error: RefusedError) -> Response:
    """A refusal as the SDKs read it."""
    answer: Response = responses.error_response_json(error.code, str(error), REFUSED)
    return answer
