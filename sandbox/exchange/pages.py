"""Page tokens: where the next page begins, in the opaque form the real API uses."""

import base64
import binascii

from sandbox.exchange.errors import refuse

_LONGEST = 64


def token(position: int) -> str:
    """Write a position as a token."""
    return base64.urlsafe_b64encode(str(position).encode()).decode()


def read_token(given: str | None) -> int:
    """Read a token; 0 when there is none. Raises Refused: invalid page_token."""
    if not given:
        return 0
    try:
        position = int(base64.urlsafe_b64decode(given[:_LONGEST].encode()).decode())
    except (ValueError, binascii.Error):
        position = -1
    if position < 0:
        raise refuse("query_invalid", field="page_token")
    return position
