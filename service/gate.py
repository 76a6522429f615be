"""Before the service is open to other machines: what Django's deployment check has against it."""

import ipaddress

from django.conf import settings
from django.core import checks


def complaint() -> str | None:
    """A sentence that refuses, or None. At a loopback address, and with DEBUG, nothing is asked."""
    if settings.DEBUG or _is_loopback(settings.HOST):
        return None
    if settings.TLS is None:
        return (
            f"HOST={settings.HOST} is reached from other machines: say TLS=true where a proxy ends TLS before this "
            "(TRUSTED_PROXY names it), or TLS=false where nobody can listen on the way."
        )
    found = checks.run_checks(include_deployment_checks=True)
    said = [f"{one.msg} ({one.id})" for one in found if one.level >= checks.WARNING and not one.is_silenced()]
    return "This is not fit to be open to other machines: " + " ".join(said) if said else None


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
