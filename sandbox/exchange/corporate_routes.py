"""Corporate actions: asked for and read as the documents say; made-up stocks have none."""

from datetime import timedelta

from sandbox.exchange import sessions
from sandbox.exchange.calls import Call, Reply, ok
from sandbox.exchange.errors import refuse

# The documents write Dividend, alpaca-py sends dividend.
_KINDS = frozenset({"dividend", "merger", "reorg", "spinoff", "split"})
_DATES = ("declaration_date", "ex_date", "record_date", "payable_date")
_LONGEST = timedelta(days=90)
_PAGE, _MOST = 100, 1_000


def announcements(call: Call) -> Reply:
    """GET /v2/corporate_actions/announcements: at most 90 days of them; an empty list."""
    for name in ("ca_types", "since", "until"):
        if not call.query.get(name):
            raise refuse("field_required", field=name)
    if not {kind.lower() for kind in call.listed("ca_types")} <= _KINDS:
        raise refuse("query_invalid", field="ca_types")
    since, until = call.day("since", sessions.FIRST), call.day("until", sessions.LAST)
    if not timedelta(0) <= until - since <= _LONGEST:
        raise refuse("query_invalid", field="until")
    if call.query.get("date_type"):
        call.choice("date_type", _DATES[0], _DATES)
    return ok([])


def announcement(call: Call) -> Reply:
    """GET /v2/corporate_actions/announcements/{id}: there is none (404 / 40410000)."""
    raise refuse("announcement_not_found", announcement=call.params["id"])


def actions(call: Call) -> Reply:
    """GET /v1/corporate-actions: no action of any kind, and no further page."""
    start, end = call.day("start", sessions.FIRST), call.day("end", sessions.LAST)
    if end < start:
        raise refuse("query_invalid", field="end")
    call.whole("limit", _PAGE, _MOST)
    call.choice("sort", "asc", ("asc", "desc"))
    call.choice("region", "us", ("us", "non_us", "all"))
    call.choice("data_quality", "complete", ("complete", "all"))
    if call.query.get("page_token"):
        raise refuse("query_invalid", field="page_token")
    return ok({"corporate_actions": {}, "next_page_token": None})
