cimport cython
from plait.http2.fields cimport outgoing_fields
from plait.server.dates cimport date_line

cdef class Rendered:
    cdef readonly list ready
    cdef readonly long long content_length
    cdef readonly bint has_date
    cdef readonly bytes lines

    cpdef bytes head(self, status, length, bytes coding, bytes last)

cdef class _Last:
    cdef public Rendered rendered

cdef _Last _last

@cython.locals(ready=list, last=Rendered, new=Rendered)
cpdef Rendered rendered(headers)
