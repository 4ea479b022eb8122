"""plait's hosts behind HAProxy, nginx and nghttpx: processes of their own, and real sockets."""
