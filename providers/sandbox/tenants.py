"""Groups and people of a tenant, made from a seed one at a time, so that a tenant can be of any size.

An object's GUID carries its own index (masked by a checksum of the rest), so looking an id up needs no table.
"""

import hashlib
import zlib
from datetime import date, timedelta
from functools import cache
from uuid import UUID

from providers.sandbox.data import JSON

FIRST_DAY = date(2019, 1, 7)
NAMED_GROUPS = (
    "All Company", "Finance", "Human Resources", "Legal", "Sales", "Marketing", "Operations", "Procurement",
    "IT Service Desk", "Board", "Intune - Windows Devices", "Intune - macOS Devices", "Intune - iOS Devices",
    "Intune - Android Devices", "Intune - Assignment Ring Pilot Users", "Intune - Assignment Ring Broad Users",
    "Conditional Access - Break Glass Accounts", "Conditional Access - Exclusions", "VPN Users", "Remote Workers",
)  # fmt: skip
TEAMS = (
    "Finance", "Payroll", "Sales", "Marketing", "Legal", "Purchasing", "Logistics", "Quality", "Engineering",
    "Maintenance", "Service Desk", "Facilities", "Research", "Compliance", "Training", "Reception",
)  # fmt: skip
PLACES = (
    "Zürich", "Stuttgart", "Lyon", "Leeds", "Malmö", "Utrecht", "Graz", "Cork", "Porto", "Gdańsk", "Turin",
    "Ghent", "Aarhus", "Brno", "Tartu", "Košice",
)  # fmt: skip
PURPOSES = ("Team", "Project", "Readers", "Editors", "Approvers", "Devices", "Licences", "Mailbox")
FIRST_NAMES = (
    "Adele", "Alex", "Ana", "Ben", "Chiara", "Dana", "Elif", "Femi", "Greta", "Hugo", "Ines", "Jonas",
    "Kaya", "Lena", "Mateo", "Nora",
)  # fmt: skip
LAST_NAMES = (
    "Vance", "Weber", "Moreau", "Silva", "Novak", "Larsen", "Okafor", "Rossi", "Jansen", "Kaya", "Murphy",
    "Lindqvist", "Baker", "Ivanova", "Costa", "Huber",
)  # fmt: skip


class IdSpace:
    """GUIDs for the indexes of one kind of object in one tenant, reversible without a table."""

    def __init__(self, seed: int, tenant: str, kind: str) -> None:
        self._key = hashlib.blake2b(f"{seed}:{tenant}:{kind}".encode(), digest_size=32).digest()
        self._salt = int.from_bytes(self._key[:4], "big")

    def digest(self, index: int) -> bytes:
        """32 bytes that decide everything about the object at `index`."""
        return hashlib.blake2b(index.to_bytes(4, "big"), key=self._key, digest_size=32).digest()

    def guid_bytes(self, index: int, digest: bytes) -> bytes:
        head = bytearray(digest[:12])
        head[6] = head[6] & 0x0F | 0x40
        head[8] = head[8] & 0x3F | 0x80
        return bytes(head) + (index ^ self._mask(bytes(head))).to_bytes(4, "big")

    def id_of(self, index: int) -> str:
        return format_guid(self.guid_bytes(index, self.digest(index)))

    def index_of(self, object_id: str) -> int | None:
        """The index whose GUID is `object_id`, or None when the id is not of this space."""
        try:
            raw = UUID(object_id).bytes
        except ValueError:
            return None
        index = int.from_bytes(raw[12:], "big") ^ self._mask(raw[:12])
        return index if self.guid_bytes(index, self.digest(index)) == raw else None

    def _mask(self, head: bytes) -> int:
        return zlib.crc32(head, self._salt)


def format_guid(raw: bytes) -> str:
    text = raw.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def security_identifier(raw: bytes) -> str:
    """The SID that Entra derives from an object id (`S-1-12-1-…`)."""
    first = int.from_bytes(raw[0:4], "big")
    second = int.from_bytes(raw[6:8], "big") << 16 | int.from_bytes(raw[4:6], "big")
    third, fourth = int.from_bytes(raw[8:12], "little"), int.from_bytes(raw[12:16], "little")
    return f"S-1-12-1-{first}-{second}-{third}-{fourth}"


@cache
def _day(number: int) -> str:
    return (FIRST_DAY + timedelta(days=number)).isoformat()


def created_time(seconds: int) -> str:
    """The time this many seconds after the first day on which groups were created."""
    days, rest = divmod(seconds, 86400)
    return f"{_day(days)}T{rest // 3600:02}:{rest // 60 % 60:02}:{rest % 60:02}Z"


