cimport cython
from plait.http2.connection cimport Connection
from plait.server.link cimport Link

cdef Py_ssize_t _APPETITE
cdef int _HELPINGS
cdef int _PATIENCE
cdef bint _WRITELINES_NEVER_PAUSES

cdef class Outlet(Link):
    cdef readonly bint paused
    cdef readonly bint secure
    cdef readonly long long octets_out
    cdef readonly object again
    cdef readonly long long empty_helpings
    cdef readonly bint due

    @cython.locals(helpings=int)
    cpdef object write(self, Connection engine)
    @cython.locals(data=bytes, pieces=list)
    cpdef bint write_helping(self, Connection engine, transport)
