cimport cython

from plait.http2.connection cimport Connection
from plait.http2.flow cimport ReceiveWindow
from plait.http2.frames cimport append_header, append_uint32, append_window_update
from plait.http2.outbound cimport Outbound
from plait.http2.session cimport Session
from plait.http2.stream cimport Stream

cdef int DATA
cdef int END_STREAM
cdef int PADDED
cdef int PRIORITY
cdef int CLOSED
cdef int HALF_CLOSED_REMOTE
cdef int IDLE
cdef int RESERVED_REMOTE
cdef long long _MOST_PADDING
cdef long long _UNPADDED

cdef class DirectConnection(Connection):
    cpdef object send_headers_frame(self, long long stream_id, object headers, bint end_stream=*, object priority=*)

    @cython.locals(stream=Stream, out=Outbound, length=cython.Py_ssize_t, size=cython.Py_ssize_t)
    cpdef object send_data_frame(self, long long stream_id, object data, bint end_stream=*, long long padding=*)

    @cython.locals(out=Outbound, window=ReceiveWindow, stream=Stream, held=cython.longlong, given=cython.longlong, frames=cython.longlong)
    cpdef object give_credit(self, long long octets, long long stream_id=*)

    @cython.locals(stream=Stream)
    cpdef long long unacknowledged_octets(self, long long stream_id) except -1

    cpdef long long send_window(self, long long stream_id=*) except? -1
    cpdef long long receive_window(self, long long stream_id=*) except? -1
    cpdef bint stream_is_idle(self, long long stream_id)

    @cython.locals(stream=Stream)
    cpdef bint head_sent(self, long long stream_id)

    @cython.locals(stream=Stream)
    cpdef object stream_state(self, long long stream_id)
