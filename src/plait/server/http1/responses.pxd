cimport cython
from plait.http2.fields cimport outgoing_fields
from plait.server.dates cimport date_line

cdef class _Head:
    cdef readonly long long status
    cdef readonly long long length
    cdef readonly bytes coding
    cdef readonly bytes date
    cdef readonly bytes last
    cdef readonly bytes octets

cdef class Rendered:
    cdef readonly list ready
    cdef readonly long long content_length
    cdef readonly bint has_date
    cdef readonly bytes lines
    cdef readonly _Head latest

    @cython.locals(date=bytes, latest=_Head, octets=bytes)
    cpdef bytes head(self, long long status, long long length, bytes coding, bytes last)

cdef class _Last:
    cdef public Rendered rendered

cdef _Last _last

@cython.locals(ready=list, last=Rendered, new=Rendered)
cpdef Rendered rendered(headers)
