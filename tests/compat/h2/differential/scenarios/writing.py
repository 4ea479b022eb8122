"""How scenarios are written down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.http2 import frames as f

from ..world import Step, call, receive


@dataclass(frozen=True)
class Scenario:
    """One script. Which differences it shows is written in `differs.txt`."""

    name: str
    client: bool
    steps: tuple[Step, ...]
    options: Mapping[str, object] = field(default_factory=dict)


class Scripts:
    """The scenarios of one module."""

    def __init__(self) -> None:
        self.scenarios: list[Scenario] = []

    def raw(
        self,
        name: str,
        *steps: Step,
        client: bool,
        **options: object,
    ) -> None:
        """Steps from the very beginning of a connection."""
        self.scenarios.append(Scenario(name, client, steps, options))

    def server(self, name: str, *steps: Step, **options: object) -> None:
        """Steps of a server whose client has said hello."""
        self.raw(name, *SERVING, *steps, client=False, **options)

    def client(self, name: str, *steps: Step, **options: object) -> None:
        """Steps of a client whose server has said hello."""
        self.raw(name, *ASKING, *steps, client=True, **options)


HELLO = receive(f.PREFACE, f.settings(), f.settings_ack())
SERVING = (call.initiate_connection(), HELLO)
ASKING = (call.initiate_connection(), receive(f.settings(), f.settings_ack()))

GET = [(":method", "GET"), (":scheme", "https"), (":path", "/"), (":authority", "example.com")]
POST = [(":method", "POST"), *GET[1:]]
OK = [(":status", "200")]

ask = call.send_headers(1, GET, end_stream=True)
upload = call.send_headers(1, POST)
asked = receive(f.headers(1, f.GET))
uploads = receive(f.headers(1, f.POST, end_stream=False))
