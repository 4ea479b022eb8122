from plait.http2.connection cimport Connection
from plait.server.outlet cimport Outlet

cdef Py_ssize_t _SLICE
cdef Py_ssize_t _SMALL_FRAME
cdef Py_ssize_t _FEW
cdef int _CAUTION

cdef class Inlet(Outlet):
    cdef readonly int caution
    cdef readonly bytes unheard
    cdef readonly Py_ssize_t heard
    cdef readonly bint held_back
    cdef readonly bint deaf

    cpdef object hear(self, bytes data)
    cpdef object weigh(self, Py_ssize_t size, Py_ssize_t events)
    cpdef object hold_back(self, Connection engine)
