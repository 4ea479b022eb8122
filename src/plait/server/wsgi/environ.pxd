cimport cython
from plait.server.host cimport Peer

cdef dict _keys
cdef Py_ssize_t _MOST_KEYS
cdef Py_ssize_t _LONGEST
cdef frozenset _SINGLE
cdef str _CONTEXT

@cython.locals(name=bytes, value=bytes, key=str, text=str, before=str)
cpdef object add_fields(dict environ, list fields)
cpdef str _new_key(bytes name)
cpdef str decoded_path(bytes path)

cdef class EnvironMaker:
    cdef str _root
    cdef dict _common

    @cython.locals(peer=Peer, known=tuple, environ=dict, target=bytes, path=bytes, query=bytes, method=bytes, scheme_octets=bytes, fields=list)
    cpdef dict environ(self, exchange)
    cpdef str _path_info(self, bytes path)
    @cython.locals(template=dict)
    cpdef dict _template(self, Peer peer)
