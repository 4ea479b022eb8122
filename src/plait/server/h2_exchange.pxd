cimport cython
from plait.http2.connection cimport Connection
from plait.http2.events cimport DataReceived, RequestReceived, TrailersReceived
from plait.http2.submission cimport response_fields
from plait.server.dates cimport date_field
from plait.server.handler cimport BaseRequestHandler
from plait.server.host cimport Cycle
from plait.server.link cimport Link
from plait.server.outgoing cimport Outgoing

cdef class _Last:
    cdef readonly list fields
    cdef readonly tuple made
    cdef readonly list dated

cdef _Last _last

cdef class Opener:
    cdef readonly object host
    cdef readonly object proxies
    cdef readonly object observer

cdef class H2Exchange(BaseRequestHandler):
    cdef readonly Opener opener
    cdef readonly object loop
    cdef public object peer
    cdef public bytes protocol
    cdef public bint complete
    cdef readonly bint can_push
    cdef public Cycle cycle
    cdef public double began
    cdef public long long octets_out
    cdef Outgoing _outgoing
    cdef bint _finished
    cdef bint _bodiless

    cpdef tuple told(self)
    @cython.locals(cycle=Cycle)
    cpdef object _h2_hear(self, event)
    @cython.locals(link=Link, opener=Opener, cycle=Cycle)
    cpdef object _begin(self, bint complete)
    @cython.locals(name=bytes, fields=list)
    cpdef object _take_fields(self, list received)
    @cython.locals(cycle=Cycle)
    cpdef object _h2_ended(self, error_code)
    cpdef object _failed(self, error)
    @cython.locals(engine=Connection, fields=list)
    cpdef object respond(self, status, headers, body)
    @cython.locals(engine=Connection, fields=list)
    cpdef object start(self, status, headers)
    @cython.locals(outgoing=Outgoing, link=Link, engine=Connection)
    cpdef bint write(self, data) except? 0
    @cython.locals(engine=Connection)
    cpdef object consumed(self, Py_ssize_t octets)
    cpdef list _checked(self, status, headers)
    @cython.locals(engine=Connection)
    cpdef object _resume(self)
    @cython.locals(link=Link)
    cpdef object _leave(self)

@cython.locals(last=_Last, made=tuple)
cpdef list dated(list fields)
