"""Who is trusted: addresses, networks, Unix sockets, or everybody."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# Judgements that are kept. Clients behind a proxy come from anywhere: it must not grow for ever.
_KEPT = 1024


class Networks:
    """A list of addresses and networks.

    :param texts: ``"192.0.2.1"``, ``"10.0.0.0/8"``, ``"2001:db8::/32"``, ``"unix"`` for every Unix
        socket, ``"*"`` for everybody.
    :raises ValueError: for anything else.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        if isinstance(texts, str):
            raise ValueError(f"trusted proxies are a list, not {texts!r}")  # noqa: TRY004
        self._everybody = False
        self._unix = False
        self._networks: list[_Network] = []
        self._judged: dict[str, bool] = {}
        for text in texts:
            if text == "*":
                self._everybody = True
            elif text == "unix":
                self._unix = True
            else:
                self._networks.append(_network(text))

    def __contains__(self, host: str | None) -> bool:
        """Whether an address is in one of them; ``None`` stands for a Unix socket."""
        if self._everybody:
            return True
        if host is None:
            return self._unix
        known = self._judged.get(host)
        if known is None:
            if len(self._judged) >= _KEPT:
                self._judged.clear()
            known = self._judged[host] = self._judge(host)
        return known

    def _judge(self, host: str) -> bool:
        address = ip_address(host)
        if address is None:
            return False
        return any(address in network for network in self._networks)


def ip_address(text: str) -> _Address | None:
    """Return an address as we compare it: IPv4 as such even in IPv6's clothes, no scope."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def same_host(one: str, other: str) -> bool:
    """Whether two texts are the same address, however it is written."""
    return one == other or (ip_address(one) is not None and ip_address(one) == ip_address(other))


def _network(text: str) -> _Network:
    try:
        return ipaddress.ip_network(text)
    except ValueError as error:
        raise ValueError(
            f"{text!r} is no trusted proxy: wanted an address, a network such as 10.0.0.0/8, "
            f"unix or * ({error})"
        ) from None
