cimport cython
from plait.http2.outbound cimport Outbound
from plait.http2.session cimport Session
from plait.http2.stream cimport Stream
from plait.http2.submission cimport response_fields
from plait.http2.view cimport ConnectionView

cdef class Connection(ConnectionView):
    cdef bint _initiated
    cdef object _role
    cdef object __weakref__

    @cython.locals(session=Session, events=list)
    cpdef list receive_data(self, data)
    @cython.locals(out=Outbound)
    cpdef bytes data_to_send(self, Py_ssize_t limit=*)
    cpdef list segments_to_send(self, Py_ssize_t limit=*)
    @cython.locals(events=list)
    cpdef list take_events(self)
    cpdef object send_response(self, object stream_id, status, headers=*, body=*)
    cpdef object send_prepared(self, object stream_id, list fields, body=*)
    @cython.locals(stream=Stream)
    cpdef object send_headers(self, object stream_id, headers, bint end_stream=*)
    cpdef object send_data(self, object stream_id, data, bint end_stream=*)
    cpdef object resume(self, object stream_id)
    @cython.locals(stream=Stream, frames=cython.longlong, consumed=cython.longlong)
    cpdef object acknowledge_received_data(self, long long octets, object stream_id)
    cdef object _announce(self, dict settings)
    cdef object _begin(self, dict settings)
    cdef object _check_change(self, long long code, long long value)
    cdef object _require_room(self, Py_ssize_t octets)
    cdef object _require_server(self, str what)
