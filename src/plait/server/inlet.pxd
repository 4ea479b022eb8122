cimport cython
from plait.http2.connection cimport Connection
from plait.server.outlet cimport Outlet

cdef Py_ssize_t _FULL
cdef double _LONG
cdef double _LONG_ANSWER
cdef Py_ssize_t _LEAST
cdef Py_ssize_t _MOST

cdef class Inlet(Outlet):
    cdef readonly Py_ssize_t portion
    cdef readonly long long answered
    cdef readonly bytes unheard
    cdef readonly Py_ssize_t heard
    cdef readonly bint held_back
    cdef readonly bint deaf

    cpdef object hear(self, bytes data)
    @cython.locals(size=Py_ssize_t, answered=cython.longlong, began=double, seconds=double, most=double)
    cpdef object hear_much(self, bytes data)
    cpdef object hear_in_turns(self, bytes data)
    cpdef object hold_back(self, Connection engine)
