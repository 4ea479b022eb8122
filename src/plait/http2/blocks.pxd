cimport cython
from plait.hpack.decoder cimport Decoder
from plait.http2.events cimport request_received, stream_closed
from plait.http2.frames cimport uint32
from plait.http2.heads cimport Head, request_head, response_head, check_trailers
from plait.http2.outbound cimport Outbound
from plait.http2.session cimport Session
from plait.http2.stream cimport Stream
from plait.http2.streams cimport StreamTable

cdef int END_HEADERS
cdef int END_STREAM
cdef int PADDED
cdef int PRIORITY_FLAG
cdef int CLOSED
cdef int HALF_CLOSED_REMOTE
cdef int RESERVED_REMOTE

cdef class FieldBlocks:
    cdef public bint checks
    cdef public Py_ssize_t continuations
    cdef public long long decoded_octets
    cdef public bytearray fragments
    cdef public Py_ssize_t max_continuations
    cdef public long long max_held_octets
    cdef public bint open_end_stream
    cdef public long long open_promised
    cdef public long long open_stream
    cdef public dict priorities
    cdef public bytes priority
    cdef public bytes repeated_block
    cdef public long long repeated_generation
    cdef public Head repeated_head
    cdef public Session session
    cdef public bytes transport_scheme

    @cython.locals(end=cython.Py_ssize_t)
    cpdef object on_headers(self, bytes data, Py_ssize_t start, Py_ssize_t length, int flags, long long stream_id)
    cpdef object on_continuation(self, bytes data, Py_ssize_t start, Py_ssize_t length, int flags, long long stream_id)
    cpdef object check_size(self, Py_ssize_t octets)
    cpdef str decode(self, bytes block, list fields, list kinds)
    @cython.locals(session=Session, stream=Stream)
    cpdef object on_block(self, bytes block, long long stream_id, bint end_stream)
    @cython.locals(session=Session, decoder=Decoder, generation=cython.longlong, head=Head)
    cpdef object on_request(self, bytes block, long long stream_id, bint end_stream)
    @cython.locals(session=Session, streams=StreamTable, stream=Stream, limit=cython.longlong)
    cpdef object open_request(self, Head head, long long stream_id, bint end_stream, str slug)
    @cython.locals(out=Outbound, held=cython.longlong)
    cpdef object hold_fields(self, Stream stream, int error_code)
    cpdef object prioritise(self, Stream stream, Head head)
    @cython.locals(session=Session, head=Head)
    cpdef object on_response(self, bytes block, Stream stream, bint end_stream)
    @cython.locals(out=Outbound)
    cpdef object end(self, Stream stream)

cpdef Py_ssize_t unpadded_end(bytes data, Py_ssize_t start, Py_ssize_t length, str slug) except -1
