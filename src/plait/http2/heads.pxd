cimport cython

cdef int AUTHORITY
cdef int CONTENT_LENGTH
cdef int COOKIE
cdef int HOST
cdef int METHOD
cdef int PATH
cdef int PRIORITY
cdef int PROTOCOL
cdef int PSEUDO
cdef int SCHEME
cdef int STATUS
cdef int TE

cdef class Head:
    cdef public list fields
    cdef public bytes method
    cdef public bytes scheme
    cdef public bytes authority
    cdef public bytes path
    cdef public bytes protocol
    cdef public bytes host
    cdef public bytes target
    cdef public bytes priority
    cdef public long long content_length
    cdef public int seen
    cdef public int status

    @cython.locals(kind=cython.int, seen=cython.int, regular=cython.bint, index=cython.Py_ssize_t)
    cpdef object collect(self, list kinds)
    cpdef bint has_cookies(self)
    cpdef object choose_target(self, bint host_may_differ)
    cpdef object take_pseudo(self, int kind, bytes value)
    cpdef object take_special(self, int kind, bytes value, bint repeated)

@cython.locals(head=Head, seen=cython.int)
cpdef Head request_head(list fields, list kinds, bint extended_connect, bint host_may_differ, bytes transport_scheme=*)
@cython.locals(seen=cython.int)
cdef object _check_connect(Head head, bint extended_connect)
cdef bint _has_port(bytes authority) except -1
@cython.locals(path=bytes)
cdef object _check_target(Head head)
@cython.locals(head=Head)
cpdef Head response_head(list fields, list kinds)
@cython.locals(kind=cython.int)
cpdef object check_trailers(list kinds)
