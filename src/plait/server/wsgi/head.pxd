cimport cython
from plait.http2.fields cimport outgoing_fields

cdef dict _codes
cdef Py_ssize_t _MOST_CODES

cdef class Head:
    cdef readonly int status
    cdef readonly list fields
    cdef readonly long long length
    cdef readonly bint trailing

cdef class _Last:
    cdef readonly str status
    cdef readonly list given
    cdef readonly Head head

cdef _Last _last

@cython.locals(last=_Last, given=list, fields=list, length="long long", trailing=bint, constant=bint, field=tuple, known=bytes, head=Head)
cpdef Head make_head(status, headers)
cpdef object status_code(status)
cpdef tuple native_field(name, value)
cpdef list native_fields(fields)
