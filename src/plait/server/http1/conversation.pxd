cimport cython
from plait.server.http1.exchange cimport H1Exchange
from plait.server.http1.heads cimport HeadReader
from plait.server.http1.link cimport H1Link
from plait.server.http1.request cimport RequestHead

cdef int _TUNNELLING
cdef int _LINGERING
cdef Py_ssize_t _READ_AHEAD
cdef Py_ssize_t _CR
cdef Py_ssize_t _IN_A_ROW

cdef class Conversation(H1Link):
    cdef public long long phase
    cdef public bint secure
    cdef public long long requests_received
    cdef readonly HeadReader reader
    cdef readonly long long window
    cdef public bytes unheard
    cdef public Py_ssize_t heard
    cdef public Py_ssize_t scanned
    cdef readonly bint blank
    cdef readonly H1Exchange exchange
    cdef public object body
    cdef readonly long long unconsumed
    cdef readonly long long drained
    cdef public bint busy
    cdef readonly bint due
    cdef public bint deaf
    cdef public bint input_ended
    cdef public bint leaving
    cdef public bint said_goodbye

    cpdef object run_soon(self)
    cpdef object run(self)
    cpdef bint go_on(self) except -1
    @cython.locals(exchange=H1Exchange, begun=Py_ssize_t)
    cpdef object advance(self)
    cpdef bint may_answer(self) except -1
    @cython.locals(data=bytes, end=Py_ssize_t, octets=bytes, head=RequestHead, exchange=H1Exchange)
    cpdef bint begin_request(self) except -1
    cpdef Py_ssize_t find_head(self, bytes data) except -2
    cpdef object move_to(self, Py_ssize_t heard)
    cpdef object regulate(self)
    cpdef bint goes_on(self) except -1
    cpdef object end_response(self, H1Exchange exchange)
    @cython.locals(exchange=H1Exchange)
    cpdef object end_exchange(self, error_code)
