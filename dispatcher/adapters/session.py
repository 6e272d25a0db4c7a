"""HTTP to the broker: one pool of kept connections, an end to every call, and a budget asked before each request.

The SDK asks a `requests` session for everything. This one asks urllib3 itself and leaves out what no call of ours needs
(cookies, redirects, proxies, .netrc) and every order would wait for.
"""

from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from json import dumps, loads
from typing import Any, Protocol
from urllib.parse import urlencode

import certifi
from requests import Response, Session
from requests.structures import CaseInsensitiveDict
from urllib3 import BaseHTTPResponse, PoolManager, Timeout

from dispatcher.adapters.fields import UnreadableAnswerError
from dispatcher.core.budget import Priority, Told

TOO_MANY = 429
RETRY_SECONDS = 2.0
"""How long to wait before asking again, where the broker does not say."""
LONGEST_WAIT_SECONDS = 60.0
"""The rate limit is per minute; a reset further away is a clock that disagrees."""
KEPT_CONNECTIONS = 10
"""As many threads may ask at once without opening a connection of their own each time."""

Classify = Callable[[str, str], Priority]
"""What a request is for, by its method and its address."""


class Budget(Protocol):
    """The requests that an account may make."""

    def take(self, priority: Priority) -> float:
        """Take one request; seconds to wait where there is none."""

    def hear(self, told: Told) -> None:
        """Learn from the broker's answer."""


class BudgetSpentError(Exception):
    """Nothing was asked: the account's requests of this minute are used up, or kept for what is more urgent."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"the account's budget of requests is spent for {seconds:.1f} s")
        self.seconds = seconds


class Answer(Response):
    """An answer as the SDK reads one."""

    def __init__(self, answered: BaseHTTPResponse, url: str) -> None:
        super().__init__()
        self.url, self.status_code, self.reason = url, answered.status, answered.reason or ""
        self.headers = CaseInsensitiveDict(answered.headers)
        self.encoding = "utf-8"
        self._content = answered.data

    def json(self, **_: Any) -> Any:
        """The document.

        Raises:
            UnreadableAnswerError: it is none.
        """
        try:
            return loads(self.content)
        except ValueError as error:
            raise UnreadableAnswerError(str(error)) from error


class BrokerSession(Session):
    """See above. `timeouts` are seconds to connect, and between two parts of an answer."""

    def __init__(self, timeouts: tuple[float, float], budget: Budget | None, classify: Classify) -> None:
        super().__init__()
        self._timeout = Timeout(connect=timeouts[0], read=timeouts[1])
        self._budget = budget
        self._classify = classify
        self._pools = PoolManager(maxsize=KEPT_CONNECTIONS, cert_reqs="CERT_REQUIRED", ca_certs=certifi.where())

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
        """Ask once, and read the whole answer.

        Raises:
            BudgetSpentError: nothing was asked.
            HTTPError: urllib3's, there is no answer. Where it is a ConnectTimeoutError, no connection was made.
        """
        self._pay(method, url)
        answered = self._pools.urlopen(
            method.upper(),
            f"{url}?{urlencode(params)}" if params else url,
            body=None if json is None else dumps(json, allow_nan=False).encode(),
            headers=dict(headers) if json is None else {**headers, "Content-Type": "application/json"},
            timeout=self._timeout,
            retries=False,
            redirect=False,
        )
        answer = Answer(answered, url)
        self._learn(answer)
        return answer

    def close(self) -> None:
        """Close every connection."""
        super().close()
        self._pools.clear()

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
