cimport cython
from plait.server.http1.request cimport RequestHead

cdef bytes _HTTP_11
cdef bytes _HTTP_10

cdef class HeadReader:
    cdef readonly Py_ssize_t max_octets
    cdef readonly Py_ssize_t max_fields
    cdef readonly Py_ssize_t max_cookies
    cdef readonly object parser
    cdef readonly bytes target
    cdef readonly list given
    cdef readonly object library
    cdef readonly bytes repeated
    cdef readonly RequestHead repeated_head

    cpdef RequestHead recall(self, bytes data)
    @cython.locals(head=RequestHead, line=bytes, version=bytes, method=bytes, lines=Py_ssize_t, feeds=Py_ssize_t)
    cpdef RequestHead read(self, bytes octets)
    cpdef object on_header(self, bytes name, bytes value)
    cpdef bytes parse(self, bytes octets, bytes line)

cdef bytes _version_of(bytes line)
