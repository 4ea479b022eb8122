cimport cython
from plait.server.host cimport Cycle
from plait.server.http1.outlet cimport Outlet
from plait.server.http1.request cimport RequestHead
from plait.server.http1.responses cimport Rendered, rendered

cdef class H1Exchange:
    cdef readonly Outlet link
    cdef readonly object loop
    cdef public object peer
    cdef public object scheme
    cdef readonly str http_version
    cdef readonly bytes method
    cdef public object host
    cdef public object path
    cdef public list headers
    cdef readonly bytes protocol
    cdef public bint complete
    cdef public bint continued
    cdef public bint persists
    cdef readonly Cycle cycle
    cdef readonly bint closed
    cdef readonly long long status
    cdef readonly double began
    cdef readonly long long octets_out
    cdef public bint finished
    cdef public bint waits
    cdef readonly long long framing
    cdef public long long left
    cdef object __weakref__

    @cython.locals(cycle=Cycle)
    cpdef object begin(self)
    @cython.locals(cycle=Cycle)
    cpdef object data(self, bytes data)
    @cython.locals(cycle=Cycle)
    cpdef object end(self, list trailers)
    @cython.locals(cycle=Cycle)
    cpdef object close(self, error_code)
    @cython.locals(fields=Rendered, link=Outlet, length=cython.longlong)
    cpdef object respond(self, status, headers, body)
    @cython.locals(octets=bytes, size=Py_ssize_t, link=Outlet)
    cpdef bint write(self, data) except? 0
    cpdef Rendered checked(self, status, headers)
    cpdef bint is_bodiless(self, status)
    cpdef bytes last_lines(self)
