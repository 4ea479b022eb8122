cimport cython
from plait.server.asgi.application cimport Application
from plait.server.asgi.fields cimport CheckedFields, checked_fields
from plait.server.asgi.scope cimport http_scope
from plait.server.asgi.task cimport failure, start
from plait.server.host cimport Cycle

cdef int _EXPECTED
cdef int _HELD
cdef int _BODY
cdef int _TRAILERS
cdef int _COMPLETE
cdef object _NOTHING
cdef object _running_loop
cdef object _DONE

cdef class Done:
    pass

cdef class HTTPCycle(Cycle):
    cdef Application _application
    cdef object _exchange
    cdef object _starter
    cdef list _chunks
    cdef bint _ended
    cdef bint _told
    cdef bint _expecting
    cdef int _phase
    cdef int _status
    cdef list _headers
    cdef bint _promised_trailers
    cdef list _trailers
    cdef bint _silent
    cdef long long _declared
    cdef long long _written
    cdef bint _blocked
    cdef bint _over
    cdef long long _error_code
    cdef list _waiting

    cpdef object _run(self)
    cpdef object _ran(self, task)
    cpdef object _failed(self, error)
    @cython.locals(chunks=list)
    cpdef dict _take(self)
    cpdef object _send(self, dict message)
    @cython.locals(fields=CheckedFields)
    cpdef object _start(self, dict message)
    @cython.locals(phase=int, last=bint, size=Py_ssize_t)
    cpdef object _body(self, dict message)
    cpdef object _respond(self, bytes body)
    cpdef object _begin_body(self)
    cpdef object _end_body(self)
    @cython.locals(chunks=list)
    cpdef object _complete(self)
    cpdef object _say_nothing(self, bint last)
    cpdef object _count(self, Py_ssize_t size, bint last)
    cpdef object _future(self)
    @cython.locals(waiting=list)
    cpdef object _wake(self)

cpdef bytes octets_of(body)
