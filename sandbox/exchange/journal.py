"""What was asked of POST /v2/orders and what came of it, for tests and harnesses."""

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass

import orjson

from sandbox.exchange.text import instant

MOMENTS = ("received", "applied", "answered")
Observer = Callable[[str, str | None], None]


@dataclass(slots=True)
class Entry:
    """One POST /v2/orders. `status` is the HTTP status sent, None while none was (or ever will)."""

    seq: int
    at: str
    account: str
    client_order_id: str | None
    body: str
    fault: str | None = None
    applied: bool = False
    status: int | None = None
    order_id: str | None = None


class Journal:
    """The entries, the counters, and those who watch."""

    def __init__(self) -> None:
        """Start empty."""
        self.entries: list[Entry] = []
        self.counters: Counter[str] = Counter()
        self.observers: list[Observer] = []

    def receive(self, account: str, body: bytes, at: int) -> Entry:
        """Note a request and let the observers know before anything happens to it."""
        text = body.decode("utf-8", "replace")
        entry = Entry(len(self.entries) + 1, instant(at), account, client_order_id(text), text)
        self.entries.append(entry)
        self.counters["order_posts"] += 1
        self.tell("received", entry)
        return entry

    def tell(self, moment: str, entry: Entry) -> None:
        """Call the observers with one of MOMENTS and the client's order id."""
        for observer in self.observers:
            observer(moment, entry.client_order_id)

    def clear(self) -> None:
        """Forget entries and counters; observers stay."""
        self.entries.clear()
        self.counters.clear()

    def shown(self) -> list[dict[str, object]]:
        """Give the entries as JSON objects."""
        return [asdict(entry) for entry in self.entries]


def client_order_id(body: str) -> str | None:
    """Find the client's order id in a body, whatever else is wrong with it."""
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    found = parsed.get("client_order_id") if isinstance(parsed, dict) else None
    return found if isinstance(found, str) else None
