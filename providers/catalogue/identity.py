"""Conditional access with what its policies rest on, Entra roles, and groups."""

from django.utils.translation import gettext_lazy as _

from providers.catalogue import _permissions as permissions
from providers.catalogue.model import (
    Area,
    Create,
    Detail,
    Object,
    ObjectType,
    Protection,
    Query,
    Ref,
    Reference,
    Update,
)

_ENTRA = "Microsoft Entra ID P1"
_EVERYBODY = frozenset({"All", "None", "GuestsOrExternalUsers"})
_PLACES = frozenset({"All", "AllTrusted", "00000000-0000-0000-0000-000000000000"})
_CLOUD_APPS = frozenset({"All", "None", "Office365", "MicrosoftAdminPortals"})
_WRITE_CONDITIONAL_ACCESS = (("Policy.ReadWrite.ConditionalAccess",), ("Policy.Read.All",))
_CONDITIONS = "combinationConfigurations"
_USERS, _APPLICATIONS = "object.conditions.users", "object.conditions.applications"
_LOCATIONS = "object.conditions.locations"


def _built_in_strength(item: Object) -> Protection:
    return Protection.NEVER if item.get("policyType") == "builtIn" else Protection.FREE


def _built_in_role(item: Object) -> Protection:
    return Protection.NEVER if item.get("isBuiltIn") else Protection.FREE


