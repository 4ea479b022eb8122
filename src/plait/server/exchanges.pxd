cimport cython
from plait.http2.connection cimport Connection
from plait.http2.events cimport (
    DataReceived,
    RequestReceived,
    StreamClosed,
    StreamReset,
    TrailersReceived,
)
from plait.server.handler cimport BaseRequestHandler
from plait.server.inlet cimport Inlet

cdef int _ASYNC
cdef int _ON_HEADERS
cdef int _ON_DATA
cdef int _ON_DONE
cdef int _ON_CLOSE
cdef int _HOSTED

cdef class Exchanges(Inlet):
    cdef readonly object server
    cdef readonly object handler_factory
    cdef readonly type planned
    cdef readonly int plan
    cdef readonly dict streams
    cdef readonly long long highest_stream_id
    cdef readonly object pushes
    cdef readonly dict refusals
    cdef object __weakref__

    @cython.locals(handler=BaseRequestHandler)
    cpdef object request_received(self, RequestReceived event)
    @cython.locals(handler=BaseRequestHandler)
    cpdef object data_arrived(self, DataReceived event)
    cpdef object request_done(self, BaseRequestHandler handler)
    cpdef object call(self, BaseRequestHandler handler, int callback, bytes data)
    cpdef object stream_closed(self, StreamClosed event)
    @cython.locals(handler=BaseRequestHandler)
    cpdef object trailers_received(self, TrailersReceived event)
    cpdef object keep_trailers(self, BaseRequestHandler handler, list fields)
    cpdef object stream_reset(self, StreamReset event)
    cpdef BaseRequestHandler new_handler(self, stream_id)
    @cython.locals(handler=BaseRequestHandler)
    cpdef BaseRequestHandler make_handler(self, stream_id)
    cpdef object join_cookies(self, BaseRequestHandler handler)
    cpdef object callback_failed(self, BaseRequestHandler handler, error)
    @cython.locals(handler=BaseRequestHandler)
    cpdef object close_stream(self, stream_id, error_code)
    cpdef object call_on_close(self, BaseRequestHandler handler, error_code)
