cimport cython

cdef dict _remembered
cdef dict _remembered_pseudo
cdef bytes _NAME
cdef bytes _TOKEN
cdef bytes _SCHEME
cdef bytes _VALUE
cdef bytes _AUTHORITY
cdef bytes _PATH
cdef frozenset _CONNECTION_FIELDS
cdef dict _SPECIAL

cpdef int classify(bytes name, bytes value) except? -100
cdef int _classify_pseudo(bytes name, bytes value) except? -100
cpdef bint is_status(bytes value)
cdef object _remember(object given, object field)
@cython.locals(ready=list)
cpdef list outgoing_fields(object fields, bint pseudo)
cdef object _outgoing_pair(object given, bint pseudo)
cdef object _outgoing_other(object given, bint pseudo)
cdef bytes _octets(object given, str what)
