"""The HPACK codecs of nghttp2's C library, to compare with."""

from __future__ import annotations

import ctypes
import ctypes.util
from collections.abc import Sequence
from functools import cache

import pytest

from plait.hpack import Field, NeverIndexedField

_NO_INDEX = 1
_INFLATE_FINAL = 1
_INFLATE_EMIT = 2


class _NameValue(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_void_p),
        ("value", ctypes.c_void_p),
        ("name_length", ctypes.c_size_t),
        ("value_length", ctypes.c_size_t),
        ("flags", ctypes.c_uint8),
    )


class Refused(Exception):
    """nghttp2 takes a block for invalid."""


def load() -> ctypes.CDLL:
    """The library; skips the test where it is not installed."""
    library = _load()
    if library is None:
        pytest.skip("libnghttp2 not found: install the package libnghttp2-14")
    return library


@cache
def _load() -> ctypes.CDLL | None:
    name = ctypes.util.find_library("nghttp2")
    if name is None:
        return None
    library = ctypes.CDLL(name)
    library.nghttp2_hd_deflate_bound.restype = ctypes.c_size_t
    library.nghttp2_hd_deflate_hd.restype = ctypes.c_ssize_t
    library.nghttp2_hd_inflate_hd2.restype = ctypes.c_ssize_t
    library.nghttp2_hd_deflate_get_table_entry.restype = ctypes.POINTER(_NameValue)
    library.nghttp2_hd_deflate_get_num_table_entries.restype = ctypes.c_size_t
    return library


class Deflater:
    """nghttp2's encoder."""

    def __init__(self, max_table_size: int = 4096) -> None:
        self._library = load()
        self._self = ctypes.c_void_p()
        size = ctypes.c_size_t(max_table_size)
        assert self._library.nghttp2_hd_deflate_new(ctypes.byref(self._self), size) == 0

    def __del__(self) -> None:
        if self._self:
            self._library.nghttp2_hd_deflate_del(self._self)

    def change_table_size(self, size: int) -> None:
        """As `Encoder.change_table_size`."""
        rv = self._library.nghttp2_hd_deflate_change_table_size(self._self, ctypes.c_size_t(size))
        assert rv == 0

    def encode(self, fields: Sequence[Field]) -> bytes:
        """As `Encoder.encode`."""
        pairs = (_NameValue * len(fields))()
        kept = []
        for pair, field in zip(pairs, fields, strict=True):
            name, value = (ctypes.create_string_buffer(part, len(part) + 1) for part in field)
            kept.append((name, value))
            pair.name, pair.value = ctypes.addressof(name), ctypes.addressof(value)
            pair.name_length, pair.value_length = len(field[0]), len(field[1])
            pair.flags = _NO_INDEX if isinstance(field, NeverIndexedField) else 0
        count = ctypes.c_size_t(len(fields))
        bound = self._library.nghttp2_hd_deflate_bound(self._self, pairs, count)
        out = ctypes.create_string_buffer(bound)
        size = ctypes.c_size_t(bound)
        rv = self._library.nghttp2_hd_deflate_hd(self._self, out, size, pairs, count)
        assert rv >= 0
        return out.raw[:rv]

    def fields(self) -> list[Field]:
        """The dynamic table, the newest first."""
        library = self._library
        end = library.nghttp2_hd_deflate_get_num_table_entries(self._self)
        found = []
        for index in range(62, end + 1):
            entry = library.nghttp2_hd_deflate_get_table_entry(self._self, ctypes.c_size_t(index))
            found.append(_field(entry.contents))
        return found


class Inflater:
    """nghttp2's decoder."""

    def __init__(self) -> None:
        self._library = load()
        self._self = ctypes.c_void_p()
        assert self._library.nghttp2_hd_inflate_new(ctypes.byref(self._self)) == 0

    def __del__(self) -> None:
        if self._self:
            self._library.nghttp2_hd_inflate_del(self._self)

    def change_table_size(self, size: int) -> None:
        """As setting `Decoder.max_allowed_table_size`."""
        rv = self._library.nghttp2_hd_inflate_change_table_size(self._self, ctypes.c_size_t(size))
        assert rv == 0

    def decode(self, block: bytes) -> list[Field]:
        """As `Decoder.decode`; raises `Refused`."""
        fields: list[Field] = []
        flags = ctypes.c_int()
        out = _NameValue()
        at = 0
        while True:
            rest = block[at:]
            rv = self._library.nghttp2_hd_inflate_hd2(
                self._self,
                ctypes.byref(out),
                ctypes.byref(flags),
                rest,
                ctypes.c_size_t(len(rest)),
                ctypes.c_int(1),
            )
            if rv < 0:
                raise Refused(rv)
            at += rv
            if flags.value & _INFLATE_EMIT:
                fields.append(_field(out))
            if flags.value & _INFLATE_FINAL:
                self._library.nghttp2_hd_inflate_end_headers(self._self)
                return fields
            if not flags.value & _INFLATE_EMIT and at == len(block):
                raise Refused("it waits for more")


def _field(pair: _NameValue) -> Field:
    name = ctypes.string_at(pair.name, pair.name_length)
    value = ctypes.string_at(pair.value, pair.value_length)
    return NeverIndexedField(name, value) if pair.flags & _NO_INDEX else (name, value)
