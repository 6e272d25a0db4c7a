"""An account's watchlists: named lists of stocks, found by id or by name."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from sandbox.exchange import intake, wire
from sandbox.exchange.account import Watchlist
from sandbox.exchange.calls import Call, Reply, ok
from sandbox.exchange.errors import refuse
from sandbox.exchange.text import instant

_NAME_LIMIT = 64


def _shown(call: Call, found: Watchlist) -> Reply:
    listed = (call.exchange.listing.find(symbol) for symbol in found.symbols)
    assets = [wire.asset(asset, call.exchange.settings) for asset in listed if asset is not None]
    return ok({**_head(call, found), "assets": assets})


def _head(call: Call, found: Watchlist) -> wire.Json:
    return {
        "id": found.id,
        "account_id": call.account.id,
        "created_at": instant(found.created_at),
        "updated_at": instant(found.updated_at),
        "name": found.name,
    }


def _kept(call: Call, changed: Watchlist) -> Reply:
    kept = replace(changed, updated_at=call.exchange.clock.stamp())
    call.account.watchlists[kept.id] = kept
    return _shown(call, kept)


# -- finding one -------------------------------------------------------------------------------

Find = Callable[[Call], Watchlist]


def by_id(call: Call) -> Watchlist:
    """Find the list the path names (404 / 40410000)."""
    found = call.account.watchlists.get(call.params["watchlist_id"])
    if found is None:
        raise refuse("watchlist_not_found", watchlist=call.params["watchlist_id"])
    return found


def by_name(call: Call) -> Watchlist:
    """Find the list the query names (404 / 40410000)."""
    name = call.query.get("name", "")
    found = next((w for w in call.account.watchlists.values() if w.name == name), None)
    if found is None:
        raise refuse("watchlist_not_found", watchlist=name)
    return found


# -- the paths ---------------------------------------------------------------------------------


def listed(call: Call) -> Reply:
    """GET /v2/watchlists."""
    return ok([_head(call, found) for found in call.account.watchlists.values()])


def create(call: Call) -> Reply:
    """POST /v2/watchlists {name, symbols}."""
    name, symbols = _name(call), _symbols(call)
    if name is None:
        raise refuse("field_required", field="name")
    at = call.exchange.clock.stamp()
    return _kept(call, Watchlist(call.exchange.new_id(), name, at, at, symbols or ()))


def get(find: Find) -> Callable[[Call], Reply]:
    """GET one, with its assets."""
    return lambda call: _shown(call, find(call))


def put(find: Find) -> Callable[[Call], Reply]:
    """PUT {name, symbols}: what is given takes the place of what was there."""

    def answer(call: Call) -> Reply:
        found = find(call)
        name, symbols = _name(call, but=found), _symbols(call)
        if name is None and symbols is None:
            raise refuse("field_required", field="name")
        kept = found.symbols if symbols is None else symbols
        return _kept(call, replace(found, name=name or found.name, symbols=kept))

    return answer


def add(find: Find) -> Callable[[Call], Reply]:
    """POST {symbol}: append one."""

    def answer(call: Call) -> Reply:
        found = find(call)
        symbol = intake.text(call.body, "symbol")
        if symbol is None:
            raise refuse("field_required", field="symbol")
        [known] = _known(call, [symbol])
        if known in found.symbols:
            raise refuse("watchlist_symbol_taken", symbol=known)
        return _kept(call, replace(found, symbols=(*found.symbols, known)))

    return answer


def remove(call: Call) -> Reply:
    """DELETE one symbol of a list: 200 with what is left."""
    found, symbol = by_id(call), call.params["symbol"]
    if symbol not in found.symbols:
        raise refuse("symbol_not_found", symbol=symbol)
    return _kept(call, replace(found, symbols=tuple(s for s in found.symbols if s != symbol)))


def delete(find: Find) -> Callable[[Call], Reply]:
    """DELETE a list: 204."""

    def answer(call: Call) -> Reply:
        del call.account.watchlists[find(call).id]
        return Reply(204)

    return answer


# -- what is given -----------------------------------------------------------------------------


def _name(call: Call, but: Watchlist | None = None) -> str | None:
    name = intake.text(call.body, "name")
    if name is not None and len(name) > _NAME_LIMIT:
        raise refuse("watchlist_name_long")
    if any(w.name == name and w is not but for w in call.account.watchlists.values()):
        raise refuse("watchlist_name_taken")
    return name


def _symbols(call: Call) -> tuple[str, ...] | None:
    given = call.body.get("symbols")
    if given is None:
        return None
    if not isinstance(given, list) or not all(isinstance(symbol, str) for symbol in given):
        raise refuse("field_invalid", field="symbols")
    return tuple(dict.fromkeys(_known(call, given)))


def _known(call: Call, symbols: list[str]) -> Iterator[str]:
    return (call.exchange.asset(symbol).symbol for symbol in symbols)
