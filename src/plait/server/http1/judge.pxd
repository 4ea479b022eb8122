cimport cython
from plait.http2.fields cimport classify
from plait.server.http1.heads cimport HeadReader
from plait.server.http1.request cimport RequestHead

cdef int _HOST
cdef int _COOKIE
cdef int _CONTENT_LENGTH
cdef int _PATH
cdef int _PSEUDO
cdef int _CONNECTION_SPECIFIC
cdef int _BAD_TE
cdef dict _remembered
cdef frozenset _LISTS
cdef list _NONE

cdef class _Known:
    cdef readonly tuple field
    cdef readonly int kind
    cdef readonly Py_ssize_t octets

cpdef object judge(HeadReader reader, RequestHead head)
@cython.locals(name=bytes, value=bytes, kind=cython.int, known=_Known)
cdef _Known _judged(tuple given)
@cython.locals(fields=list, crumbs=list, octets=Py_ssize_t, known=_Known, kind=cython.int, given=tuple, name=bytes, value=bytes, field=tuple)
cdef object _take_fields(HeadReader reader, RequestHead head, dict lists)
cdef object _take_target(bytes target, RequestHead head)
cdef object _take_framing(RequestHead head, bytes coding)
@cython.locals(options=list, wanted=list)
cdef object _take_wishes(RequestHead head, dict lists)
