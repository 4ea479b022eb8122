cimport cython
from plait.http2.fields cimport identical

cdef class CheckedFields:
    cdef readonly list given
    cdef readonly long long length

cdef class _Last:
    cdef CheckedFields checked

cdef _Last _last

@cython.locals(last=CheckedFields, given=list, length=cython.longlong, constant=cython.bint)
cpdef CheckedFields checked_fields(headers, str kind)
cpdef long long content_length(bytes value) except? -2
