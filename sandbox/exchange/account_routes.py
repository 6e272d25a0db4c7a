"""The trading API's paths for an account's settings and statement."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from itertools import islice

from sandbox.exchange import sessions, wire
from sandbox.exchange.account import Account
from sandbox.exchange.activities import TRADES, Activity
from sandbox.exchange.calls import Call, Reply, ok
from sandbox.exchange.errors import refuse

_PAGE, _MOST = 100, 100
_EMAILS = ("all", "none")
_LEVELS = range(4)
_MARGINS = ("1", "2", "4")
Test = Callable[[Activity], bool]


# -- configurations ----------------------------------------------------------------------------


def configurations(call: Call) -> Reply:
    """GET /v2/account/configurations."""
    return ok(_configurations(call.account))


def _configurations(account: Account) -> wire.Json:
    return {
        "disable_overnight_trading": False,
        "fractional_trading": True,
        "max_margin_multiplier": f"{account.multiplier:f}",
        "max_options_trading_level": account.options_level,
        "no_shorting": False,
        "ptp_no_exception_entry": False,
        "suspend_trade": account.suspended,
        "trade_confirm_email": "all",
        **account.configurations,
    }


def change_configurations(call: Call) -> Reply:
    """PATCH /v2/account/configurations: what is set here binds the account's orders."""
    account = call.account
    changes = {name: _checked(name, value) for name, value in call.body.items() if value is not None}
    account.configurations.update(changes)
    account.suspended = bool(account.configurations.get("suspend_trade", account.suspended))
    margin = account.configurations.get("max_margin_multiplier")
    if isinstance(margin, str):
        account.multiplier = Decimal(margin)
    return ok(_configurations(account))


def _checked(name: str, value: object) -> object:
    allowed: dict[str, bool] = {
        "disable_overnight_trading": isinstance(value, bool),
        "fractional_trading": isinstance(value, bool),
        "no_shorting": isinstance(value, bool),
        "ptp_no_exception_entry": isinstance(value, bool),
        "suspend_trade": isinstance(value, bool),
        "trade_confirm_email": value in _EMAILS,
        "max_margin_multiplier": value in _MARGINS,
        "max_options_trading_level": type(value) is int and value in _LEVELS,
        # alpaca-py still sends what the API dropped in 2026; it is read and forgotten.
        "dtbp_check": True,
        "pdt_check": True,
    }
    if not allowed.get(name, False):
        raise refuse("field_invalid", field=name)
    return value


# -- activities --------------------------------------------------------------------------------


def activities(call: Call) -> Reply:
    """GET /v2/account/activities, newest first unless asked otherwise; pages by the last id."""
    types = call.listed("activity_types")
    kind = call.params.get("activity_type")
    wanted = frozenset(types if kind is None else (kind,))
    tests = list(_tests(call, wanted))
    statement = call.exchange.statements[call.account.number]
    lines = [a for a in statement.posted(call.exchange.clock.now()) if all(test(a) for test in tests)]
    if call.choice("direction", "desc", ("asc", "desc")) == "desc":
        lines.reverse()
    return ok([a.shown for a in islice(_after(lines, call), call.whole("page_size", _PAGE, _MOST))])


def _after(lines: list[Activity], call: Call) -> Iterator[Activity]:
    """Begin behind the id given as page_token."""
    token = call.query.get("page_token")
    if not token:
        return iter(lines)
    position = next((i for i, line in enumerate(lines) if line.id == token), None)
    if position is None:
        raise refuse("query_invalid", field="page_token")
    return iter(lines[position + 1 :])


def _tests(call: Call, wanted: frozenset[str]) -> Iterator[Test]:
    if wanted:
        yield lambda a: a.kind in wanted
    category = call.query.get("category")
    if category:
        if category not in ("trade_activity", "non_trade_activity"):
            raise refuse("query_invalid", field="category")
        yield lambda a: (a.kind in TRADES) == (category == "trade_activity")
    order = call.query.get("order_id")
    if order:
        yield lambda a: a.order == order
    yield from _times(call)


def _times(call: Call) -> Iterator[Test]:
    if call.query.get("date"):
        wanted = call.day("date", sessions.FIRST)
        yield lambda a: a.day == wanted
    for name in ("after", "until"):
        if call.query.get(name):
            edge = call.instant(name, 0)
            yield (lambda a, e=edge: a.at > e) if name == "after" else (lambda a, e=edge: a.at < e)  # type: ignore[misc]
