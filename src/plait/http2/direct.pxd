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
cdef Py_ssize_t DRIBBLE_MAX

cdef class DirectConnection(Connection):
    # What callers give stays an object until its range was checked: a number of any size is
    # theirs to give, and OverflowError no answer.
    @cython.locals(later=cython.bint, stream=Stream)
    cpdef object send_headers_frame(self, object stream_id, object headers, bint end_stream=*, object priority=*)

    @cython.locals(stream=Stream, out=Outbound, length=cython.Py_ssize_t, size=cython.Py_ssize_t)
    cpdef object send_data_frame(self, object stream_id, object data, bint end_stream=*, object padding=*)

    @cython.locals(out=Outbound, window=ReceiveWindow, session=Session, stream=Stream, most=cython.longlong, held=cython.longlong, given=cython.longlong, frames=cython.longlong)
    cpdef object give_credit(self, object octets, object stream_id=*)

    @cython.locals(stream=Stream)
    cpdef long long unacknowledged_octets(self, object stream_id) except -1

    @cython.locals(stream=Stream)
    cpdef long long send_window(self, object stream_id=*) except? -1
    @cython.locals(out=Outbound, window=ReceiveWindow)
    cpdef long long receive_window(self, object stream_id=*) except? -1
    cpdef bint stream_is_idle(self, object stream_id) except -1

    @cython.locals(stream=Stream)
    cpdef bint head_sent(self, object stream_id) except -1

    @cython.locals(stream=Stream)
    cpdef object stream_state(self, object stream_id)

    @cython.locals(stream=Stream)
    cpdef Stream _living(self, object stream_id)
