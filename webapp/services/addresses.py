"""Which network addresses a stranger may make this server talk to."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolver = Callable[[str, int, float], list[str]]
AddressRule = Callable[[Address], bool]

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_UNICAST6 = ipaddress.ip_network("2000::/3")


def resolve(host: str, port: int, seconds: float) -> list[str]:
    """Every address the system gives for a host name, without repeats.

    Raises:
        OSError: there is none.
        TimeoutError: no answer in ``seconds``; the system call itself knows no limit.
    """
    pool = ThreadPoolExecutor(1)
    try:
        asked = pool.submit(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
        return list(dict.fromkeys(str(entry[4][0]) for entry in asked.result(seconds)))
    finally:
        pool.shutdown(wait=False)


def parse_address(text: str) -> Address:
    """An address from its text; an IPv6 zone (``%eth0``) is cut off."""
    return ipaddress.ip_address(text.partition("%")[0])


def is_public(address: Address) -> bool:
    """Whether an address belongs to the open internet, looked at through every wrapping of IPv4."""
    inner = _wrapped(address)
    if inner is not None:
        return is_public(inner)
    if address.version == 6 and address not in _UNICAST6:
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved)


def _wrapped(address: Address) -> Address | None:
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else None)
