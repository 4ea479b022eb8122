cimport cython
from plait.server.asgi.application cimport Application
from plait.server.asgi.fields cimport CheckedFields, checked_fields
from plait.server.asgi.request cimport RequestCycle
from plait.server.asgi.scope cimport http_scope
from plait.server.asgi.task cimport failure, start

cdef int _EXPECTED
cdef int _HELD
cdef int _BODY
cdef int _TRAILERS
cdef object _running_loop

cdef class HTTPCycle(RequestCycle):
    cdef int _phase
    cdef int _status
    cdef list _headers
    cdef bint _promised_trailers
    cdef list _trailers
    cdef bint _silent
    cdef long long _declared
    cdef long long _written
    cdef bint _late

    cpdef object _run(self)
    cpdef object _ran(self, task)
    cpdef object _failed(self, error)
    cpdef object _send(self, dict message)
    @cython.locals(fields=CheckedFields)
    cpdef object _start(self, dict message)
    @cython.locals(phase=int, last=bint, size=Py_ssize_t)
    cpdef object _body(self, dict message)
    cpdef object _respond(self, bytes body)
    cpdef object _begin_body(self)
    cpdef object _end_body(self)
    cpdef object _say_nothing(self, bint last)
    cpdef object _count(self, Py_ssize_t size, bint last)

cpdef bytes octets_of(body)
