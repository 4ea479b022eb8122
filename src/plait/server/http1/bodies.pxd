cimport cython
from plait.http2.fields cimport classify

cdef int _SIZE
cdef int _AFTER
cdef int _TRAILERS
cdef bytes _CRLF
cdef Py_ssize_t _FEW_DIGITS

cdef class LengthBody:
    cdef readonly bint complete
    cdef public long long left
    cdef readonly bytes piece
    cdef readonly list trailers

    @cython.locals(end=Py_ssize_t)
    cpdef Py_ssize_t take(self, bytes data, Py_ssize_t start, Py_ssize_t room) except -1

cdef class ChunkedBody:
    cdef readonly bint complete
    cdef readonly long long max_octets
    cdef readonly long long max_fields
    cdef readonly long long extensions
    cdef readonly long long left
    cdef readonly bytes line
    cdef readonly long long octets
    cdef readonly bytes piece
    cdef readonly list pieces
    cdef readonly long long state
    cdef readonly list trailers

    @cython.locals(end=Py_ssize_t, stop=Py_ssize_t)
    cpdef Py_ssize_t take(self, bytes data, Py_ssize_t start, Py_ssize_t room) except -1
    @cython.locals(at=Py_ssize_t, stop=Py_ssize_t, line=bytes)
    cpdef Py_ssize_t take_line(self, bytes data, Py_ssize_t start, Py_ssize_t end) except -1
    @cython.locals(digits=bytes, size=cython.longlong)
    cpdef object begin_chunk(self, bytes line)
    @cython.locals(kind=cython.int)
    cpdef object take_trailer(self, bytes line)

@cython.locals(end=Py_ssize_t, size=cython.longlong, index=Py_ssize_t, octet=cython.longlong)
cdef long long _size_of(bytes line) except? -2
