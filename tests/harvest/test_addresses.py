from __future__ import annotations

import pytest

from harvest.addresses import is_allowed

FINE = [
    "93.184.216.34",
    "2606:2800:220:1::1",
    "2a00:1450:4001:82a::200e",
    "240e::1",
    # These stand for 93.184.216.34.
    "::ffff:93.184.216.34",
    "64:ff9b::5db8:d822",
]
REFUSED = [
    "127.0.0.1",
    "127.255.0.3",
    "10.1.2.3",
    "169.254.169.254",
    "172.16.0.1",
    "192.168.0.1",
    "0.0.0.0",
    "0.1.2.3",
    # Shared by the customers of a provider.
    "100.64.0.1",
    # For protocols, documentation, tests of networks, relays.
    "192.0.0.9",
    "192.0.0.170",
    "192.0.2.1",
    "198.51.100.1",
    "203.0.113.9",
    "198.18.0.1",
    "192.88.99.1",
    # To many hosts, and reserved.
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "fe80::1%eth0",
    "fec0::1",
    "feff::1",
    "fc00::1",
    "fd00::1",
    "ff02::1",
    "ff0e::1",
    # An IPv4 address inside: mapped, compatible, translated, 6to4, Teredo.
    "::ffff:10.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::127.0.0.1",
    "::93.184.216.34",
    "::ffff:0:127.0.0.1",
    "64:ff9b::127.0.0.1",
    "64:ff9b::10.0.0.1",
    "64:ff9b::169.254.169.254",
    "64:ff9b:1::127.0.0.1",
    "64:ff9b:1::5db8:d822",
    "2002:7f00:1::1",
    "2002:5db8:d822::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    # For protocols, documentation, discarding, routing by segment.
    "2001:2::1",
    "2001:10::1",
    "2001:20::1",
    "2001:db8::1",
    "3fff::1",
    "100::1",
    "5f00::1",
    "4000::1",
]


@pytest.mark.case("service", 17)
@pytest.mark.parametrize("address", FINE)
def test_a_public_address_may_be_connected_to(address: str) -> None:
    assert is_allowed(address, loopback=False)


@pytest.mark.case("service", 17)
@pytest.mark.parametrize("address", REFUSED)
def test_any_other_address_may_not(address: str) -> None:
    assert not is_allowed(address, loopback=False)


def test_loopback_may_be_allowed_and_nothing_else_with_it() -> None:
    allowed = [each for each in REFUSED if is_allowed(each, loopback=True)]
    assert allowed == ["127.0.0.1", "127.255.0.3", "::1", "::ffff:127.0.0.1"]
