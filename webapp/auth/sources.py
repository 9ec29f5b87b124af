"""Source of a request: the client's address, or a device that has logged in before."""

from __future__ import annotations

import secrets
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse

from webapp.models import User

COOKIE, SALT = "device", "webapp.device"
DEVICE_DAYS = 180
MOST_USERS = 10  # of one device


def client_address(request: HttpRequest) -> str:
    """Return the client's address.

    X-Forwarded-For is read from right to left, only as far as trusted proxies wrote it.
    """
    address = str(request.META.get("REMOTE_ADDR", ""))
    hops = request.headers.get("X-Forwarded-For", "").split(",")
    while hops and _is_trusted(address) and _is_address(hop := hops.pop().strip()):
        address = hop
    return address[:64]


def network_of(address: str) -> str:
    """Return the address that counts failures: of IPv6 the /64, which one client can own."""
    if not _is_address(address):
        return address
    parsed = ip_address(address)
    if isinstance(parsed, IPv6Address):
        mapped = parsed.ipv4_mapped
        return str(mapped or ip_network((parsed.packed[:8] + bytes(8), 64)))
    return str(parsed)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _is_trusted(address: str) -> bool:
    """Return True for a proxy of TRUSTED_PROXIES; a Unix socket has no address."""
    return _is_address(address) and any(
        ip_address(address) in network for network in settings.TRUSTED_PROXIES
    )


def known_device(request: HttpRequest, name: str) -> str:
    """Return the ID of a device from which this user has logged in; empty for any other."""
    device = _device(request)
    is_known = User.objects.filter(username=name, pk__in=device["users"]).exists()
    return str(device["id"]) if is_known else ""


def remember_device(request: HttpRequest, response: HttpResponse, user: User) -> None:
    """Set the cookie of a known device."""
    device = _device(request)
    users = [user.pk, *(pk for pk in device["users"] if pk != user.pk)][:MOST_USERS]
    response.set_cookie(
        COOKIE,
        signing.dumps({"id": device["id"], "users": users}, salt=SALT),
        max_age=DEVICE_DAYS * 24 * 3600,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def _device(request: HttpRequest) -> dict[str, Any]:
    try:
        device: dict[str, Any] = signing.loads(
            request.COOKIES.get(COOKIE, ""), salt=SALT, max_age=DEVICE_DAYS * 24 * 3600
        )
    except signing.BadSignature:
        return {"id": secrets.token_hex(8), "users": []}
    return device
