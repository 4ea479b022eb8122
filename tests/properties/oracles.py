"""The same octets told by plait and by PyPI's `h2`, in the same words.

Each engine is given a byte stream part by part, mostly a frame each, behind an application that
does nothing. The *story* of a part is what the engine tells of it and what it answers. Left out
are the credit that is given, and that a stream was reset, where the frame that says so is told.
How the stories may differ is in `differences`.
"""

from __future__ import annotations

from collections.abc import Iterator

import h2.config
import h2.connection
import h2.exceptions
import h2.settings

from plait import http2
from plait.http2 import Config, Connection, Role
from tests.http2 import frames as f
from tests.http2.script import Clock

from .books import Cutter

Item = tuple[object, ...]
Story = list[Item]
Fields = list[tuple[bytes, bytes]]

REQUESTS: list[Fields] = [f.GET, f.POST, f.HEAD, f.GET]
"""What a client asks for on the streams 1, 3, 5 and 7."""


def pairs(fields: object) -> Fields:
    return [(bytes(name), bytes(value)) for name, value in fields]


class PlaitOracle:
    """plait's engine, which tells its story."""

    def __init__(self, role: str) -> None:
        self.server = role == "server"
        # h2 enforces no limit of header lists or windows before they are acknowledged, and its
        # own initial values are the protocol's: so are these.
        config = Config(
            clock=Clock(),
            initial_window_size=65_535,
            connection_window_size=65_535,
            max_concurrent_streams=100,
            max_header_list_size=65_536,
        )
        self.connection = Connection(Role.SERVER if self.server else Role.CLIENT, config)
        self.connection.initiate_connection()
        if not self.server:
            for fields in REQUESTS:
                self.connection.send_request(fields, end_stream=fields is not f.POST)
        self.output = Cutter(magic=not self.server)
        # Why the last part was refused, if it was.
        self.slug = ""
        list(self.said())

    def takes(self, part: bytes) -> Story:
        story: Story = []
        self.slug = ""
        for event in self.connection.receive_data(part):
            self.slug = getattr(event, "slug", self.slug)
            story += self.tells(event)
        return story + list(self.said())

    def said(self) -> Iterator[Item]:
        return said(self.output, self.connection.data_to_send())

    @property
    def closed(self) -> bool:
        return self.connection.closed

    def is_gone(self, part: bytes) -> bool:
        """Whether the stream of a frame has closed."""
        stream = int.from_bytes(part[5:9], "big") & 0x7FFFFFFF
        connection = self.connection
        theirs = stream % 2 == int(self.server)
        used = connection.highest_remote_stream_id if theirs else connection.next_stream_id - 1
        return 0 < stream <= used and not connection.stream_is_open(stream)

    def tells(self, event: http2.Event) -> Story:
        story: Story = []
        if isinstance(event, http2.RequestReceived):
            story.append(("request", event.stream_id, event.headers))
        elif isinstance(event, http2.ResponseReceived):
            story.append(("response", event.stream_id, event.headers))
        elif isinstance(event, http2.InformationalResponseReceived):
            story.append(("interim", event.stream_id, event.headers))
        elif isinstance(event, http2.TrailersReceived):
            story.append(("trailers", event.stream_id, event.headers))
        elif isinstance(event, http2.DataReceived):
            story.append(("data", event.stream_id, event.data))
        elif isinstance(event, http2.PushedStreamReceived):
            promise = (event.parent_stream_id, event.pushed_stream_id, event.headers)
            story.append(("promise", *promise))
        elif isinstance(event, http2.StreamReset) and event.remote_reset:
            story.append(("reset", event.stream_id, event.error_code))
        elif isinstance(event, http2.WindowUpdated):
            story.append(("window", event.stream_id, event.delta))
        elif isinstance(event, http2.RemoteSettingsChanged):
            changed = {code: new for code, (_, new) in event.changed_settings.items()}
            story.append(("settings", changed))
        elif isinstance(event, http2.SettingsAcknowledged):
            story.append(("acknowledged",))
        elif isinstance(event, http2.PingReceived):
            story.append(("ping", event.ping_data))
        elif isinstance(event, http2.PingAcknowledged):
            story.append(("pong", event.ping_data))
        elif isinstance(event, http2.ConnectionTerminated) and event.remote:
            debug = event.additional_data
            story.append(("goaway", event.error_code, event.last_stream_id, debug))
        elif isinstance(event, http2.AlternativeServiceAvailable):
            story.append(("service", event.stream_id, event.origin, event.field_value))
        elif isinstance(event, http2.OriginReceived):
            story.append(("origin", *event.origins))
        elif isinstance(event, http2.PriorityUpdated):
            story.append(("priority", event.stream_id))
        elif isinstance(event, http2.UnknownFrameReceived):
            story.append(("unknown", event.frame_type, event.flags, event.stream_id, event.payload))
        if getattr(event, "end_stream", False):
            story.append(("end", event.stream_id))
        return story


