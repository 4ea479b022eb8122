cimport cython
from plait.server.host cimport Peer
from plait.server.wsgi.environ cimport EnvironMaker
from plait.server.wsgi.pool cimport ThreadPool

cdef str _CONTEXT

cdef class Backlog:
    cdef public long long octets

@cython.locals(context=dict, backlog=Backlog)
cpdef Backlog backlog_of(Peer peer)

cdef class Service:
    cdef readonly object app
    cdef readonly double body_wait
    cdef readonly EnvironMaker environs
    cdef public ThreadPool pool
    cdef public long long kept
