cimport cython
from plait.http2.body cimport Body
from plait.http2.flow cimport ReceiveWindow

cdef int CLOSED
cdef int HALF_CLOSED_LOCAL
cdef int HALF_CLOSED_REMOTE
cdef int IDLE
cdef int OPEN
cdef int RESERVED_LOCAL
cdef int RESERVED_REMOTE

cdef class Stream:
    cdef readonly int id
    cdef public int state
    cdef public int urgency
    cdef public long long send_window
    cdef public long long sent_octets
    cdef public long long unacknowledged
    cdef public long long expected
    cdef public long long field_octets
    cdef public long long held_frames
    cdef public long long rest
    cdef public ReceiveWindow receive_window
    cdef public Body body
    cdef public list pending_head
    cdef public bint counted
    cdef public bint deferred
    cdef public bint head_received
    cdef public bint head_sent
    cdef public bint headless
    cdef public bint incremental
    cdef public bint queued
    cdef public bint reluctant
    cdef public bint tunnel

    cpdef object begin(self, int stream_id, long long send_window)
    cpdef object send_headers(self)
    cpdef object send_end_stream(self)
    cpdef object send_push_promise(self)
    cpdef bint can_send_data(self)
    cpdef object recv_headers(self)
    cpdef object recv_end_stream(self)
    cpdef object recv_push_promise(self)
    cpdef bint can_receive_data(self)
    cpdef object close(self)

@cython.locals(stream=Stream)
cpdef Stream new_stream(int stream_id, long long send_window)
