from plait.server.wsgi.environ cimport EnvironMaker
from plait.server.wsgi.pool cimport ThreadPool

cdef class Service:
    cdef readonly object app
    cdef readonly double body_wait
    cdef readonly EnvironMaker environs
    cdef public ThreadPool pool
    cdef public long long gathered
