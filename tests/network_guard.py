"""No test talks to another machine: a connection or look-up outside this one is an error."""

from __future__ import annotations

import ipaddress
import socket
from typing import Any


class NetworkBlocked(RuntimeError):
    """A test tried to reach another host."""


_connect, _connect_ex, _getaddrinfo = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo


def _address(host: object) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    text = host.decode() if isinstance(host, bytes) else str(host)
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _refuse(host: object) -> NetworkBlocked:
    return NetworkBlocked(f"Tests must not reach {host!r}; use a server on 127.0.0.1.")


def _check(family: int, address: Any) -> None:
    if family not in {socket.AF_INET, socket.AF_INET6} or address[0] == "localhost":
        return
    found = _address(address[0])
    if found is None or not (found.is_loopback or found.is_unspecified):
        raise _refuse(address[0])


def _guarded_connect(self: socket.socket, address: Any) -> None:
    _check(self.family, address)
    _connect(self, address)


def _guarded_connect_ex(self: socket.socket, address: Any) -> int:
    _check(self.family, address)
    return _connect_ex(self, address)


def _guarded_getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
    # An address that is spelt out needs no look-up, so nothing leaves this machine.
    if host not in {None, "", "localhost"} and _address(host) is None:
        raise _refuse(host)
    return _getaddrinfo(host, *args, **kwargs)


def install() -> None:
    socket.socket.connect = _guarded_connect  # type: ignore[method-assign,assignment]
    socket.socket.connect_ex = _guarded_connect_ex  # type: ignore[method-assign,assignment]
    socket.getaddrinfo = _guarded_getaddrinfo
