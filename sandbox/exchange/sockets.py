"""A websocket that is written to from synchronous code: a queue, a sender, and an end."""

import asyncio
import contextlib

from aiohttp import WSMsgType, web

_WAITING = 10_000  # messages a slow reader may be behind before it is hung up on


class Socket:
    """One open connection."""

    def __init__(self, response: web.WebSocketResponse, transport: asyncio.Transport | None) -> None:
        """Wrap a prepared websocket."""
        self.response = response
        self._transport = transport
        self._waiting: asyncio.Queue[tuple[bytes, bool]] = asyncio.Queue(_WAITING)
        self._sender = asyncio.create_task(self._send())

    def put(self, message: bytes, *, binary: bool) -> None:
        """Queue a message; a reader too far behind is hung up on, as the real one does."""
        try:
            self._waiting.put_nowait((message, binary))
        except asyncio.QueueFull:
            self.abort()

    async def _send(self) -> None:
        while True:
            message, binary = await self._waiting.get()
            with contextlib.suppress(ConnectionError, RuntimeError):
                if binary:
                    await self.response.send_bytes(message)
                else:
                    await self.response.send_str(message.decode())
            self._waiting.task_done()

    async def read(self) -> bytes | None:
        """Wait for the client's next message; None when the connection is over."""
        message = await self.response.receive()
        if message.type is WSMsgType.TEXT:
            return str(message.data).encode()
        return bytes(message.data) if message.type is WSMsgType.BINARY else None

    async def flush(self) -> None:
        """Wait until everything queued has been sent."""
        await self._waiting.join()

    def abort(self) -> None:
        """Reset the connection without a word."""
        if self._transport is not None:
            self._transport.abort()

    async def close(self) -> None:
        """Say goodbye and stop sending."""
        self._sender.cancel()
        with contextlib.suppress(ConnectionError, RuntimeError):
            await self.response.close()


async def accept(request: web.BaseRequest) -> Socket:
    """Take up a websocket handshake."""
    response = web.WebSocketResponse(timeout=1.0)
    await response.prepare(request)
    return Socket(response, request.transport)
