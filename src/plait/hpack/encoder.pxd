cimport cython

from plait.hpack.huffman cimport encode_huffman, huffman_length
from plait.hpack.integers cimport encode_integer
from plait.hpack.table cimport DynamicTable, Entry, make_entry

cdef unsigned int _INDEXED
cdef unsigned int _NOT_INDEXED
cdef unsigned int _NEVER_INDEXED
cdef Py_ssize_t _LONG_COOKIE
cdef dict _static_fields
cdef dict _static_names

@cython.final
cdef class Encoder:
    cdef readonly DynamicTable table
    cdef long long _cap
    cdef bint _announce
    cdef long long _lowest
    cdef dict _numbers

    @cython.locals(limit="long long")
    cpdef void change_table_size(self, long long size) except *

    @cython.locals(out=bytearray)
    cpdef bytes encode(self, fields)

    @cython.locals(start="Py_ssize_t")
    cpdef void encode_into(self, bytearray out, fields) except *

    cdef int _write_field(self, bytearray out, field) except -1

    cdef int _write_other(self, bytearray out, field) except -1

    @cython.locals(index="unsigned long long")
    cdef int _write_pair(self, bytearray out, tuple field, bytes name, bytes value) except -1

    @cython.locals(pseudo="bint", number="Py_ssize_t")
    cdef Py_ssize_t _find(self, tuple field, bytes name, bytes value) except -1

    @cython.locals(
        table=DynamicTable, size="Py_ssize_t", index="unsigned long long", how="unsigned int",
        packed="unsigned int", number="Py_ssize_t"
    )
    cdef int _write_literal(
        self, bytearray out, tuple field, bytes name, bytes value, bint secret
    ) except -1

    @cython.locals(table=DynamicTable, numbers=dict)
    cdef int _insert(self, tuple field, bytes name, bytes value, Py_ssize_t size) except -1

    @cython.locals(table=DynamicTable, numbers=dict, field=tuple, number="long long", name=bytes)
    cdef int _evict(self, Py_ssize_t target) except -1

    @cython.locals(limit="long long")
    cdef int _write_size_updates(self, bytearray out) except -1

    cdef int _start_over(self) except -1

@cython.locals(length="Py_ssize_t", coded="Py_ssize_t")
cdef int _write_string(bytearray out, bytes data) except -1

cdef bytes _octets(data)

cdef int _check_size(long long size) except -1
