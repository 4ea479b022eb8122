cimport cython
from plait.hpack.encoder cimport Encoder
from plait.http2.fields cimport identical
from plait.http2.frames cimport append_header, append_uint32, write_header

cdef int CONTINUATION
cdef int END_HEADERS
cdef int END_STREAM
cdef int HEADERS
cdef int PRIORITY_FLAG
cdef int PUSH_PROMISE
cdef Py_ssize_t _REPEATED_MAX
cdef bytes _FRAME_HEADER

cdef class Output:
    cdef public bytearray buffer
    cdef public Encoder encoder
    cdef public Py_ssize_t max_frame_size
    cdef public Py_ssize_t max_unsent
    cdef public bytes priority
    cdef public long long repeated_added
    cdef public bytes repeated_block
    cdef public list repeated_fields
    cdef public Py_ssize_t segment_octets
    cdef public list segments
    cdef public Py_ssize_t unsent_acknowledgements
    cdef public Py_ssize_t unsent_answers

    @cython.locals(buffer=bytearray, start=cython.Py_ssize_t, length=cython.Py_ssize_t, flags=cython.int)
    cpdef object write_headers(self, long long stream_id, list fields, bint end_stream)
    @cython.locals(encoder=Encoder, added=cython.longlong, start=cython.Py_ssize_t, length=cython.Py_ssize_t)
    cpdef object append_block(self, bytearray buffer, list fields)
    cpdef object resize_table(self, long long size)
    @cython.locals(buffer=bytearray, start=cython.Py_ssize_t, length=cython.Py_ssize_t)
    cpdef object write_push_promise(self, long long stream_id, long long promised_id, list fields)
    @cython.locals(buffer=bytearray)
    cpdef object split_block(self, Py_ssize_t start, int frame_type, int flags, long long stream_id)
    @cython.locals(buffer=bytearray)
    cpdef bytes take(self)
    @cython.locals(segments=list)
    cpdef list take_segments(self)
