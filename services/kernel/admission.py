"""Admission: may this caller do this to that record, and the record that is kept of the answer.

Reads, and refusals of every kind, are written to the access log before anything is returned; a command that is admitted is
recorded by its own events.
"""

from typing import Protocol

from guanhu.types.v1 import types_pb2
from services.kernel.access import Access, PrincipalFacts, ResourceFacts
from services.kernel.access_record import AccessEntry, AccessLog
from services.kernel.decision import AgencyFacts
from services.kernel.errors import NotAllowed, NotFound, Refusal
from services.kernel.glance import at_a_glance
from services.kernel.handler import Call


class Directory(Protocol):
    """Tells what is known of an agency."""

    def agency(self, uscc: str) -> AgencyFacts | None:
        """The agency's facts; None where it is not registered."""
        ...


class Admission:
    """Admits callers of one service; `service` prefixes the names of its actions in the policies."""

    def __init__(self, service: str, access: Access, log: AccessLog, directory: Directory) -> None:
        self._service = service
        self._access = access
        self._log = log
        self._directory = directory

    def command(self, call: Call, action: str, resource: ResourceFacts, *, on_behalf_of: str = "", case_id: str = "") -> None:
        """Admits a command or refuses it; only refusals are logged here, and not those at a glance, which are asked again.

        Raises:
            NotAllowed: the caller takes part in the record and may not do this.
            NotFound: the caller has no part in the record, or there is none.
        """
        refusal = self._refusal(call, action, resource, on_behalf_of)
        if refusal is not None:
            if not at_a_glance():
                self._record(call, action, resource, types_pb2.Purpose(), on_behalf_of, case_id, refusal)
            raise refusal

    def operation(self, call: Call, action: str, resource: ResourceFacts) -> None:
        """Admits an operator and records the operation; it leaves no event of its own."""
        refusal = self._refusal(call, action, resource, "")
        self._record(call, action, resource, types_pb2.Purpose(), "", "", refusal)
        if refusal is not None:
            raise refusal

    def read(self, call: Call, action: str, resource: ResourceFacts, purpose: types_pb2.Purpose, *, case_id: str = "") -> None:
        """Admits a read and records it, with its purpose, before any data leaves."""
        refusal = self._refusal(call, action, resource, "")
        self._record(call, action, resource, purpose, "", case_id, refusal)
        if refusal is not None:
            raise refusal

    def _refusal(self, call: Call, action: str, resource: ResourceFacts, on_behalf_of: str) -> Refusal | None:
        principal = call.principal
        if principal.kind == "service":
            kind = "SERVICE"
        else:
            agency = self._directory.agency(principal.agency)
            if agency is None:
                return NotAllowed("AGENCY_UNKNOWN", "the agency is not registered")
            if agency.suspended:
                return NotAllowed("AGENCY_SUSPENDED", "the agency is suspended")
            if on_behalf_of:
                return NotAllowed("ON_BEHALF_OF_NOT_ALLOWED", "only the system's own services act for others")
            kind = agency.type
        facts = PrincipalFacts(
            id=principal.caller,
            agency=principal.agency,
            agency_type=kind,
            role=principal.role,
            officer=principal.officer,
        )
        decision = self._access.decide(facts, self._name(action), resource)
        if decision.allowed:
            return None
        if _takes_part(principal.agency, resource):
            return NotAllowed(_reason(decision.reason), "the policies do not allow this to the caller's role")
        return NotFound()

    def _name(self, action: str) -> str:
        # What the kernel serves for every service, such as "journal.Read", brings its own prefix.
        return action if "." in action else f"{self._service}.{action}"

    def _record(
        self,
        call: Call,
        action: str,
        resource: ResourceFacts,
        purpose: types_pb2.Purpose,
        on_behalf_of: str,
        case_id: str,
        refusal: Refusal | None,
    ) -> None:
        principal = call.principal
        code = types_pb2.PurposeCode.Name(purpose.code) if purpose.code in types_pb2.PurposeCode.values() else ""
        self._log.record(
            AccessEntry(
                agency=principal.agency,
                officer=principal.officer,
                role=principal.role,
                on_behalf_of=on_behalf_of,
                action=self._name(action),
                resource_type=resource.type,
                resource_id=resource.id,
                case_id=case_id,
                purpose=code.removeprefix("PURPOSE_CODE_"),
                legal_basis=purpose.legal_basis,
                document_number=purpose.document_number,
                allowed=refusal is None,
                reason=refusal.reason if refusal else "",
                policy_sha256=self._access.policy_sha256,
                trace_parent=call.trace_parent,
            )
        )


def _takes_part(agency: str, resource: ResourceFacts) -> bool:
    return resource.type in {"Directory", "Operations", "Journal"} or agency in {
        resource.organ,
        resource.provider,
        *resource.participants,
    }


def _reason(reason: str) -> str:
    return reason if reason.isupper() else "NOT_ALLOWED"
