cimport cython

from plait.hpack.huffman cimport decode_huffman
from plait.hpack.integers cimport decode_continued
from plait.hpack.table cimport DynamicTable, Entry, make_entry

cdef Py_ssize_t _UNLIMITED
cdef unsigned long long _INTEGER

@cython.final
cdef class Decoder:
    cdef readonly DynamicTable table
    cdef readonly long long generation
    cdef readonly long long list_size
    cdef long long _allowed
    cdef long long _demanded
    cdef public Py_ssize_t max_list_size
    cdef Py_ssize_t _max_fields
    cdef Py_ssize_t _max_cookies
    cdef object _classify
    cdef list _static
    cdef bint _broken
    cdef Py_ssize_t _at

    @cython.locals(fields=list)
    cpdef list decode(self, block)

    @cython.locals(had_fields="Py_ssize_t", had_kinds="Py_ssize_t", excess="int")
    cpdef void decode_into(self, bytes block, list fields, list kinds) except *

    @cython.locals(
        table=DynamicTable, static=list, entry=Entry, end="size_t", at="size_t", index="size_t",
        packed="unsigned long long", size="Py_ssize_t", others="Py_ssize_t", cookies="Py_ssize_t",
        excess="int"
    )
    cdef int _decode(self, bytes block, list fields, list kinds) except -1

    @cython.locals(at="size_t", end="size_t", size="long long", packed="unsigned long long")
    cdef Py_ssize_t _read_size_updates(self, bytes block) except -1

    @cython.locals(
        first="unsigned char", prefix="unsigned char", index="size_t", packed="unsigned long long",
        name=bytes, value=bytes, entry=Entry
    )
    cdef Entry _read_literal(self, bytes block, size_t at)

    @cython.locals(table=DynamicTable, entry=Entry)
    cdef bytes _name(self, size_t index)

    @cython.locals(
        size="size_t", first="unsigned char", length="size_t", packed="unsigned long long",
        octets="const char*"
    )
    cdef bytes _read_string(self, bytes block, size_t at)
