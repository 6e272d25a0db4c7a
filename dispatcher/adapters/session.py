"""HTTP to the broker: one pool of kept connections, an end to every call, and a budget asked before each request.

The SDK asks a `requests` session for everything. This one leaves out what no call of ours needs (cookies, redirects,
proxies, .netrc), which is a third of the time that a request takes here.
"""

import json
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import Any, Protocol
from urllib.parse import urlencode

from requests import PreparedRequest, RequestException, Response, Session
from requests.adapters import HTTPAdapter
from requests.hooks import default_hooks
from requests.structures import CaseInsensitiveDict

from dispatcher.core.budget import Priority, Told

TOO_MANY = 429
RETRY_SECONDS = 2.0
"""How long to wait before asking again, where the broker does not say."""
LONGEST_WAIT_SECONDS = 60.0
"""The rate limit is per minute; a reset further away is a clock that disagrees."""

Classify = Callable[[str, str], Priority]
"""What a request is for, by its method and its address."""


class Budget(Protocol):
    """The requests that an account may make."""

    def take(self, priority: Priority) -> float:
        """Take one request; seconds to wait where there is none."""

    def hear(self, told: Told) -> None:
        """Learn from the broker's answer."""


class BudgetSpentError(RequestException):
    """Nothing was asked: the account's requests of this minute are used up, or kept for what is more urgent."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"the account's budget of requests is spent for {seconds:.1f} s")
        self.seconds = seconds


class BrokerSession(Session):
    """See above. `timeouts` are seconds to connect, and between two parts of an answer."""

    def __init__(self, timeouts: tuple[float, float], budget: Budget | None, classify: Classify) -> None:
        super().__init__()
        self._timeouts = timeouts
        self._budget = budget
        self._classify = classify
        self._adapter = HTTPAdapter()

    def request(  # type: ignore[override]  # what the SDK gives, and no more
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        allow_redirects: bool,  # noqa: ARG002  none is followed
        params: Mapping[str, str] | None = None,
        json: Mapping[str, Any] | None = None,
    ) -> Response:
        """Ask once.

        Raises:
            BudgetSpentError: nothing was asked.
            RequestException: there is no answer.
        """
        self._pay(method, url)
        prepared = _prepare(method, f"{url}?{urlencode(params)}" if params else url, headers, json)
        response = self._adapter.send(prepared, timeout=self._timeouts)
        response.content  # noqa: B018  read here, so that a connection that breaks does so here
        self._learn(response)
        return response

    def close(self) -> None:
        """Close every connection."""
        super().close()
        self._adapter.close()

    def _pay(self, method: str, url: str) -> None:
        if self._budget is not None and (seconds := self._budget.take(self._classify(method, url))) > 0:
            raise BudgetSpentError(seconds)

    def _learn(self, response: Response) -> None:
        if self._budget is None:
            return
        try:
            limit = int(response.headers.get("X-RateLimit-Limit", 0))
            remaining = int(response.headers.get("X-RateLimit-Remaining", 0))
        except ValueError:
            limit = remaining = 0
        refused = response.status_code == TOO_MANY
        if limit > 0 or refused:
            self._budget.hear(Told(limit, remaining, reset_seconds(response.headers), refused=refused))


def reset_seconds(headers: Mapping[str, str]) -> float:
    """Until the rate limit resets, plus one; the header may be missing."""
    try:
        # Both times are the broker's, so our own clock plays no part.
        served = parsedate_to_datetime(headers.get("Date", "")).timestamp()
        wait = float(headers.get("X-RateLimit-Reset", "")) - served + 1
    except ValueError:
        return RETRY_SECONDS
    return min(max(wait, RETRY_SECONDS), LONGEST_WAIT_SECONDS)


def _prepare(method: str, url: str, headers: Mapping[str, str], body: Mapping[str, Any] | None) -> PreparedRequest:
    prepared = PreparedRequest()
    prepared.method, prepared.url = method.upper(), url
    prepared.headers = CaseInsensitiveDict({"Accept": "*/*", "Connection": "keep-alive"} | dict(headers))
    prepared.hooks = default_hooks()
    if body is not None:
        prepared.body = json.dumps(body, allow_nan=False).encode()
        prepared.headers.update({"Content-Type": "application/json", "Content-Length": str(len(prepared.body))})
    elif method.upper() not in {"GET", "HEAD"}:
        prepared.headers["Content-Length"] = "0"
    return prepared


def of_dispatcher(method: str, url: str) -> Priority:
    """Quotes, symbols, chains and orders open something new; every other question finds out what is true."""
    opens = method.upper() == "POST" or any(part in url for part in ("/quotes/", "/assets/", "/options/"))
    return Priority.ENTRIES if opens else Priority.RECONCILE


def of_snapshot(method: str, url: str) -> Priority:
    """The day's volatilities wait for everybody else; without the time and the calendar they could not even do that."""
    del method
    return Priority.RECONCILE if url.endswith(("/clock", "/calendar")) else Priority.CHORES


def of_manager(method: str, url: str) -> Priority:
    """Whatever the position manager asks, it asks to protect or close what is held."""
    del method, url
    return Priority.EXITS
