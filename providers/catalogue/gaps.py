"""What no restore brings back, so that a plan says it before anybody executes it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# Profiles whose certificates are links to other profiles. Graph gives them only when each is asked for by itself.
LINKED_TO_CERTIFICATES = frozenset(
    {
        *(f"{platform}EnterpriseWiFiConfiguration" for platform in ("androidDeviceOwner", "android",
          "androidForWork", "androidWorkProfile", "aospDeviceOwner", "ios", "macOS")),
        *(f"{platform}ScepCertificateProfile" for platform in ("android", "androidDeviceOwner", "androidForWork",
          "androidWorkProfile", "aospDeviceOwner", "ios", "macOS")),
        *(f"{platform}PkcsCertificateProfile" for platform in ("android", "androidDeviceOwner", "androidForWork",
          "androidWorkProfile", "aospDeviceOwner")),
        *(f"{platform}ImportedPFXCertificateProfile" for platform in ("android", "androidDeviceOwner",
          "androidForWork")),
        *(f"{platform}VpnConfiguration" for platform in ("androidDeviceOwner", "androidForWork", "android",
          "androidWorkProfile", "ios", "macOS", "windows10", "windowsPhone81")),
        "androidEasEmailProfileConfiguration", "androidForWorkGmailEasConfiguration",
        "androidForWorkNineWorkEasConfiguration", "androidWorkProfileGmailEasConfiguration",
        "androidWorkProfileNineWorkEasConfiguration", "iosEasEmailProfileConfiguration",
        "iosDeviceFeaturesConfiguration", "iosWiredNetworkConfiguration", "macOSWiredNetworkConfiguration",
        "windows81SCEPCertificateProfile", "windowsPhone81SCEPCertificateProfile",
        "iosikEv2VpnConfiguration",
        "windowsWifiEnterpriseEAPConfiguration", "windowsWiredNetworkConfiguration", "windowsZtdnsConfiguration",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Gap:
    """One such thing. ``code`` is the plan's note.

    ``path`` names the property where it is read; ``types`` are the ``@odata.type`` that have it where it is not.
    """

    code: str
    path: str = ""
    types: frozenset[str] = frozenset()

    def concerns(self, wanted: Mapping[str, Any], live: Mapping[str, Any]) -> bool:
        """Whether the object that is written would lack it, or keep another one; ``live`` is empty for a new object."""
        if str(wanted.get("@odata.type", "")).rpartition(".")[2] in self.types:
            return True
        value = wanted.get(self.path) if self.path else None
        return bool(value) and value != live.get(self.path)
