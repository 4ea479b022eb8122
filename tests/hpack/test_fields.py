from __future__ import annotations

import copy
import pickle

from plait.hpack import NeverIndexedField
from plait.hpack.static_table import STATIC_FIELDS, STATIC_NAMES, STATIC_TABLE


def test_a_never_indexed_field_is_a_tuple_of_two() -> None:
    field = NeverIndexedField(b"password", b"secret")
    name, value = field
    assert (name, value) == (b"password", b"secret")
    assert field == (b"password", b"secret")
    assert hash(field) == hash((b"password", b"secret"))
    assert repr(field) == "NeverIndexedField(b'password', b'secret')"


def test_the_mark_survives_copying_and_pickling() -> None:
    field = NeverIndexedField(b"password", b"secret")
    for other in (copy.copy(field), copy.deepcopy(field), pickle.loads(pickle.dumps(field))):
        assert other == field
        assert type(other) is NeverIndexedField


def test_the_static_table() -> None:
    # RFC 7541 Appendix A
    assert len(STATIC_TABLE) == 61
    assert STATIC_TABLE[0] == (b":authority", b"")
    assert STATIC_TABLE[7] == (b":status", b"200")
    assert STATIC_TABLE[15] == (b"accept-encoding", b"gzip, deflate")
    assert STATIC_TABLE[60] == (b"www-authenticate", b"")
    assert len(STATIC_FIELDS) == 61
    assert STATIC_NAMES[b":status"] == 8
    assert STATIC_NAMES[b"vary"] == 59
