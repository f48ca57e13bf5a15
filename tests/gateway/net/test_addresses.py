from ipaddress import IPv4Address, IPv6Address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.net.addresses import DENIED, Address, judge, read
from gateway.net.errors import Blocked

NOT_PUBLIC = [
    "0.0.0.0",  # noqa: S104 - nothing is bound
    "0.1.2.3",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "100.100.100.200",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.0.1",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.0.170",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.0.1",
    "192.168.255.255",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.7",
    "203.0.113.9",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:a00:1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "100::1",
    "100:0:0:1::1",
    "2001::1",
    "2001:10::1",
    "2001:db8::1",
    "2002:7f00:1::1",
    "2002:a9fe:a9fe::",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
    "1::1",
    "400::1",
    "4000::1",
    "8000::1",
    "e000::1",
]
PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.1",
    "93.184.215.14",
    "100.63.255.255",
    "100.128.0.1",
    "126.255.255.255",
    "128.0.0.1",
    "168.63.129.15",
    "172.15.255.255",
    "172.32.0.1",
    "192.167.255.255",
    "198.17.255.255",
    "223.255.255.255",
    "::ffff:8.8.8.8",
    "2001:4860:4860::8888",
    "2400:cb00::1",
    "2606:4700:4700::1111",
    "2a00:1450:4001:800::200e",
]


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    with pytest.raises(Blocked, match=r"network\.allow_private"):
        judge(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_passes(address: str) -> None:
    judge(address)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("10.1.2.3", "10.1.0.0/16"),
        ("::ffff:10.1.2.3", "10.1.0.0/16"),
        ("127.0.0.1", "127.0.0.1/32"),
        ("fd12::1", "fd12::/16"),
    ],
)
def test_the_operator_can_allow_a_network(address: str, network: str) -> None:
    judge(address, [ip_network(network)])


@pytest.mark.parametrize(
    "address", ["10.2.0.1", "64:ff9b::a01:203", "2002:a01:203::", "::10.1.2.3"]
)
def test_an_allowance_is_for_that_network_and_no_other_way_into_it(address: str) -> None:
    with pytest.raises(Blocked):
        judge(address, [ip_network("10.1.0.0/16")])


@pytest.mark.parametrize("text", ["", "localhost", "1.2.3", "0x7f.1", "127.0.0.1/8"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(Blocked, match="no IP address"):
        judge(text)


@given(st.ip_addresses())
def test_nothing_passes_that_python_does_not_call_global(address: Address) -> None:
    try:
        judge(address)
    except Blocked:
        return
    real = read(address)
    assert real.is_global
    assert not real.is_multicast
    assert not real.is_reserved


@given(st.ip_addresses(v=4))
def test_a_mapped_address_is_judged_like_the_one_it_maps(address: IPv4Address) -> None:
    mapped = IPv6Address(int(address) | 0xFFFF << 32)
    assert verdict(mapped) == verdict(address)


def test_each_row_refuses_both_its_ends_and_says_why() -> None:
    for network, why in DENIED:
        assert why
        assert verdict(network[0]) is not None
        # `::/3` ends with addresses that lie in no narrower row, so this asks them all.
        assert verdict(network[-1]) is not None


def verdict(address: Address) -> str | None:
    try:
        judge(address)
    except Blocked as error:
        return error.reason
    return None
