"""Connect only to allowed addresses: the socket goes to the very address that was checked."""

from __future__ import annotations

import ipaddress
import socket
from typing import Any

import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool


def is_allowed(address: str, *, loopback: bool) -> bool:
    """Whether we may connect to an address: any public one, and loopback if ``loopback`` is set."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    ip = getattr(ip, "ipv4_mapped", None) or ip
    if ip.is_loopback:
        return loopback
    return ip.is_global and not ip.is_multicast


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
