cimport cython

cdef frozenset _SECRETS
cdef bytes _PROXY_SECRET
cdef dict _normalised
cdef dict _normalised_text
cdef dict _decoded

@cython.locals(known=dict, ready=list)
cpdef list normalised(object headers, bint split_cookies)
cpdef list as_given(object headers)
cdef dict _known(object given)
cdef object _normal_remembered(tuple given, dict known)
cdef object _normal(object given)
cdef object _octets(object given)
cdef object _like(object given, object name, object value)
cpdef list joined_cookies(list fields)
@cython.locals(known=dict, ready=list)
cpdef list decoded(list fields, object encoding)
cdef object _decoded_field(object field, object encoding, dict known)
