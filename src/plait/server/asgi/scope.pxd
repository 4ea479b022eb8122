cimport cython
from plait.server.asgi.application cimport Application
from plait.server.host cimport Peer

cdef dict _METHODS
cdef dict _SCHEMES
cdef str _OFFERS

cdef class Offers:
    cdef readonly Application application
    cdef readonly str http_version
    cdef readonly Peer peer
    cdef readonly dict plain
    cdef readonly dict pushing
    cdef readonly dict scope

@cython.locals(known=Offers)
cpdef Offers offers(Application application, str http_version, Peer peer)

@cython.locals(
    http_version=str,
    method=bytes,
    scheme=bytes,
    path=bytes,
    peer=Peer,
    can_push=cython.bint,
    known=Offers,
    parts=tuple,
    scope=dict,
)
cpdef dict http_scope(exchange, Application application)
