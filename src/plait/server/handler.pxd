cimport cython
from plait.http2.connection cimport Connection
from plait.http2.submission cimport response_fields
from plait.server.link cimport Link

cdef class BaseRequestHandler:
    cdef public Link http2
    cdef public long long stream_id
    cdef public object remote_address
    cdef public object scheme
    cdef public object method
    cdef public object host
    cdef public object path
    cdef public object headers
    cdef public object status
    cdef public bint pushed
    cdef public list _h2_fields
    cdef public object _h2_body
    cdef public object _h2_trailers
    cdef public bint _h2_held
    cdef public int _h2_plan
    cdef public bint _h2_failed
    cdef public bint _h2_closed
    cdef public object _h2_work
    cdef public dict _h2_shown
    cdef public list _h2_received_trailers
    cdef object __weakref__

    cdef object _h2_prepare(self, Link http2, long long stream_id)
    cpdef object _h2_hear(self, event)
    cpdef object _h2_ended(self, error_code)
    @cython.locals(code=int, fields=list, link=Link)
    cpdef object _h2_respond(self, status, headers, body, trailers)
    @cython.locals(engine=Connection)
    cpdef object _h2_submit(self)
    cpdef object _h2_log_access(self)
