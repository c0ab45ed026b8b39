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

    ``types`` are the ``@odata.type`` that have it.
    """

    code: str
    types: frozenset[str]

    def concerns(self, wanted: Mapping[str, Any]) -> bool:
        """Whether the object that is written would lack it, or keep another one."""
        return str(wanted.get("@odata.type", "")).rpartition(".")[2] in self.types
