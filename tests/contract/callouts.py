"""Call-outs through the API: organ, desk, the home agency's system and the adults with their links."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from guanhu.appropriate_adult.v1 import appropriate_adult_service_pb2 as assignments
from guanhu.appropriate_adult.v1 import callout_events_pb2 as events
from guanhu.appropriate_adult.v1 import callout_service_pb2 as api
from guanhu.intake.v1 import referral_events_pb2 as referrals
from services.demo.client import Client
from tests.contract.agencies import CASE_HANDLING, CYL, PROC, SWO, OpenedCase, date, head, new_id, open_case
from tests.unit.appropriate_adult import builders as b

PROCURATOR = (PROC, "procurator-1", "CASE_PROCURATOR")
DESK = (CYL, "desk-1", "DESK_OPERATOR")
MANAGER = (SWO, "manager-1", "SWO_MANAGER")
# The home agency's own system, without an officer: it fetches links and passes answers on.
GATEWAY = (SWO, "", "")
WITHIN_S = 20.0
Who = tuple[str, str, str]


@dataclass
class Callouts:
    """Whoever takes part in call-outs around one county; each test has a province of its own, so that none disturbs another."""

    client: Client
    county: str
    adults: list[str] = field(default_factory=list)

    def call(self, service: str, name: str, request: Any, who: Who = PROCURATOR) -> Any:
        """Calls a method as somebody; a command without a head gets one of its own."""
        if "head" in request.DESCRIPTOR.fields_by_name and not request.head.request_id:
            request.head.CopyFrom(head())
        return self.client.call(service, name, request, *who)

    def adult(self, name: str, request: Any, who: Who = MANAGER) -> Any:
        """Calls the adult service."""
        return self.call("appropriate_adult", name, request, who)

    def set_desk(self, at_once: int = 1, answer_seconds: int = 600, *, automatic: bool = False, who: Who = DESK) -> None:
        """Sets how the desk's call-outs go."""
        request = api.ChangeCalloutSettingRequest(
            uscc=who[0], at_once=at_once, answer_seconds=answer_seconds, automatic=automatic
        )
        self.call("callout", "ChangeCalloutSetting", request, who)

    def register(self, county: str = "", *, standby: bool = False, **changes: Any) -> str:
        """A trained and queried adult who covers the county, on standby on the day of the sessions or not."""
        adult_id = new_id()
        fields = {"adult_id": adult_id, "home_uscc": SWO, "officer": "", "districts": [county or self.county], **changes}
        self.adult("RegisterAdult", assignments.RegisterAdultRequest(entry=b.entry(**fields)))
        training = b.training(training_id=new_id(), valid_until=date(2199, 1, 1))
        training.adult_id = adult_id
        self.adult("RecordTraining", training)
        query = b.record_query()
        query.adult_id = adult_id
        query.query.queried_on.CopyFrom(date(2026, 9, 1))
        self.adult("RecordCriminalRecordQuery", query)
        if standby:
            day = {"begins_at": b.instant("2026-03-08 00:00"), "ends_at": b.instant("2026-03-11 00:00")}
            shift = b.shift(shift_id=new_id(), division_code=county or self.county, **day)
            self.adult("AssignShift", assignments.AssignShiftRequest(adult_id=adult_id, shift=shift))
        self.adults.append(adult_id)
        return adult_id

    def requested(self, provider: str = CYL, case: OpenedCase | None = None, hour: int = 10) -> str:
        """An assignment for which an adult is asked, for two hours of a day."""
        case = case or open_case(self.client)
        assignment_id = new_id()
        stage = referrals.CASE_STAGE_PROSECUTION_REVIEW
        for name, request in (
            ("IdentifyNeed", b.need(case_id=case.case_id, subject_id=case.subject_id, case_stage=stage)),
            ("NotifyLegalRep", b.notify()),
            ("RecordLegalRepOutcome", b.rep_outcome()),
        ):
            request.assignment_id = assignment_id
            self.adult(name, request, PROCURATOR)
        self.ask(assignment_id, provider, new_id(), hour)
        return assignment_id

    def ask(self, assignment_id: str, provider: str, session_id: str, hour: int = 10) -> None:
        """RequestAdult."""
        begins, ends = (b.instant(f"2026-03-09 {at:02}:00") for at in (hour, hour + 2))
        plan = b.plan(session_id, division_code=self.county, planned_from=begins, planned_until=ends)
        request = b.ask(provider_uscc=provider, session=plan)
        request.assignment_id = assignment_id
        self.adult("RequestAdult", request, PROCURATOR)

    def start(self, assignment_id: str, who: Who = DESK) -> None:
        """StartCallout."""
        self.call("callout", "StartCallout", api.StartCalloutRequest(assignment_id=assignment_id), who)

    def callout(self, assignment_id: str, who: Who = PROCURATOR) -> api.Callout:
        """The call-out as somebody sees it."""
        request = api.GetCalloutRequest(assignment_id=assignment_id, purpose=CASE_HANDLING)
        found: api.Callout = self.call("callout", "GetCallout", request, who).callout
        return found

    def until(self, assignment_id: str, holds: Callable[[api.Callout], Any]) -> api.Callout:
        """Waits for what the policies do behind the commands."""
        ends = time.monotonic() + WITHIN_S
        while not holds(found := self.callout(assignment_id)):
            assert time.monotonic() < ends, f"it does not come to pass: {found}"
        return found

    def open_offers(self, assignment_id: str, count: int = 1) -> list[api.Offer]:
        """The open offers of a call-out, once there are so many."""
        found = self.until(assignment_id, lambda callout: len(open_of(callout)) == count)
        return open_of(found)

    def token(self, offer: api.Offer) -> str:
        """The token of an offer's link, as the home agency's system fetches it."""
        ends = time.monotonic() + WITHIN_S
        listing = api.ListOfferLinksRequest(purpose=CASE_HANDLING, page_size=200)
        while True:
            found = self.call("callout", "ListOfferLinks", listing, GATEWAY)
            for link in found.links:
                if link.offer_id == offer.offer_id:
                    return str(link.token)
            assert time.monotonic() < ends, "the link is not listed"

    def accept(self, token: str, who: Who = GATEWAY) -> Any:
        """The adult comes."""
        return self.call("callout", "AnswerOffer", api.AnswerOfferRequest(token=token, accept=True, no_conflict=True), who)

    def decline(self, token: str, reason: int = events.DECLINE_REASON_BUSY, who: Who = GATEWAY) -> Any:
        """The adult does not come."""
        return self.call("callout", "AnswerOffer", api.AnswerOfferRequest(token=token, decline_reason=reason), who)  # type: ignore[arg-type]

    def assignment(self, assignment_id: str) -> assignments.Assignment:
        """The assignment as the organ sees it."""
        request = assignments.GetAssignmentRequest(assignment_id=assignment_id, purpose=CASE_HANDLING)
        found: assignments.Assignment = self.adult("GetAssignment", request, PROCURATOR).assignment
        return found

    def confirm(self, assignment_id: str) -> None:
        """The organ checks, consults and confirms, once the adult's calendar holds the time."""
        ends = time.monotonic() + WITHIN_S
        while not self.assignment(assignment_id).reserved:
            assert time.monotonic() < ends, "the calendar does not answer"
        for name, request in (
            ("RunConflictCheck", assignments.RunConflictCheckRequest(assignment_id=assignment_id)),
            ("ConsultMinor", assignments.ConsultMinorRequest(assignment_id=assignment_id, accepts=True)),
            ("ConfirmAdult", assignments.ConfirmAdultRequest(assignment_id=assignment_id)),
        ):
            self.adult(name, request, PROCURATOR)


def open_of(callout: api.Callout) -> list[api.Offer]:
    """The offers that wait for an answer."""
    return [offer for offer in callout.offers if offer.status == api.OFFER_STATUS_OPEN]


def statuses(callout: api.Callout) -> Sequence[str]:
    """The states of the offers, in their order."""
    return [api.OfferStatus.Name(offer.status).removeprefix("OFFER_STATUS_") for offer in callout.offers]
