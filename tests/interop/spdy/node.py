"""The two Node programs with npm's spdy-transport, and what is known about that peer.

It is the peer that programs met in practice (it carried the `spdy` module), and it has its own
ways, which the tests allow for. Read in its source and seen on the wire, version 3.0.0:

- A push has an association but not FLAG_UNIDIRECTIONAL, so a client by the book refuses it. The
  server program adds the flag when it is asked to; both are tested.
- Text that is not ASCII is written as code points, with the length of UTF-8; `common.js` mends it.
- GOAWAY has eight octets in SPDY/2 too, and four are an error to it. A GOAWAY from us ends, at its
  side, all streams above our last good one, those it was asked for included.
- Flow control goes on in SPDY/2: it waits for WINDOW_UPDATE frames there, which SPDY/2 does not
  have. An INITIAL_WINDOW_SIZE large enough for everything sets it free.
- It sends a whole chunk, 8192 octets, into any window that is not empty, and so oversteps it.
- It ignores FIN on a HEADERS frame and MAX_CONCURRENT_STREAMS; streams beyond are refused.
- It answers RST_STREAM with RST_STREAM, and whatever comes for a stream that it has forgotten.
- A priority has three bits in SPDY/2 too, and grows with HTTP/2's weight instead of falling.
- A request whose body is written at once overtakes requests made before, against the order of ids;
  the client program waits until it has left.
- A stream is forgotten when its FIN is queued; a WINDOW_UPDATE that comes before it has left is
  answered with RST_STREAM INVALID_STREAM, which may arrive before the FIN.
- A frame that comes just before the end of the connection may get lost in its queues.
- SETTINGS flagged PERSISTED make it misread those that follow.
"""

from __future__ import annotations

import json
import socket
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.support.peers import require_node_package, require_tool
from tests.support.process import PATIENCE, Background

HERE = Path(__file__).parent

# Seconds; the machine may be busy with everything else that is tested.
START = 60.0


class NodeProgram:
    """`server.js` or `client.js`, running; use as a context manager."""

    def __init__(self, name: str, *arguments: str | Path) -> None:
        modules = require_node_package("spdy-transport")
        command: list[str | Path] = [require_tool("node"), HERE / name, *arguments]
        self.process = Background(command, env={"NODE_PATH": str(modules)})

    def __enter__(self) -> Self:
        self.process.__enter__()
        try:
            self.about = json.loads(self.process.wait_for(r'^{"ready":true.*$', START)[0])
        except BaseException as fault:
            self.process.__exit__(type(fault), fault, None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.process.__exit__(kind, fault, trace)

    def run(self, command: str, **arguments: Any) -> Any:
        """Has the program carry out a command, and returns its answer."""
        with socket.create_connection(("127.0.0.1", self.about["control"]), PATIENCE) as control:
            control.sendall(json.dumps({"run": command, **arguments}).encode())
            control.shutdown(socket.SHUT_WR)
            with control.makefile("rb") as answer:
                found = json.loads(answer.read())
        if isinstance(found, dict):
            assert "failed" not in found, found["failed"]
        return found
