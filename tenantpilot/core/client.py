"""Who calls, as far as the network shows it."""

from ipaddress import ip_address

from django.conf import settings
from django.http import HttpRequest


def client_ip(request: HttpRequest) -> str | None:
    """The caller's address; None when nothing says so believably.

    Behind reverse proxies (TENANTPILOT_PROXY_COUNT of them) it is the address that the outermost of ours saw: what
    stands further left in ``X-Forwarded-For`` was written by the client.
    """
    hops = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",") if part.strip()]
    own = settings.PROXY_COUNT
    seen = hops[-own] if own and len(hops) >= own else request.META.get("REMOTE_ADDR", "")
    try:
        return str(ip_address(seen))
    except ValueError:
        return None
