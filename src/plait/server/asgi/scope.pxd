cimport cython
from plait.server.asgi.application cimport Application
from plait.server.host cimport Peer

cdef dict _VERSIONS
cdef dict _METHODS
cdef dict _SCHEMES
cdef str _OFFERS

cdef class Offers:
    cdef readonly str http_version
    cdef readonly dict plain
    cdef readonly dict pushing

@cython.locals(known=Offers)
cpdef Offers offers(exchange, Peer peer)

@cython.locals(peer=Peer, known=Offers, method=bytes, scheme=bytes, parts=tuple)
cpdef dict http_scope(exchange, Application application)
