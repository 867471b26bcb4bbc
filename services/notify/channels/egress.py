"""The way out: a host's name is resolved once, every address that it has is checked, and the checked one is connected to.

So a name that points into the own network, or points elsewhere a moment later, reaches nothing.
"""

import contextlib
import ipaddress
import socket
from collections.abc import Sequence
from dataclasses import dataclass

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# Addresses that carry another one inside, which a check of the outer one would miss (RFC 3056, RFC 4380, RFC 6052).
_TRANSLATED = tuple(ipaddress.ip_network(text) for text in ("2002::/16", "2001::/32", "64:ff9b::/96", "64:ff9b:1::/48"))


class Forbidden(Exception):
    """Nothing is sent to this address."""


@dataclass(frozen=True, slots=True)
class Egress:
    """Public addresses are reached, and those of the given networks, such as a government's own network."""

    networks: tuple[Network, ...] = ()

    @classmethod
    def parse(cls, text: str) -> "Egress":
        """Reads a list of networks with commas between; the settings were checked before."""
        return cls(tuple(ipaddress.ip_network(part) for part in filter(None, map(str.strip, text.split(",")))))

    def permits(self, address: Address) -> bool:
        """Whether an address may be connected to."""
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        if any(address in network for network in self.networks if network.version == address.version):
            return True
        translated = any(address in network for network in _TRANSLATED if network.version == address.version)
        return address.is_global and not address.is_multicast and not translated

    def connect(self, host: str, port: int, timeout_s: float) -> socket.socket:
        """A connection to an address of the host that was checked.

        Raises:
            Forbidden: an address of the host may not be connected to; then none is.
            OSError: no such host, or nobody answers there.
        """
        found = [info[4] for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
        addresses = list(dict.fromkeys(str(place[0]) for place in found))
        if not all(self.permits(ipaddress.ip_address(address.partition("%")[0])) for address in addresses):
            raise Forbidden(host)
        return _first_that_answers(addresses, port, timeout_s)


def _first_that_answers(addresses: Sequence[str], port: int, timeout_s: float) -> socket.socket:
    error: OSError = OSError("the host has no address")
    for address in addresses[:2]:
        try:
            connected = socket.create_connection((address, port), timeout_s)
        except OSError as problem:
            error = problem
            continue
        with contextlib.suppress(OSError):
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connected
    raise error
