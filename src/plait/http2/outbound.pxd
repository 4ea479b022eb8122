cimport cython
from plait.hpack.encoder cimport Encoder
from plait.http2.body cimport Body
from plait.http2.events cimport stream_closed
from plait.http2.fields cimport identical
from plait.http2.flow cimport ReceiveWindow
from plait.http2.scheduler cimport Scheduler
from plait.http2.stream cimport Stream
from plait.http2.streams cimport StreamTable
from plait.http2.frames cimport (
    append_header,
    append_rst_stream,
    append_uint32,
    append_window_update,
    write_header,
)

cdef int CONTINUATION
cdef int DATA
cdef int END_HEADERS
cdef int END_STREAM
cdef int HEADERS
cdef int PUSH_PROMISE
cdef int CLOSED
cdef Py_ssize_t _COPY_MAX
cdef Py_ssize_t _DIRECT_MAX
cdef Py_ssize_t _CONTROL
cdef Py_ssize_t _DRIBBLE_MAX
cdef bytes _FRAME_HEADER

cdef class Outbound:
    cdef public bytearray buffer
    cdef public bint closing_is_reset
    cdef public long long dribbled
    cdef public Encoder encoder
    cdef public list events
    cdef public bint filling
    cdef public long long held_field_octets
    cdef public long long held_frames
    cdef public bint holds_heads
    cdef public Py_ssize_t max_frame_size
    cdef public Py_ssize_t max_unsent
    cdef public dict pending_heads
    cdef public ReceiveWindow receive_window
    cdef public long long remote_max_streams
    cdef public long long repeated_added
    cdef public bytes repeated_block
    cdef public list repeated_fields
    cdef public Scheduler scheduler
    cdef public Py_ssize_t segment_octets
    cdef public list segments
    cdef public long long sent_frames
    cdef public long long sent_octets
    cdef public list source_errors
    cdef public list starved
    cdef public StreamTable streams
    cdef public Py_ssize_t unsent_acknowledgements
    cdef public Py_ssize_t unsent_answers
    cdef public long long window

    @cython.locals(buffer=bytearray, start=cython.Py_ssize_t, length=cython.Py_ssize_t, flags=cython.int)
    cpdef object write_headers(self, long long stream_id, list fields, bint end_stream)
    @cython.locals(encoder=Encoder, added=cython.longlong, start=cython.Py_ssize_t, length=cython.Py_ssize_t)
    cpdef object append_block(self, bytearray buffer, list fields)
    cpdef object resize_table(self, long long size)
    @cython.locals(buffer=bytearray, start=cython.Py_ssize_t, length=cython.Py_ssize_t)
    cpdef object write_push_promise(self, long long stream_id, long long promised_id, list fields)
    @cython.locals(buffer=bytearray)
    cpdef object split_block(self, Py_ssize_t start, int frame_type, int flags, long long stream_id)
    @cython.locals(pushed=cython.bint)
    cpdef object send_head(self, Stream stream, list fields, bint end_stream)
    @cython.locals(stream=Stream, body=Body, streams=StreamTable, full=cython.bint, waiting=cython.bint, ordered=list, waiting_streams=list)
    cpdef object flush_heads(self)
    @cython.locals(length=cython.Py_ssize_t, body=Body)
    cpdef object send_octets(self, Stream stream, object data, bint end_stream)
    cpdef object body_grew(self, Stream stream, Body body)
    @cython.locals(buffer=bytearray)
    cpdef object write_data(self, Stream stream, object data, Py_ssize_t length, bint end_stream)
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
    @cython.locals(buffer=bytearray)
    cpdef bytes take(self)
    @cython.locals(segments=list)
    cpdef list take_segments(self)
    cpdef object require_sendable(self, Stream stream, str what)
