cimport cython
from plait.hpack.decoder cimport Decoder
from plait.http2.outbound cimport Outbound
from plait.http2.stream cimport Stream
from plait.http2.streams cimport StreamTable

cdef int IDLE

cdef class Session:
    cdef public object budgets
    cdef public bint closed
    cdef public object config
    cdef public Decoder decoder
    cdef public list events
    cdef public bint extended_connect
    cdef public long long goaway_last
    cdef public bint goaway_received
    cdef public bint is_server
    cdef public bint list_size_set
    cdef public object local
    cdef public Py_ssize_t max_frame_size
    cdef public long long max_held_frames
    cdef public long long max_streams
    cdef public Outbound out
    cdef public long long peer_resets
    cdef public bint push_refused
    cdef public long long received_frames
    cdef public long long received_octets
    cdef public object remote
    cdef public long long remote_window
    cdef public long long requests
    cdef public bint shutting_down
    cdef public StreamTable streams

    @cython.locals(streams=StreamTable, out=Outbound, octets=cython.longlong, requests=cython.longlong, frames=cython.longlong)
    cpdef long long work(self)
    cpdef long long paid_resets(self)
    cpdef object spend_control(self)
    cpdef object terminate(self, long long error_code, bytes debug)
    cpdef bint is_beyond_goaway(self, long long stream_id)
