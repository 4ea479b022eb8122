cimport cython

from plait.hpack.huffman cimport encode_huffman, huffman_length
from plait.hpack.integers cimport encode_integer
from plait.hpack.table cimport DynamicTable, Entry, make_entry

cdef unsigned int _INDEXED
cdef unsigned int _NOT_INDEXED
cdef unsigned int _NEVER_INDEXED
cdef Py_ssize_t _LONG_COOKIE
cdef dict _static_values
cdef dict _static_empty
cdef dict _static_names
cdef list _names
cdef list _spare
cdef Py_ssize_t _SPARE_SIZE
cdef Py_ssize_t _ROOM
cdef Py_ssize_t _LONG_COPY

@cython.final
cdef class Encoder:
    cdef readonly DynamicTable table
    cdef long long _cap
    cdef bint _announce
    cdef long long _lowest
    cdef dict _newest_value
    cdef dict _newest_name

    @cython.locals(limit="long long")
    cpdef void change_table_size(self, size) except *

    @cython.locals(out=bytearray)
    cpdef bytes encode(self, fields)

    @cython.locals(buffer=bytearray, start="const char*", at="Py_ssize_t")
    cpdef void encode_into(self, bytearray out, fields) except *

    cdef Py_ssize_t _write_other(self, bytearray out, Py_ssize_t at, field) except -1

    @cython.locals(index="Py_ssize_t")
    cdef Py_ssize_t _write_pair(
        self, bytearray out, Py_ssize_t at, tuple field, bytes name, bytes value
    ) except -1

    @cython.locals(number="Py_ssize_t", table=DynamicTable, entry=Entry, gone="Py_ssize_t")
    cdef Py_ssize_t _find(self, bytes name, bytes value) except -1

    @cython.locals(
        table=DynamicTable, size="Py_ssize_t", index="Py_ssize_t", how="unsigned int",
        packed="unsigned int", number="long long"
    )
    cdef Py_ssize_t _write_literal(
        self, bytearray out, Py_ssize_t at, tuple field, bytes name, bytes value, bint secret
    ) except -1

    @cython.locals(table=DynamicTable, entry=Entry)
    cdef int _insert(self, tuple field, bytes name, bytes value, Py_ssize_t size) except -1

    @cython.locals(table=DynamicTable, entry=Entry)
    cdef int _evict(self, Py_ssize_t target) except -1

    @cython.locals(limit="long long", at="Py_ssize_t")
    cdef Py_ssize_t _write_size_updates(self, bytearray out) except -1

    cdef int _start_over(self) except -1

cdef int _forget(dict newest, bytes key, long long number) except -1

@cython.locals(length="Py_ssize_t", coded="Py_ssize_t", octet="unsigned char")
cdef Py_ssize_t _write_string(bytearray out, Py_ssize_t at, bytes data) except -1

cdef bytes _octets(data)
