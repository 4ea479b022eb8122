cimport cython
from plait.http2.events cimport stream_closed
from plait.http2.flow cimport ReceiveWindow
from plait.http2.frames cimport append_header, append_rst_stream, append_window_update
from plait.http2.output cimport Output
from plait.http2.scheduler cimport Scheduler
from plait.http2.stream cimport Stream
from plait.http2.streams cimport StreamTable

cdef int DATA
cdef int END_STREAM
cdef int CLOSED
cdef int IDLE
cdef Py_ssize_t COPY_MAX
cdef Py_ssize_t _CONTROL
cdef Py_ssize_t _HEADER

cdef class Ending(Output):
    cdef public long long announced_window
    cdef public bint closing_is_reset
    cdef public long long dropped_octets
    cdef public list events
    cdef public long long held_field_octets
    cdef public long long held_frames
    cdef public bytes large_header
    cdef public long long large_id
    cdef public Py_ssize_t large_length
    cdef public long long late_octets
    cdef public dict pending_heads
    cdef public ReceiveWindow receive_window
    cdef public Scheduler scheduler
    cdef public long long sent_frames
    cdef public long long sent_octets
    cdef public long long stream_window
    cdef public StreamTable streams
    cdef public long long window

    @cython.locals(buffer=bytearray, segments=list)
    cpdef object write_data(self, Stream stream, object data, Py_ssize_t length, bint end_stream)
    @cython.locals(buffer=bytearray, octets=bytes, alone=cython.bint)
    cpdef bytes before_segment(self, long long stream_id, Py_ssize_t length, bint end_stream)
    cpdef object end_stream(self, Stream stream)
    @cython.locals(window=ReceiveWindow, credit=cython.longlong)
    cpdef bint waits_with_end(self, Stream stream)
    cpdef object drop(self, Stream stream, long long octets, long long length, bint end_stream)
    cpdef object end_response(self, Stream stream)
    @cython.locals(stream=Stream, streams=list)
    cpdef object end_responses(self)
    @cython.locals(window=ReceiveWindow, credit=cython.longlong)
    cpdef object write_reset(self, Stream stream, long long error_code)
    cpdef object refuse(self, long long stream_id, long long error_code)
    @cython.locals(held=cython.longlong)
    cpdef object forget(self, Stream stream)
    @cython.locals(increment=cython.longlong)
    cpdef object credit(self, long long octets)
    @cython.locals(window=ReceiveWindow, increment=cython.longlong)
    cpdef object credit_stream(self, Stream stream, long long octets)
