cimport cython
from plait.server.asgi.application cimport Application
from plait.server.host cimport Cycle

cdef class RequestCycle(Cycle):
    cdef Application _application
    cdef object _exchange
    cdef object _starter
    cdef list _chunks
    cdef bint _ended
    cdef bint _told
    cdef bint _expecting
    cdef bint _finished
    cdef bint _blocked
    cdef bint _over
    cdef long long _error_code
    cdef list _waiting

    cdef object _prepare(self, Application application, exchange)
    cpdef object _run(self)
    @cython.locals(chunks=list)
    cpdef dict _take(self)
    @cython.locals(chunks=list)
    cpdef object _finish(self)
    cpdef object _future(self)
    @cython.locals(waiting=list)
    cpdef object _wake(self)
