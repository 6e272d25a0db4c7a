"""Documented operations this exchange refuses on purpose, each with its reason; they answer 501."""

from collections.abc import Mapping

_CRYPTO = "crypto is no part of this exchange"
_TOKENS = "tokenization is no part of this exchange"
_CORPORATE = "made-up stocks have no corporate actions"
_NEWS = "made-up stocks have no news and no logos"
_FOREX = "currencies other than USD are no part of this exchange"
_SCREENS = "a seeded walk has no movers worth a screener"
_EVENTS = "server-sent events; the websocket streams tell the same"

UNSERVED: Mapping[str, str] = {
    "GET /v2beta1/events/activities": _EVENTS,
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
    "GET /v1beta1/events/corporate-actions": _CORPORATE,
    "GET /v1beta1/forex/latest/rates": _FOREX,
    "GET /v1beta1/forex/rates": _FOREX,
    "GET /v1beta1/logos/{symbol}": _NEWS,
    "GET /v1beta1/news": _NEWS,
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
}
