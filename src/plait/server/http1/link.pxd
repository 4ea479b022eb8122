from plait.server.http1.outlet cimport H1Outlet

cdef class H1Link(H1Outlet):
    cdef readonly object server
    cdef readonly object host
    cdef readonly object proxies
    cdef readonly object observer
    cdef readonly object log
    cdef public bytes scheme
    cdef public object peer

    cpdef object run_soon(self)
    cpdef bint goes_on(self) except -1
    cpdef object consumed(self, long long octets)
    cpdef object begin_tunnel(self)
    cpdef object cut_off(self, error_code)
