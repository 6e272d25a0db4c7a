"""What an answer looks like after a fault. Pure."""

import orjson

from sandbox.exchange.calls import Reply, refused
from sandbox.exchange.errors import refusal, throttled

_HTML = {"Content-Type": "text/html"}
_NULLED = ("submitted_at", "created_at", "updated_at")


def spoil(reply: Reply, kind: str, reset: int, code: int) -> Reply | None:
    """Turn the right answer into the wrong one; None: the connection is reset instead.

    `reset` is the epoch second for the rate-limit header, `code` what a 429's body carries (0: none).
    """
    if kind in ("drop-before", "drop-after"):
        return None
    if kind in ("delay", "delay-before"):
        return reply
    if kind in ("429", "429-bare"):
        return _throttled(reset if kind == "429" else None, code)
    if kind == "500":
        return refused(refusal("internal"))
    if kind in ("502-html", "504-html"):
        return _gateway(int(kind[:3]))
    return _BODIES[kind](reply)


def _throttled(reset: int | None, code: int) -> Reply:
    plain = refused(throttled(code))
    if reset is None:
        return plain
    headers = {"X-RateLimit-Limit": "200", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(reset)}
    return Reply(plain.status, plain.body, headers)


def _gateway(status: int) -> Reply:
    title = {502: "502 Bad Gateway", 504: "504 Gateway Time-out"}[status]
    page = f"<html><head><title>{title}</title></head><body><center><h1>{title}</h1></center></body></html>"
    return Reply(status, page.encode(), _HTML)


def _truncated(reply: Reply) -> Reply:
    return Reply(reply.status, reply.body[: len(reply.body) // 2], reply.headers)


def _unknown_status(reply: Reply) -> Reply:
    return _edited(reply, {"status": "pending_review_by_venue"})


def _null_fields(reply: Reply) -> Reply:
    return _edited(reply, dict.fromkeys(_NULLED))


_BODIES = {
    "truncated-json": _truncated,
    "unknown-status": _unknown_status,
    "null-fields": _null_fields,
}


def _edited(reply: Reply, changes: dict[str, object]) -> Reply:
    """Change fields of every order in an answer; answers without orders stay."""
    if not reply.body:
        return reply
    parsed = orjson.loads(reply.body)
    for item in parsed if isinstance(parsed, list) else [parsed]:
        if isinstance(item, dict) and "client_order_id" in item:
            item.update(changes)
    return Reply(reply.status, orjson.dumps(parsed), reply.headers)


def order_id(body: bytes) -> str | None:
    """Find the order's id in an answer."""
    found = orjson.loads(body).get("id") if body else None
    return found if isinstance(found, str) else None
