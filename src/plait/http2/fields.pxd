cimport cython

cdef dict _remembered
cdef dict _remembered_pseudo
cdef bytes _NAME
cdef bytes _TOKEN
cdef bytes _SCHEME
cdef bytes _VALUE
cdef bytes _AUTHORITY
cdef bytes _PATH
cdef bytes _UPGRADE
cdef frozenset CONNECTION_FIELDS
cdef dict _SPECIAL

cpdef int classify(bytes name, bytes value) except? -100
cdef bint _is_blank(int octet)
cdef int _classify_pseudo(bytes name, bytes value) except? -100
cpdef bint is_status(bytes value)
cdef object _remember(object given, object field)
cdef class Section:
    cdef readonly list given
    cdef readonly list ready
    cdef readonly bint pseudo

cdef class _Last:
    cdef public Section section

cdef _Last _last

@cython.locals(given=list, last=Section, ready=list, constant=cython.bint, allowed=cython.bint, known=tuple, name=bytes)
cpdef list outgoing_fields(object fields, bint pseudo)
@cython.locals(at=cython.Py_ssize_t)
cpdef bint identical(list fields, list others)
cdef bint _may_change(tuple given)
cdef object _outgoing_pair(object given, bint allowed, bint pseudo)
cdef object _outgoing_other(object given, bint allowed, bint pseudo)
cdef bytes _octets(object given, str what)
