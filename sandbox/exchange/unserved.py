"""Documented operations this exchange does not serve, each with its reason; they answer 501."""

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple


class Verdict(StrEnum):
    """Why an operation is not served."""

    REFUSED = "refused on purpose"
    NOT_YET = "not yet"


class Gap(NamedTuple):
    """One operation that is missing."""

    verdict: Verdict
    reason: str


_CRYPTO = Gap(Verdict.REFUSED, "crypto is no part of this exchange")
_LOCATES = Gap(Verdict.REFUSED, "hard-to-borrow stocks are sold short for the day, without locates")
_TOKENS = Gap(Verdict.REFUSED, "tokenization is no part of this exchange")
_CORPORATE = Gap(Verdict.REFUSED, "made-up stocks have no corporate actions")
_NEWS = Gap(Verdict.REFUSED, "made-up stocks have no news and no logos")
_FOREX = Gap(Verdict.REFUSED, "currencies other than USD are no part of this exchange")
_SCREENS = Gap(Verdict.REFUSED, "a seeded walk has no movers worth a screener")
_EVENTS = Gap(Verdict.REFUSED, "server-sent events; the websocket streams tell the same")
_WATCHLISTS = Gap(Verdict.NOT_YET, "nothing that trades needs a watchlist")
_TICKS = Gap(Verdict.NOT_YET, "only the latest quotes and trades are kept")
_TABLES = Gap(Verdict.NOT_YET, "code tables of exchanges and conditions")
_AUCTIONS = Gap(Verdict.NOT_YET, "auctions fill at the quote and print nothing")

UNSERVED: Mapping[str, Gap] = {
    "GET /v1/locates": _LOCATES,
    "POST /v1/locates": _LOCATES,
    "GET /v1/locates/quotes": _LOCATES,
    "GET /v1/locates/{locate_id}": _LOCATES,
    "GET /v2beta1/events/activities": _EVENTS,
    "GET /v2/account/portfolio/history": Gap(Verdict.NOT_YET, "no history of equity is kept"),
    "GET /v2/corporate_actions/announcements": _CORPORATE,
    "GET /v2/corporate_actions/announcements/{id}": _CORPORATE,
    "POST /v2/tokenization/mint": _TOKENS,
    "GET /v2/tokenization/requests": _TOKENS,
    "GET /v2/tokenization/requests/{tokenization_request_id}": _TOKENS,
    "GET /v2/tokenization/requests:by_client_request_id": _TOKENS,
    "GET /v2/wallets": _CRYPTO,
    "GET /v2/wallets/fees/estimate": _CRYPTO,
    "GET /v2/wallets/transfers": _CRYPTO,
    "POST /v2/wallets/transfers": _CRYPTO,
    "GET /v2/wallets/transfers/{transfer_id}": _CRYPTO,
    "GET /v2/wallets/whitelists": _CRYPTO,
    "POST /v2/wallets/whitelists": _CRYPTO,
    "DELETE /v2/wallets/whitelists/{whitelisted_address_id}": _CRYPTO,
    "GET /v2/watchlists": _WATCHLISTS,
    "POST /v2/watchlists": _WATCHLISTS,
    "GET /v2/watchlists/{watchlist_id}": _WATCHLISTS,
    "PUT /v2/watchlists/{watchlist_id}": _WATCHLISTS,
    "POST /v2/watchlists/{watchlist_id}": _WATCHLISTS,
    "DELETE /v2/watchlists/{watchlist_id}": _WATCHLISTS,
    "DELETE /v2/watchlists/{watchlist_id}/{symbol}": _WATCHLISTS,
    "GET /v2/watchlists:by_name": _WATCHLISTS,
    "PUT /v2/watchlists:by_name": _WATCHLISTS,
    "POST /v2/watchlists:by_name": _WATCHLISTS,
    "DELETE /v2/watchlists:by_name": _WATCHLISTS,
    "GET /v3/calendar/{market}": Gap(Verdict.NOT_YET, "the v2 calendar tells the same for XNYS"),
    "GET /v3/clock": Gap(Verdict.NOT_YET, "the v2 clock tells the same for XNYS"),
    "GET /v1/corporate-actions": _CORPORATE,
    "GET /v1beta1/events/corporate-actions": _CORPORATE,
    "GET /v1beta1/forex/latest/rates": _FOREX,
    "GET /v1beta1/forex/rates": _FOREX,
    "GET /v1beta1/logos/{symbol}": _NEWS,
    "GET /v1beta1/news": _NEWS,
    "GET /v1beta1/options/bars": Gap(Verdict.NOT_YET, "no history of option prices is kept"),
    "GET /v1beta1/options/meta/conditions/{ticktype}": _TABLES,
    "GET /v1beta1/options/meta/exchanges": _TABLES,
    "GET /v1beta1/options/trades": _TICKS,
    "GET /v1beta1/screener/stocks/most-actives": _SCREENS,
    "GET /v1beta1/screener/{market_type}/movers": _SCREENS,
    "GET /v1beta3/crypto/{loc}/bars": _CRYPTO,
    "GET /v1beta3/crypto/{loc}/latest/bars": _CRYPTO,
    "GET /v1beta3/crypto/{loc}/latest/orderbooks": _CRYPTO,
    "GET /v1beta3/crypto/{loc}/latest/quotes": _CRYPTO,
    "GET /v1beta3/crypto/{loc}/latest/trades": _CRYPTO,
    "GET /v1beta3/crypto/{loc}/quotes": _CRYPTO,
    "GET /v1beta3/crypto/{loc}/snapshots": _CRYPTO,
    "GET /v1beta3/crypto/{loc}/trades": _CRYPTO,
    "GET /v2/stocks/auctions": _AUCTIONS,
    "GET /v2/stocks/{symbol}/auctions": _AUCTIONS,
    "GET /v2/stocks/meta/conditions/{ticktype}": _TABLES,
    "GET /v2/stocks/meta/exchanges": _TABLES,
    "GET /v2/stocks/quotes": _TICKS,
    "GET /v2/stocks/trades": _TICKS,
    "GET /v2/stocks/{symbol}/quotes": _TICKS,
    "GET /v2/stocks/{symbol}/trades": _TICKS,
}
