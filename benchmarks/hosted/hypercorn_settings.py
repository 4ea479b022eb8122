"""What hypercorn's command line has no option for."""

from __future__ import annotations

#: It ends a connection after so many; ours are to last as long as the load.
keep_alive_max_requests = 10**9
