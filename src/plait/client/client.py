"""``HTTP2Client``: a connection to one server."""

from __future__ import annotations

import asyncio
import logging
import ssl as tls
from typing import TYPE_CHECKING, ClassVar, Self

from plait._loop import usable_loop
from plait.http2 import Config
from plait.http2.fields import outgoing_fields
from plait.http2.sources import body_source

from .handler import BaseResponseHandler
from .protocol import ClientProtocol
from .request import Request, default_authority, request_fields

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

    from .request import Address, Text


class HTTP2Client:
    """A client connected to one server.

    Made outside of a running loop, it connects before the constructor returns; the program then
    sends requests and runs the loop. Made in a coroutine, it connects in the background, and
    requests wait until it has; ``await client.connected()`` tells how that went.

    :param address: ``(host, port)``, or ``"unix:/path"``.
    :param loop: the event loop; by default the running or current one.
    :param ssl: a context for TLS, whose ALPN list becomes ``h2``; ``None`` for clear text with
        prior knowledge.
    :raises OSError: when the connection cannot be made.
    :raises RuntimeError: when ``loop`` runs in another thread.
    :raises ConnectionError: when the server does not agree to speak HTTP/2 over TLS.

    :ivar address: as it was given.
    :ivar loop: the event loop.
    :ivar scheme: ``"https"`` with TLS, otherwise ``"http"``.
    :ivar session: the asyncio protocol.
    """

    config: ClassVar[Config] = Config(max_concurrent_streams=100)
    """What is announced to servers."""

    logger: ClassVar[logging.Logger] = logging.getLogger("plait.client")

    def __init__(
        self,
        address: Address,
        loop: asyncio.AbstractEventLoop | None = None,
        ssl: tls.SSLContext | None = None,
    ) -> None:
        self.address = address
        self.loop = loop or usable_loop()
        background = self.loop.is_running()
        if background and self.loop is not asyncio._get_running_loop():
            raise RuntimeError("the event loop is running in another thread")
        self.scheme = "https" if ssl else "http"
        self.session = ClientProtocol(self.loop, self.config, self.logger)
        if ssl is not None:
            ssl.set_alpn_protocols(["h2"])
        connecting = self._connect(ssl)
        if background:
            self._connecting: asyncio.Future[None] = self.loop.create_task(connecting)
            self._connecting.add_done_callback(self._connection_tried)
        else:
            self.loop.run_until_complete(connecting)
            self._connecting = self.loop.create_future()
            self._connecting.set_result(None)

    @property
    def io_loop(self) -> asyncio.AbstractEventLoop:
        """The event loop; the same as ``loop``."""
        return self.loop

    @property
    def transport(self) -> asyncio.Transport | None:
        """The asyncio transport; ``None`` before there is a connection."""
        return self.session.transport

    def send_request(
        self,
        method: Text = "GET",
        url: Text = "/",
        headers: Iterable[tuple[Text, Text]] | None = None,
        body: object = None,
        handler: BaseResponseHandler | None = None,
    ) -> None:
        """Send a request, at once or as soon as the connection and the server's limit allow.

        :param url: absolute, or a path with an optional query; a fragment is not sent.
        :param headers: pairs of ``str`` or ``bytes``; names are sent in lower case.
        :param body: ``None``, ``str`` (sent as UTF-8), ``bytes``, a binary file, or a callable
            ``body(n)`` that returns ``(data, flag)``: at most ``n`` octets and ``DATA_OK``,
            ``DATA_EOF`` or ``DATA_DEFERRED``.
        :param handler: gets the response.
        :raises ConnectionClosedError: if the connection has ended, or ``close`` was called.
        :raises InvalidFieldError: for a field that must not be sent.
        :raises ValueError: for a URL that is neither absolute nor a path.
        """
        fields = request_fields(
            method,
            url,
            headers,
            scheme=self.scheme,
            authority=default_authority(self.address),
        )
        self.session.send_request(
            Request(
                outgoing_fields(fields, True), body_source(body), handler or BaseResponseHandler()
            )
        )

    def close(self) -> None:
        """Say goodbye (GOAWAY), and close the connection when all requests are answered."""
        self.session.close()

    async def connected(self) -> None:
        """Wait until there is a connection.

        :raises OSError: when it could not be made.
        """
        await asyncio.shield(self._connecting)

    async def wait_closed(self) -> None:
        """Wait until the connection has ended."""
        await asyncio.shield(self.session.closed)

    async def __aenter__(self) -> Self:
        await self.connected()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if problem is None:
            self.close()
        elif self.transport is not None:
            self.transport.abort()
        await self.wait_closed()

    async def _connect(self, ssl: tls.SSLContext | None) -> None:
        """Make the connection."""
        loop = self.loop
        if isinstance(self.address, str):
            name = "localhost" if ssl else None
            await loop.create_unix_connection(
                self._protocol, self.address.removeprefix("unix:"), ssl=ssl, server_hostname=name
            )
            self.logger.info("connect, address:%s", self.address)
        else:
            host, port = self.address[:2]
            await loop.create_connection(self._protocol, host, port, ssl=ssl)
            self.logger.info("connect, address:%s, port:%s", host, port)
        if self.session.failure is not None:
            raise self.session.failure

    def _protocol(self) -> ClientProtocol:
        return self.session

    def _connection_tried(self, connecting: asyncio.Future[None]) -> None:
        """Tell the requests that have waited for a connection which could not be made."""
        if connecting.cancelled():
            self.session.abandon()
        elif (problem := connecting.exception()) is not None:
            self.logger.error("connect failed, address:%s: %s", self.address, problem)
            self.session.abandon()
