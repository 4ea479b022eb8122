cimport cython
from plait.http2.connection cimport Connection
from plait.server.outlet cimport Outlet

cdef Py_ssize_t _FULL
cdef double _LONG
cdef double _LONG_OCTET
cdef Py_ssize_t _SLICE
cdef Py_ssize_t _SMALL_FRAME
cdef Py_ssize_t _FEW
cdef int _FIRST_CAUTION
cdef int _CAUTION

cdef class Inlet(Outlet):
    cdef readonly int caution
    cdef readonly bytes unheard
    cdef readonly Py_ssize_t heard
    cdef readonly bint held_back
    cdef readonly bint deaf

    cpdef Py_ssize_t hear(self, bytes data) except -1
    @cython.locals(size=Py_ssize_t, events=Py_ssize_t, small=bint, began=double, seconds=double)
    cpdef object hear_much(self, bytes data)
    cpdef object hold_back(self, Connection engine)