class H2Oracle:
    """`h2`, which tells its story."""

    def __init__(self, role: str) -> None:
        self.server = role == "server"
        config = h2.config.H2Configuration(client_side=not self.server, header_encoding=None)
        self.connection = h2.connection.H2Connection(config)
        self.connection.local_settings = h2.settings.Settings(
            client=not self.server,
            initial_values={
                h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS: 100,
                h2.settings.SettingCodes.MAX_HEADER_LIST_SIZE: 65_536,
                h2.settings.SettingCodes.ENABLE_CONNECT_PROTOCOL: 1,
            },
        )
        self.connection.initiate_connection()
        if not self.server:
            for at, fields in enumerate(REQUESTS):
                self.connection.send_headers(2 * at + 1, fields, end_stream=fields is not f.POST)
        self.output = Cutter(magic=not self.server)
        self.closed = False
        self.goodbye = False
        # What the last part was refused with, if it was.
        self.error: Exception | None = None
        list(self.said())

    def takes(self, part: bytes) -> Story:
        story: Story = []
        self.error = None
        try:
            events = self.connection.receive_data(part)
        except h2.exceptions.ProtocolError as error:
            self.closed = True
            self.error = error
            events = []
        for event in events:
            story += self.tells(event)
        return story + list(self.said())

    def said(self) -> Iterator[Item]:
        return said(self.output, self.connection.data_to_send())

    def tells(self, event: object) -> Story:
        name = type(event).__name__
        stream = getattr(event, "stream_id", None)
        headers = {
            "RequestReceived": "request",
            "ResponseReceived": "response",
            "InformationalResponseReceived": "interim",
            "TrailersReceived": "trailers",
        }
        if name in headers:
            return [(headers[name], stream, pairs(event.headers))]
        if name == "DataReceived":
            return [("data", stream, event.data)]
        if name == "StreamEnded":
            return [("end", stream)]
        if name == "PushedStreamReceived":
            fields = pairs(event.headers)
            return [("promise", event.parent_stream_id, event.pushed_stream_id, fields)]
        if name == "StreamReset" and event.remote_reset:
            return [("reset", stream, int(event.error_code))]
        if name == "WindowUpdated":
            return [("window", stream or 0, event.delta)]
        if name == "RemoteSettingsChanged":
            changed = {int(code): c.new_value for code, c in event.changed_settings.items()}
            return [("settings", changed)]
        if name == "SettingsAcknowledged":
            return [("acknowledged",)]
        if name == "PingReceived":
            return [("ping", event.ping_data)]
        if name == "PingAckReceived":
            return [("pong", event.ping_data)]
        if name == "ConnectionTerminated":
            debug = event.additional_data or b""
            self.goodbye = True
            return [("goaway", int(event.error_code), event.last_stream_id, debug)]
        if name == "AlternativeServiceAvailable":
            return [("service", 0, event.origin or b"", event.field_value)]
        if name == "PriorityUpdated":
            return [("priority", stream)]
        if name == "UnknownFrameReceived":
            frame = event.frame
            return [("unknown", frame.type, frame.flag_byte, frame.stream_id, frame.body)]
        return []


def said(output: Cutter, octets: bytes) -> Iterator[Item]:
    """What an engine answered; credit it gives whenever it thinks best."""
    for kind, flags, stream, payload in output.feed(octets):
        if kind == f.RST_STREAM:
            yield "says reset", stream, int.from_bytes(payload, "big")
        elif kind == f.GOAWAY:
            yield "says goaway", int.from_bytes(payload[4:8], "big")
        elif kind == f.SETTINGS and flags & f.ACK:
            yield ("says acknowledged",)
        elif kind == f.PING:
            yield "says pong", payload
