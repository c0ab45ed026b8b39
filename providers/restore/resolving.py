"""What each reference becomes in the tenant that is restored into."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from providers.catalogue import Ref
from providers.choices import MappingChoice
from providers.objects.lookups import TYPE_OF
from providers.restore.model import PENDING, Decision, Reading, RefKey, Resolution

GROUP_KEY = "groups/%s"
# Looked up one by one in the tenant, not listed.
LOOKED_UP = frozenset({Ref.GROUP})
# Good in the tenant that they come from; the permissions that we ask for don't let us look them up.
_OPAQUE = frozenset({Ref.USER, Ref.TERMS_OF_USE, Ref.POLICY})


@dataclass(slots=True)
class Resolver:
    """Answers for every reference of a plan, each once.

    ``planned`` maps references to what the plan itself makes or keeps of them: a live id or a pending mark. ``names``
    are those of the source. In the tenant that the backup is of, an id that is still there means the same object.
    """

    reading: Reading
    decisions: Mapping[RefKey, Decision]
    names: Mapping[RefKey, str]
    same_tenant: bool
    planned: Mapping[RefKey, str] = field(default_factory=dict)
    answers: dict[RefKey, Resolution] = field(default_factory=dict)

    def resolve(self, key: RefKey) -> Resolution:
        """What the reference becomes; ``missing`` wants a choice."""
        if key not in self.answers:
            self.answers[key] = (
                self._planned(key) or self._same(key) or self._decided(key) or self._named(key)
            )
        return self.answers[key]

    def _planned(self, key: RefKey) -> Resolution | None:
        target = self.planned.get(key)
        return self._to(key, "planned", target, self.names.get(key, "")) if target else None

    def _same(self, key: RefKey) -> Resolution | None:
        if not self.same_tenant and key[0] != Ref.AUTHENTICATION_CONTEXT.value:
            return None
        known = self._targets(Ref(key[0]))
        if known is None:
            return self._to(key, "same", key[1], self.names.get(key, "")) if self.same_tenant else None
        return self._to(key, "same", key[1], known[key[1]]) if key[1] in known else None

    def _decided(self, key: RefKey) -> Resolution | None:
        decision = self.decisions.get(key)
        if decision is None:
            return None
        if decision.choice == MappingChoice.MAP:
            return self._mapped(key, decision)
        if decision.choice == MappingChoice.CREATE:
            return self._to(key, "create", PENDING % (GROUP_KEY % key[1]), self.names.get(key, ""))
        return Resolution(*key, self.names.get(key, ""), "skip", reason=decision.reason)

    def _mapped(self, key: RefKey, decision: Decision) -> Resolution:
        """A target that was chosen, unless the reading shows that there is none."""
        kind = Ref(key[0])
        known = self._targets(kind) or {}
        sought = decision.target_id in self.reading.sought if kind in LOOKED_UP else bool(known)
        if sought and decision.target_id not in known:
            return Resolution(*key, self.names.get(key, ""), "missing", decision.target_id)
        name = known.get(decision.target_id) or decision.target_name
        return self._to(key, "mapped", decision.target_id, name)

    def _named(self, key: RefKey) -> Resolution:
        """The one of the same name, if there is exactly one; never a guess between two."""
        name = self.names.get(key, "")
        known = self._targets(Ref(key[0])) or {}
        found = [target for target, label in known.items() if name and label == name]
        if len(found) == 1:
            return self._to(key, "name", found[0], name)
        return Resolution(*key, name, "missing")

    def _targets(self, kind: Ref) -> dict[str, str] | None:
        """Id and name of everything of this kind that was seen in the tenant; None for kinds that can't be seen."""
        if kind in _OPAQUE:
            return None
        if kind in LOOKED_UP:
            return {key[1]: name for key, name in self.reading.looked_up.items() if key[0] == kind.value}
        return {row.id: row.name for row in self.reading.listed.get(TYPE_OF[kind], ())}

    def _to(self, key: RefKey, how: str, target: str, name: str) -> Resolution:
        return Resolution(*key, self.names.get(key, ""), how, target, name)
