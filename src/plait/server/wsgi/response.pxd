cimport cython
from plait.server.wsgi.cycle cimport WSGICycle
from plait.server.wsgi.head cimport Head, make_head

cdef class Response:
    cdef WSGICycle _cycle
    cdef bint _head_only
    cdef Head _head
    cdef list _trailers
    cdef long long _written
    cdef bint _sent
    cdef bint _complete

    cpdef object run(self, app, dict environ)
    cpdef object fail(self)
    cpdef Head _begun(self)
    cpdef bint _bodiless(self, Head head)
    @cython.locals(head=Head)
    cpdef object _send_whole(self, bytes body)
    @cython.locals(head=Head)
    cpdef object _send_pieces(self, pieces)
    @cython.locals(head=Head)
    cpdef bint _send_file(self, wrapper) except? 0
    cpdef bint _trails(self, Head head)
    cpdef object _send(self, Head head, data)
    @cython.locals(head=Head)
    cpdef object _end(self)
    cpdef object _respond(self, Head head, bytes body)
    @cython.locals(length="long long")
    cpdef object _check_length(self, Head head, long long octets, bint final)