TYPES = (
    ObjectType(
        key="groups",
        label=_("Groups"),
        singular=_("Group"),
        area=Area.IDENTITY,
        path="/groups",
        graph_type="microsoft.graph.group",
        order=5,
        version="v1.0",
        read=(
            (
                "GroupMember.Read.All",
                "Group.Read.All",
                "Group.ReadBasic.All",
                "Group.ReadWrite.All",
                "Directory.Read.All",
                "Directory.ReadWrite.All",
            ),
        ),
        write=(("Group.ReadWrite.All", "Group.Create"),),
        listing=Query(
            select=(
                "id,displayName,description,groupTypes,mailEnabled,mailNickname,securityEnabled,"
                "membershipRule,membershipRuleProcessingState,isAssignableToRole"
            ),
            top=999,
        ),
        identity=("displayName",),
        backed_up=False,
        not_restorable=_("Groups are only created where a restore maps a target to a new one."),
        licence="",
    ),
    ObjectType(
        key="directoryRoleDefinitions",
        label=_("Entra role definitions"),
        singular=_("Entra role definition"),
        area=Area.IDENTITY,
        path="/roleManagement/directory/roleDefinitions",
        graph_type="microsoft.graph.unifiedRoleDefinition",
        order=25,
        version="v1.0",
        read=(
            (
                "RoleManagement.Read.Directory",
                "RoleManagement.ReadWrite.Directory",
                "RoleManagement.Read.All",
                "Directory.Read.All",
                "Directory.ReadWrite.All",
            ),
        ),
        write=(("RoleManagement.ReadWrite.Directory",),),
        identity=("displayName",),
        protection=_built_in_role,
        unordered=("object.rolePermissions[].allowedResourceActions", "object.resourceScopes"),
        create=Create.NONE,
        update=Update.NONE,
        not_restorable=_("TenantPilot asks for no permission to change Entra roles."),
        licence=_ENTRA,
    ),
    ObjectType(
        key="authenticationStrengthPolicies",
        label=_("Authentication strengths"),
        singular=_("Authentication strength"),
        area=Area.IDENTITY,
        path="/policies/authenticationStrengthPolicies",
        graph_type="microsoft.graph.authenticationStrengthPolicy",
        order=45,
        version="v1.0",
        read=(
            (
                "Policy.Read.AuthenticationMethod",
                "Policy.Read.All",
                "Policy.ReadWrite.AuthenticationMethod",
                "Policy.ReadWrite.ConditionalAccess",
            ),
        ),
        write=(("Policy.ReadWrite.AuthenticationMethod", "Policy.ReadWrite.ConditionalAccess"),),
        listing=Query(filter="policyType eq 'custom'"),
        identity=("displayName",),
        protection=_built_in_strength,
        details=(Detail(_CONDITIONS, _CONDITIONS),),
        unordered=(
            "object.allowedCombinations",
            _CONDITIONS,
            *(
                f"{_CONDITIONS}[].{name}"
                for name in (
                    "appliesToCombinations",
                    "allowedAAGUIDs",
                    "allowedIssuerSkis",
                    "allowedPolicyOIDs",
                )
            ),
        ),
        strip_create=("policyType", "requirementsSatisfied", _CONDITIONS),
        strip_update=(
            "policyType",
            "requirementsSatisfied",
            _CONDITIONS,
            "allowedCombinations",
        ),
        create=Create.POST_COMBINATIONS,
        update=Update.PATCH_COMBINATIONS,
        licence=_ENTRA,
    ),
    ObjectType(
        key="authenticationContextClassReferences",
        label=_("Authentication contexts"),
        singular=_("Authentication context"),
        area=Area.IDENTITY,
        path="/identity/conditionalAccess/authenticationContextClassReferences",
        graph_type="microsoft.graph.authenticationContextClassReference",
        order=46,
        version="v1.0",
        read=(
            (
                "AuthenticationContext.Read.All",
                "AuthenticationContext.ReadWrite.All",
                "Policy.Read.ConditionalAccess",
                "Policy.ReadWrite.ConditionalAccess",
            ),
        ),
        write=(("AuthenticationContext.ReadWrite.All", "Policy.ReadWrite.ConditionalAccess"),),
        identity=("id",),
        strip_create=("@odata.type",),
        keep_ids=("object",),
        create=Create.PATCH_OWN_ID,
        licence=_ENTRA,
    ),
    ObjectType(
        key="namedLocations",
        label=_("Named locations"),
        singular=_("Named location"),
        area=Area.IDENTITY,
        path="/identity/conditionalAccess/namedLocations",
        graph_type="microsoft.graph.namedLocation",
        order=50,
        version="v1.0",
        read=permissions.READ_POLICY,
        write=_WRITE_CONDITIONAL_ACCESS,
        unordered=("object.ipRanges", "object.countriesAndRegions"),
        immutable=("@odata.type",),
        type_in_update=True,
        licence=_ENTRA,
    ),
    ObjectType(
        key="conditionalAccessPolicies",
        label=_("Conditional access policies"),
        singular=_("Conditional access policy"),
        area=Area.IDENTITY,
        path="/identity/conditionalAccess/policies",
        graph_type="microsoft.graph.conditionalAccessPolicy",
        order=300,
        version="v1.0",
        read=permissions.READ_POLICY,
        write=(*_WRITE_CONDITIONAL_ACCESS, ("Application.Read.All",)),
        identity=("displayName",),
        unordered=(
            *(
                f"{_USERS}.{way}{what}"
                for way in ("include", "exclude")
                for what in ("Users", "Groups", "Roles")
            ),
            f"{_APPLICATIONS}.includeApplications",
            f"{_APPLICATIONS}.excludeApplications",
            f"{_APPLICATIONS}.includeUserActions",
            f"{_APPLICATIONS}.includeAuthenticationContextClassReferences",
            f"{_LOCATIONS}.includeLocations",
            f"{_LOCATIONS}.excludeLocations",
            "object.conditions.platforms.includePlatforms",
            "object.conditions.platforms.excludePlatforms",
            "object.conditions.clientAppTypes",
            "object.conditions.userRiskLevels",
            "object.conditions.signInRiskLevels",
            "object.conditions.servicePrincipalRiskLevels",
            "object.grantControls.builtInControls",
            "object.grantControls.termsOfUse",
            "object.grantControls.customAuthenticationFactors",
        ),
        references=(
            *(Reference(f"{_USERS}.{way}Groups[]", Ref.GROUP) for way in ("include", "exclude")),
            *(Reference(f"{_USERS}.{way}Users[]", Ref.USER, _EVERYBODY) for way in ("include", "exclude")),
            *(Reference(f"{_USERS}.{way}Roles[]", Ref.ROLE) for way in ("include", "exclude")),
            *(
                Reference(f"{_LOCATIONS}.{way}Locations[]", Ref.NAMED_LOCATION, _PLACES)
                for way in ("include", "exclude")
            ),
            *(
                Reference(f"{_APPLICATIONS}.{way}Applications[]", Ref.APPLICATION, _CLOUD_APPS)
                for way in ("include", "exclude")
            ),
            Reference(
                f"{_APPLICATIONS}.includeAuthenticationContextClassReferences[]", Ref.AUTHENTICATION_CONTEXT
            ),
            Reference("object.grantControls.authenticationStrength.id", Ref.AUTHENTICATION_STRENGTH),
            Reference("object.grantControls.termsOfUse[]", Ref.TERMS_OF_USE),
        ),
        strip_create=("templateId", "partialEnablementStrategy", "conditions.deviceStates"),
        strip_update=("templateId", "partialEnablementStrategy", "conditions.deviceStates"),
        keep_ids=("authenticationStrength",),
        licence=_ENTRA,
    ),
)