class GroupFactory:
    """The groups a tenant starts with; `make(i)` is the same object for the same seed, always."""

    def __init__(self, seed: int, tenant: str, domain: str, count: int) -> None:
        self.ids = IdSpace(seed, tenant, "group")
        self.domain = domain
        self.count = count

    def index_of(self, group_id: str) -> int | None:
        index = self.ids.index_of(group_id)
        return index if index is not None and index < self.count else None

    def make(self, index: int) -> JSON:
        """The group at `index` with every property a plain GET returns."""
        digest = self.ids.digest(index)
        raw = self.ids.guid_bytes(index, digest)
        name = group_name(index, digest)
        unified, dynamic, mail, security = group_kind(index, digest)
        nickname = f"grp{index:06d}"
        address = f"{nickname}@{self.domain}" if mail else None
        created = created_time(int.from_bytes(digest[12:16], "big") % 200_000_000)
        types = (["Unified"] if unified else []) + (["DynamicMembership"] if dynamic else [])
        synced = True if not unified and not dynamic and digest[16] < 30 else None
        return {
            "id": format_guid(raw),
            "deletedDateTime": None,
            "classification": None,
            "createdDateTime": created,
            "description": f"{name} of {self.domain}" if digest[17] < 200 else None,
            "displayName": name,
            "expirationDateTime": None,
            "groupTypes": types,
            "isAssignableToRole": True if security and not dynamic and digest[18] < 5 else None,
            "mail": address,
            "mailEnabled": mail,
            "mailNickname": nickname,
            "membershipRule": membership_rule(name, digest) if dynamic else None,
            "membershipRuleProcessingState": "On" if dynamic else None,
            "onPremisesDomainName": f"corp.{self.domain}" if synced else None,
            "onPremisesLastSyncDateTime": created if synced else None,
            "onPremisesNetBiosName": "CORP" if synced else None,
            "onPremisesSamAccountName": nickname if synced else None,
            "onPremisesSecurityIdentifier": f"S-1-5-21-397955417-626881126-{index}" if synced else None,
            "onPremisesSyncEnabled": synced,
            "preferredDataLocation": None,
            "preferredLanguage": None,
            "proxyAddresses": [f"SMTP:{address}"] if address else [],
            "renewedDateTime": created,
            "resourceBehaviorOptions": [],
            "resourceProvisioningOptions": ["Team"] if unified and digest[19] < 128 else [],
            "securityEnabled": security,
            "securityIdentifier": security_identifier(raw),
            "theme": None,
            "uniqueName": None,
            "visibility": ("Public" if digest[20] < 90 else "Private") if unified else None,
            "onPremisesProvisioningErrors": [],
            "serviceProvisioningErrors": [],
        }

    def member_seed(self, index: int) -> bytes:
        return self.ids.digest(index)[22:32]


def group_name(index: int, digest: bytes) -> str:
    if index < len(NAMED_GROUPS):
        return NAMED_GROUPS[index]
    name = f"{TEAMS[digest[21] % 16]} {PLACES[digest[22] % 16]} {PURPOSES[digest[23] % 8]}"
    # One in fifty has no number, so equal names occur as they do in real tenants.
    return name if digest[24] < 5 else f"{name} {index}"


def group_kind(index: int, digest: bytes) -> tuple[bool, bool, bool, bool]:
    """(unified, dynamic, mail enabled, security enabled)."""
    if 10 <= index <= 13:
        return False, True, False, True
    if index == 0:
        return True, False, True, False
    if index < len(NAMED_GROUPS):
        return False, False, False, True
    draw = digest[25]
    if draw < 128:
        return False, False, False, True
    if draw < 205:
        return True, draw < 140, True, draw % 4 == 0
    if draw < 235:
        return False, True, False, True
    return False, False, True, draw < 245


def membership_rule(name: str, digest: bytes) -> str:
    if name.startswith("Intune - "):
        return f'(device.deviceOSType -startsWith "{name[9:].split()[0]}")'
    return f'(user.department -eq "{TEAMS[digest[21] % 16]}")'


class PersonFactory:
    """Users and devices of a tenant; even in big tenants they are made only when asked for."""

    def __init__(self, seed: int, tenant: str, domain: str, count: int) -> None:
        self.users = IdSpace(seed, tenant, "user")
        self.devices = IdSpace(seed, tenant, "device")
        self.domain = domain
        self.count = max(count, 1)

    def find(self, object_id: str) -> JSON | None:
        index = self.users.index_of(object_id)
        if index is not None and index < self.count:
            return self.user(index)
        index = self.devices.index_of(object_id)
        return self.device(index) if index is not None and index < self.count else None

    def user(self, index: int) -> JSON:
        digest = self.users.digest(index)
        given, surname = FIRST_NAMES[digest[13] % 16], LAST_NAMES[digest[14] % 16]
        address = f"{given}.{surname}{index}@{self.domain}".lower()
        return {
            "@odata.type": "#microsoft.graph.user",
            "id": self.users.id_of(index),
            "businessPhones": [],
            "displayName": f"{given} {surname}",
            "givenName": given,
            "jobTitle": f"{TEAMS[digest[15] % 16]} specialist",
            "mail": address,
            "mobilePhone": None,
            "officeLocation": PLACES[digest[16] % 16],
            "preferredLanguage": "en-US",
            "surname": surname,
            "userPrincipalName": address,
        }

    def device(self, index: int) -> JSON:
        return {
            "@odata.type": "#microsoft.graph.device",
            "id": self.devices.id_of(index),
            "deletedDateTime": None,
            "accountEnabled": True,
            "deviceId": self.devices.id_of(index + self.count),
            "displayName": f"LT-{index:05d}",
            "isCompliant": index % 9 != 0,
            "isManaged": True,
            "operatingSystem": "Windows",
            "operatingSystemVersion": "10.0.26100.2033",
            "profileType": "RegisteredDevice",
            "trustType": "AzureAd",
        }

    def members(self, seed: bytes, devices: bool) -> list[str]:
        """Ids of the people (or devices) a group starts with: none for some, never more than 45."""
        size = 0 if seed[0] < 20 else seed[0] % 46
        start = int.from_bytes(seed[1:5], "big")
        space = self.devices if devices else self.users
        chosen = {(start + step * 7) % self.count for step in range(size)}
        return [space.id_of(index) for index in sorted(chosen)]
