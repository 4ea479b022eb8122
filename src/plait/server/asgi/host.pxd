from plait.server.asgi.application cimport Application

cdef class ASGIHost(Application):
    cdef double _patience
    cdef object _websocket
    cdef object _lifespan

    cpdef object open(self, exchange)
