cimport cython
from plait.http2.connection cimport Connection
from plait.server.link cimport Link

cdef Py_ssize_t _APPETITE
cdef Py_ssize_t _SECURE_APPETITE
cdef int _HELPINGS
cdef int _PATIENCE
cdef object _writev

cdef class Outlet(Link):
    cdef readonly bint paused
    cdef readonly bint secure
    cdef readonly long long octets_out
    cdef readonly object again
    cdef readonly long long empty_helpings
    cdef readonly bint due
    cdef readonly int descriptor

    @cython.locals(helpings=int)
    cpdef object write(self, Connection engine)
    @cython.locals(data=bytes, pieces=list, size=Py_ssize_t, taken=Py_ssize_t)
    cpdef bint write_helping(self, Connection engine, transport)

cpdef Py_ssize_t give(int descriptor, list pieces) except -1
