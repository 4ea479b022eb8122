cimport cython
from plait.server.host cimport Cycle
from plait.server.wsgi.head cimport Head
from plait.server.wsgi.mailbox cimport Mailbox
from plait.server.wsgi.service cimport Backlog, Service, backlog_of

cdef object _BytesIO

cdef class WSGICycle(Cycle):
    cdef readonly Service service
    cdef readonly object exchange
    cdef readonly bint gone
    cdef Mailbox _mailbox
    cdef Head _head
    cdef bytes _answer
    cdef bint _submitted
    cdef bint _begun
    cdef object _body
    cdef object _timer
    cdef bint _over
    cdef Backlog _backlog
    cdef bint _measures
    cdef long long _waiting
    cdef long long _kept
    cdef object _changed
    cdef long long _pending
    cdef bint _blocked

    cpdef object _submit(self)
    cpdef object _turn_away(self)
    cpdef object _leave_backlog(self)
    cpdef object _release(self)
    cpdef object _give_back(self)
    cpdef object deliver(self)
    cpdef object run(self)
    cpdef object respond(self, Head head, bytes body)
    cpdef object send(self, bytes data, Head head)
    cpdef dict _environ(self, response)
