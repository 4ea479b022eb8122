cimport cython
from plait.http2.body cimport Body
from plait.http2.events cimport stream_closed
from plait.http2.flow cimport ReceiveWindow
from plait.http2.scheduler cimport Scheduler
from plait.http2.stream cimport Stream
from plait.http2.streams cimport StreamTable
from plait.http2.frames cimport append_header, append_rst_stream, append_window_update
from plait.http2.output cimport Output

cdef int DATA
cdef int END_STREAM
cdef int CLOSED
cdef int IDLE
cdef Py_ssize_t _COPY_MAX
cdef Py_ssize_t _DIRECT_MAX
cdef Py_ssize_t _CONTROL
cdef Py_ssize_t _HEADER
cdef Py_ssize_t _DRIBBLE_MAX

cdef class Outbound(Output):
    cdef public long long announced_window
    cdef public bint closing_is_reset
    cdef public bint direct
    cdef public long long dribbled
    cdef public long long dropped_octets
    cdef public list events
    cdef public bint filling
    cdef public long long held_field_octets
    cdef public long long held_frames
    cdef public bint holds_heads
    cdef public bytes large_header
    cdef public long long large_id
    cdef public Py_ssize_t large_length
    cdef public long long late_octets
    cdef public dict pending_heads
    cdef public ReceiveWindow receive_window
    cdef public long long remote_max_streams
    cdef public Scheduler scheduler
    cdef public long long sent_frames
    cdef public long long sent_octets
    cdef public list source_errors
    cdef public list starved
    cdef public long long stream_window
    cdef public StreamTable streams
    cdef public long long window

    @cython.locals(pushed=cython.bint, behind=cython.bint, unread=cython.Py_ssize_t, waits=cython.bint)
    cpdef object send_head(self, Stream stream, list fields, bint end_stream)
    cpdef object keep_head(self, Stream stream, list fields, bint end_stream)
    cpdef object require_room_for_push(self)
    @cython.locals(waiting=cython.Py_ssize_t)
    cpdef Py_ssize_t unread_octets(self) except -1
    @cython.locals(stream=Stream, body=Body, streams=StreamTable, full=cython.bint, waiting=cython.bint, ordered=list, waiting_streams=list)
    cpdef object flush_heads(self)
    @cython.locals(length=cython.Py_ssize_t, body=Body)
    cpdef object send_octets(self, Stream stream, object data, bint end_stream)
    cpdef object body_grew(self, Stream stream, Body body)
    @cython.locals(buffer=bytearray, segments=list)
    cpdef object write_data(self, Stream stream, object data, Py_ssize_t length, bint end_stream)
    @cython.locals(buffer=bytearray, octets=bytes, alone=cython.bint)
    cpdef bytes before_segment(self, long long stream_id, Py_ssize_t length, bint end_stream)
    @cython.locals(stream=Stream)
    cpdef object fill(self, Py_ssize_t limit)
    @cython.locals(body=Body, most=cython.longlong, length=cython.Py_ssize_t, waits=cython.bint, ends=cython.bint)
    cpdef object serve(self, Stream stream)
    cpdef object defer(self, Stream stream, Body body)
    cpdef object set_aside(self, Stream stream, Body body)
    @cython.locals(stream=Stream)
    cpdef object feed_starved(self)
    @cython.locals(body=Body)
    cpdef object revive(self, Stream stream)
    @cython.locals(body=Body)
    cpdef object resume(self, Stream stream)
    cpdef object source_failed(self, Stream stream, object error)
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
    cpdef bint wants_write(self)
    cpdef bint has_sendable_heads(self)
    cpdef object require_sendable(self, Stream stream, str what)
