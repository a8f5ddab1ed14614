"""Which addresses a client may talk to.

Keys travel in requests, so an address that was mistyped or slipped into an env file must not receive them: https and
wss only, one of the venue's official hosts, or a host that the user names in so many words. This machine is the
exception: there http and ws are fine, because that is where twins live.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Collection
from urllib.parse import urlsplit

from exchanges.errors import Misconfigured

_SECURE = {"http": "https", "ws": "wss"}


def endpoint(
    name: str, default: str, official: Collection[str], value: Callable[[str], str | None], extra_host: str
) -> str:
    """The base address to use, without a slash at its end.

    `name` is the variable that may move it (`<VENUE>_BASE_URL`, `<VENUE>_WS_URL`), read with `value`; `official` the
    venue's host names; `extra_host` the variable that may name one more. Raises `Misconfigured`.
    """
    text = value(name) or default
    kind = "ws" if urlsplit(default).scheme.startswith("ws") else "http"
    expected = f"{name} must begin with {_SECURE[kind]}:// and name a host of the exchange"
    try:
        url = urlsplit(text)
        host, port = (url.hostname or "").lower(), url.port
    except ValueError:
        raise Misconfigured(f"{expected}; what is set there is no address") from None
    if url.scheme not in (kind, _SECURE[kind]) or not host:
        raise Misconfigured(f"{expected}; check the part before ://")
    if url.username or url.password or url.query or url.fragment:
        raise Misconfigured(f"{expected}; leave out user, query and fragment")
    if is_loopback(host):
        return f"{url.scheme}://{url.netloc}{url.path.rstrip('/')}"
    if url.scheme != _SECURE[kind]:
        raise Misconfigured(f"{expected}; only {_SECURE[kind]} leaves this machine")
    allowed = {*(known.lower() for known in official), (value(extra_host) or "").lower()} - {""}
    if host not in allowed or port not in (None, 443):
        raise Misconfigured(f"{name} names a host that is not the exchange's; name it in {extra_host} if you mean it")
    return f"{url.scheme}://{url.netloc}{url.path.rstrip('/')}"


def is_loopback(host: str) -> bool:
    """Whether a host name or literal address is this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
