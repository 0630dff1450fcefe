"""Which addresses belong to the internet, and which to a network that an endpoint must not reach into."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

__all__ = ["is_public"]

# Clouds tell a machine its secrets at addresses that look like any other.
_METADATA = (IPv4Network("168.63.129.16/32"), IPv4Network("192.0.0.0/24"))
_NAT64 = IPv6Network("64:ff9b::/96")
_V4_COMPATIBLE = IPv6Network("::/96")


def is_public(address: str) -> bool:
    """Whether a numeric address is one of the internet.

    Not: private, loopback, link-local (metadata services), unique local, shared (carrier-grade NAT),
    multicast and reserved ones, nor an IPv6 address that leads to such an IPv4 one.
    """
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, IPv4Address):
        return _is_public_v4(found)
    inner = _inside(found)
    return found.is_global and not _is_special(found) if inner is None else all(map(_is_public_v4, inner))


def _is_public_v4(found: IPv4Address) -> bool:
    is_metadata = any(found in network for network in _METADATA)
    return found.is_global and not (found.is_multicast or found.is_reserved or is_metadata)


def _is_special(found: IPv6Address) -> bool:
    return found.is_multicast or found.is_site_local or found.is_reserved


def _inside(found: IPv6Address) -> list[IPv4Address] | None:
    """The IPv4 addresses to which an IPv6 address leads: mapped, translated, or through a tunnel."""
    if found in _NAT64 or found in _V4_COMPATIBLE:
        return [IPv4Address(int(found) & 0xFFFF_FFFF)]
    if found.teredo is not None:
        return list(found.teredo)
    inner = found.ipv4_mapped or found.sixtofour
    return [inner] if inner is not None else None
