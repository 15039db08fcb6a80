"""Connect only to allowed addresses: the socket goes to the very address that was checked."""

from __future__ import annotations

import ipaddress
import socket
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Any, Final
from urllib.parse import SplitResult

import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

# The only IPv6 addresses that are given out for hosts of the internet, ...
_GLOBAL_UNICAST: Final = IPv6Network("2000::/3")
# ... without those for protocols (Teredo among them), documentation and tunnels over IPv4.
_NOT_HOSTS: Final = tuple(
    IPv6Network(network) for network in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")
)
# A translator in front of the network turns these into the IPv4 address in their last 32 bits.
_TRANSLATED: Final = IPv6Network("64:ff9b::/96")
# Public by name and yet no hosts: for protocols, and for relays of tunnels.
_NOT_HOSTS_4: Final = (IPv4Network("192.0.0.0/24"), IPv4Network("192.88.99.0/24"))


def is_allowed(address: str, *, loopback: bool) -> bool:
    """Whether we may connect to an address.

    Allowed are addresses of hosts on the internet, and loopback if ``loopback`` is set. An IPv6
    address that stands for an IPv4 one is judged by that.
    """
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, IPv6Address):
        if ip.ipv4_mapped is None and ip not in _TRANSLATED:
            return loopback if ip.is_loopback else _is_host(ip)
        # One that a translator makes never means this machine.
        loopback = loopback and ip.ipv4_mapped is not None
        ip = IPv4Address(int(ip) & 0xFFFFFFFF)
    if ip.is_loopback:
        return loopback
    special = ip.is_multicast or ip.is_reserved or any(ip in network for network in _NOT_HOSTS_4)
    return ip.is_global and not special


def _is_host(ip: IPv6Address) -> bool:
    """Whether an IPv6 address can be that of a host on the internet."""
    return ip in _GLOBAL_UNICAST and not any(ip in network for network in _NOT_HOSTS)


def find_port(parts: SplitResult) -> int | None:
    """The port of an address; None if it is no number that a port can be."""
    try:
        port = parts.port
    except ValueError:
        return None
    return port if port is not None else {"https": 443}.get(parts.scheme, 80)


class AddressNotAllowed(Exception):
    """We may not connect to the host's address. Raised inside urllib3, which passes it on."""


def _connect(host: str, port: int, timeout: Any, *, loopback: bool) -> socket.socket:
    """Look a host up once, check its addresses, and connect to one of those."""
    failure: OSError | None = None
    for family, kind, protocol, _, address in socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM):
        if not is_allowed(str(address[0]), loopback=loopback):
            raise AddressNotAllowed(f"{host} is at {address[0]}, which is not a public address")
        opened = socket.socket(family, kind, protocol)
        try:
            opened.settimeout(timeout if isinstance(timeout, int | float) else None)
            opened.connect(address)
        except OSError as error:
            opened.close()
            failure = error
        else:
            return opened
    raise failure or OSError(f"{host} has no address")


def create_adapter(*, loopback: bool) -> HTTPAdapter:
    """An adapter for requests whose connections go to allowed addresses only."""

    def connect(connection: HTTPConnection) -> socket.socket:
        try:
            return _connect(
                connection.host, connection.port or 0, connection.timeout, loopback=loopback
            )
        except TimeoutError as error:
            raise urllib3.exceptions.ConnectTimeoutError(str(error)) from error
        except OSError as error:
            raise urllib3.exceptions.NewConnectionError(connection, str(error)) from error

    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            return connect(self)

    class Secure(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            return connect(self)

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    class Checked(HTTPAdapter):
        def init_poolmanager(self, *args: Any, **options: Any) -> None:
            super().init_poolmanager(*args, **options)
            self.poolmanager.pool_classes_by_scheme = {"http": PlainPool, "https": SecurePool}

    return Checked(max_retries=0)
