cimport cython
from plait.server.host cimport Cycle
from plait.server.http1.link cimport H1Link
from plait.server.http1.request cimport RequestHead
from plait.server.http1.responses cimport Rendered, rendered

cdef Py_ssize_t _TOGETHER
cdef int _NOTHING
cdef int _BODILESS
cdef int _LENGTH
cdef int _CHUNKS
cdef int _CLOSE
cdef int _TUNNEL

cdef class H1Exchange:
    cdef readonly H1Link link
    cdef readonly object loop
    cdef public object peer
    cdef public bytes scheme
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

    cpdef tuple told(self)
    cpdef object prepare(self, H1Link link, RequestHead head, bint complete)
    @cython.locals(cycle=Cycle, link=H1Link)
    cpdef object begin(self)
    @cython.locals(cycle=Cycle)
    cpdef object data(self, bytes data)
    @cython.locals(cycle=Cycle)
    cpdef object end(self, list trailers)
    @cython.locals(cycle=Cycle)
    cpdef object close(self, error_code)
    @cython.locals(fields=Rendered, link=H1Link, length=cython.longlong, head=bytes)
    cpdef object respond(self, long long status, headers, bytes body)
    @cython.locals(octets=bytes, size=Py_ssize_t, link=H1Link)
    cpdef bint write(self, data) except? 0
    cpdef Rendered checked(self, long long status, headers)
    cpdef bint is_bodiless(self, long long status)
    cpdef bytes last_lines(self)
    cpdef bint is_short(self)
    cpdef object may_write(self)
    cpdef object writable(self)
    cpdef bytes wrap(self, bytes data)
