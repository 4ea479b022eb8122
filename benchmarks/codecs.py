"""The HPACK codecs behind one face, for the worker."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks.traffic import HEADERS, PREFACE, Client, Fields, client_preface, frames


class PlaitCodec:
    """`plait.hpack`."""

    def __init__(self) -> None:
        import plait
        from plait import hpack

        self.version = plait.build_info().variant
        self._hpack: Any = hpack

    def encode(self, lists: Sequence[Fields]) -> list[bytes]:
        """One connection's worth of blocks, with a fresh encoder."""
        encode = self._hpack.Encoder().encode
        return [encode(fields) for fields in lists]

    def decode(self, blocks: Sequence[bytes]) -> list[Any]:
        """The field lists of one connection's blocks, with a fresh decoder."""
        decode = self._hpack.Decoder().decode
        return [decode(block) for block in blocks]


class HpackCodec:
    """`hpack`, python-hyper's."""

    def __init__(self) -> None:
        import importlib.metadata

        import hpack

        self.version = importlib.metadata.version("hpack")
        self._hpack: Any = hpack

    def encode(self, lists: Sequence[Fields]) -> list[bytes]:
        """One connection's worth of blocks, with a fresh encoder."""
        encode = self._hpack.Encoder().encode
        return [encode(fields) for fields in lists]

    def decode(self, blocks: Sequence[bytes]) -> list[Any]:
        """The field lists of one connection's blocks, with a fresh decoder; octets, not text."""
        decode = self._hpack.Decoder().decode
        return [decode(block, raw=True) for block in blocks]


class Ngh2Codec:
    """libnghttp2's encoder, as its connections use it; only to see how small its blocks are."""

    def __init__(self) -> None:
        import importlib.metadata

        import ngh2

        self.version = importlib.metadata.version("ngh2")
        self._ngh2: Any = ngh2

    def encode(self, lists: Sequence[Fields]) -> list[bytes]:
        """The blocks in which a connection sends these lists, as a client or as a server."""
        requests = lists[0][0][0] == b":method"
        return self._requests(lists) if requests else self._responses(lists)

    def _requests(self, lists: Sequence[Fields]) -> list[bytes]:
        client = self._ngh2.Connection(
            self._ngh2.Role.CLIENT, self._ngh2.Configuration(peer_max_concurrent_streams=2000)
        )
        client.initiate_connection()
        for fields in lists:
            client.send_request(fields, end_stream=True)
        return _blocks(client.data_to_send()[len(PREFACE) :])

    def _responses(self, lists: Sequence[Fields]) -> list[bytes]:
        server = self._ngh2.Connection(self._ngh2.Role.SERVER)
        server.initiate_connection({self._ngh2.Setting.MAX_CONCURRENT_STREAMS: 2000})
        client = Client()
        server.receive_data(client_preface() + client.batch(len(lists)))
        for number, fields in enumerate(lists):
            server.send_response(2 * number + 1, fields, end_stream=True)
        return _blocks(server.data_to_send())


def _blocks(data: bytes) -> list[bytes]:
    """The field blocks of the HEADERS frames in `data`."""
    return [payload for kind, _, _, payload in frames(data) if kind == HEADERS]


CODECS: dict[str, type[Any]] = {"plait": PlaitCodec, "hpack": HpackCodec, "ngh2": Ngh2Codec}
