"""Pictures from addresses that people name: fetched from the public internet alone, bounded, and looked at first."""

from __future__ import annotations

import io
import ipaddress
import socket
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import httpx

from exports_app.calls import AS_IT_IS, hung_up_after

LARGEST: Final = 8 * 1024 * 1024
MOST_PIXELS: Final = 40_000_000
LONGEST_S: Final = 10.0
FORMATS: Final = ("PNG", "JPEG", "GIF", "WEBP")
_UNICAST: Final = ipaddress.ip_network("2000::/3")
_TUNNELS: Final = tuple(map(ipaddress.ip_network, ("2002::/16", "2001::/32", "192.88.99.0/24")))


@dataclass(frozen=True, slots=True)
class Fetched:
    """A picture as PNG or JPEG with its size in pixels, or why there is none."""

    data: bytes | None
    width: int = 0
    height: int = 0
    trouble: str = ""


Fetcher = Callable[[str], Fetched]
Resolver = Callable[[str, int], list[str]]


def resolve(host: str, port: int) -> list[str]:
    """Return the addresses of a host."""
    return sorted({str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)})


def is_public(address: str) -> bool:
    """Tell whether an address is somewhere in the public internet, and no way around to somewhere else."""
    parsed = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    if parsed.is_multicast or not parsed.is_global or (parsed.version == 6 and parsed not in _UNICAST):
        return False
    return not any(parsed in network for network in _TUNNELS if network.version == parsed.version)


def fetch_picture(url: str, *, resolver: Resolver = resolve, allowed: Callable[[str], bool] = is_public) -> Fetched:
    """Return the picture at an address, or why not; never raises.

    The host is resolved once and every address of it must be public; the connection goes to the very address that was
    looked at. Redirects are not followed. Size, time, format and number of pixels are bounded.

    Args:
        allowed: which addresses may be connected to.
    """
    try:
        return read_picture(_download(url, resolver, allowed))
    except ValueError as error:
        return Fetched(None, trouble=str(error))
    except httpx.TimeoutException:
        return Fetched(None, trouble="It took too long.")
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        return Fetched(None, trouble=f"It could not be fetched ({type(error).__name__}).")


def _download(url: str, resolver: Resolver, allowed: Callable[[str], bool]) -> bytes:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.password:
        raise ValueError("Only http and https addresses without credentials are fetched.")
    port = parts.port or (443 if parts.scheme == "https" else 80)
    addresses = resolver(parts.hostname, port)
    if not addresses or not all(map(allowed, addresses)):
        raise ValueError("Its address is not in the public internet.")
    pinned = f"[{addresses[0]}]" if ":" in addresses[0] else addresses[0]
    target = httpx.URL(url).copy_with(host=pinned.strip("[]"))
    headers = {"Host": parts.netloc, "Accept": "image/*", "User-Agent": "BioLab", **AS_IT_IS}
    data = bytearray()
    with (
        httpx.Client(timeout=LONGEST_S, follow_redirects=False, trust_env=False) as client,
        hung_up_after(LONGEST_S) as watched,
        client.stream("GET", target, headers=headers, extensions={**watched, "sni_hostname": parts.hostname}) as answer,
    ):
        if answer.status_code != 200:
            raise ValueError(f"The server answered {answer.status_code}.")
        for piece in answer.iter_raw(64 * 1024):
            data += piece
            if len(data) > LARGEST:
                raise ValueError("It is larger than 8 MiB.")
    return bytes(data)


def read_picture(data: bytes) -> Fetched:
    """Return the picture written anew, so that nothing but its pixels goes into the deck.

    Raises:
        ValueError: it is no picture, or one of too many pixels.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data), formats=FORMATS) as picture:
                if picture.width * picture.height > MOST_PIXELS:
                    raise ValueError("It has too many pixels.")
                picture.thumbnail((2400, 2400))
                shown = picture.convert(
                    "RGBA" if "A" in picture.getbands() or "transparency" in picture.info else "RGB"
                )
    except (UnidentifiedImageError, OSError, Image.DecompressionBombError, Image.DecompressionBombWarning, SyntaxError):
        raise ValueError("It is no picture that can be read.") from None
    out = io.BytesIO()
    shown.save(out, "PNG")
    return Fetched(out.getvalue(), shown.width, shown.height)
