"""The HPACK codecs behind one face, for the worker."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks.traffic import Fields


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


CODECS: dict[str, type[Any]] = {"plait": PlaitCodec, "hpack": HpackCodec}
