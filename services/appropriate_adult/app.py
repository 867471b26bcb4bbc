"""The wiring of appropriate adults."""

from pathlib import Path
from typing import Any

from guanhu.appropriate_adult.v1 import (
    adult_events_pb2,
    assignment_events_pb2,
    attendance_service_pb2,
    callout_events_pb2,
    callout_service_pb2,
    expense_events_pb2,
    expense_service_pb2,
    form_events_pb2,
    form_service_pb2,
)
from guanhu.appropriate_adult.v1 import appropriate_adult_service_pb2 as api
from guanhu.appropriate_adult.v1 import appropriate_adult_service_pb2_grpc as stubs
from guanhu.appropriate_adult.v1 import callout_service_pb2_grpc as callout_stubs
from guanhu.deadline.v1 import deadline_events_pb2
from guanhu.directory.v1 import agency_events_pb2
from guanhu.intake.v1 import case_events_pb2, referral_events_pb2
from guanhu.intake.v1 import intake_service_pb2_grpc as intake_stubs
from services.appropriate_adult import (
    adult,
    assignment,
    calling,
    callout,
    claim,
    desk,
    form,
    policies,
    projections,
    rates,
    roster,
)
from services.appropriate_adult.attendance_servicer import AttendanceServicer
from services.appropriate_adult.callout_routes import CalloutRoutes
from services.appropriate_adult.callout_servicer import CalloutServicer
from services.appropriate_adult.claim_views import CLAIMS, Claims
from services.appropriate_adult.expense_servicer import ExpenseRoutes, ExpenseServicer
from services.appropriate_adult.form_servicer import FormServicer
from services.appropriate_adult.links import OfferLinks
from services.appropriate_adult.paper import Papers
from services.appropriate_adult.roster import Roster
from services.appropriate_adult.routes import Routes
from services.appropriate_adult.servicer import AppropriateAdultServicer
from services.appropriate_adult.views import Adults, Assignments
from services.kernel import milestones
from services.kernel.access import Access, ActionRule, actions_of
from services.kernel.access_record import AccessLog
from services.kernel.admission import Admission
from services.kernel.cases import CASES, Cases
from services.kernel.clocks import Clocks
from services.kernel.codec import EventCodec
from services.kernel.commands import generic_handler
from services.kernel.deadlinelist import DeadlineList
from services.kernel.deadlineview import definition as deadlines
from services.kernel.decision import Decider
from services.kernel.directory import DIRECTORY, Directory
from services.kernel.feed import LocalFeed, RemoteFeed, SharedFeed
from services.kernel.follow import Follower, each
from services.kernel.handler import Handler
from services.kernel.journal import Journal
from services.kernel.registry import Registry
from services.kernel.resources import Resources
from services.kernel.schedule import Scheduler
from services.kernel.service import Service
from services.kernel.view import View
from services.kernel.watch import Watches

NAME = "appropriate_adult"
EVENTS = (
    adult_events_pb2.DESCRIPTOR,
    assignment_events_pb2.DESCRIPTOR,
    callout_events_pb2.DESCRIPTOR,
    deadline_events_pb2.DESCRIPTOR,
    form_events_pb2.DESCRIPTOR,
    expense_events_pb2.DESCRIPTOR,
)
DECIDERS: tuple[Decider[Any], ...] = (
    adult.DECIDER,
    assignment.DECIDER,
    callout.DECIDER,
    desk.DECIDER,
    form.DECIDER,
    rates.DECIDER,
    claim.DECIDER,
)
FOLLOWED = (agency_events_pb2.DESCRIPTOR, case_events_pb2.DESCRIPTOR, referral_events_pb2.DESCRIPTOR)
SERVICE = api.DESCRIPTOR.services_by_name["AppropriateAdultService"]
CALLOUTS = callout_service_pb2.DESCRIPTOR.services_by_name["CalloutService"]
FORMS = form_service_pb2.DESCRIPTOR.services_by_name["FormService"]
EXPENSES = expense_service_pb2.DESCRIPTOR.services_by_name["ExpenseService"]
ATTENDANCE = attendance_service_pb2.DESCRIPTOR.services_by_name["AttendanceService"]
SERVICES = (SERVICE, CALLOUTS, FORMS, EXPENSES, ATTENDANCE)
# ACT-07: steps that only the judicial organs take. The need itself may be identified by the policy, on the organ's behalf.
STATUTORY = frozenset(
    {
        "CorrectNeed",
        "NotifyLegalRep",
        "RecordLegalRepOutcome",
        "RequestAdult",
        "AddParty",
        "ConsultMinor",
        "ConfirmAdult",
        "ServeNotice",
        "ScheduleSession",
        "CancelSession",
        "RecordArrival",
        "RecordNoShow",
        "InformRights",
        "StartSession",
        "LeaveRoom",
        "ReturnToRoom",
        "RaiseObjection",
        "ResolveObjection",
        "PauseSession",
        "ResumeSession",
        "EndSession",
        "ReadRecord",
        "SignRecord",
        "RefuseSignature",
        "CloseSession",
        "ReplaceAdult",
        "ContinueAtNextStage",
        "CompleteAssignment",
        "ReleaseAssignment",
        "ExcludeSessionEvidence",
        "CureSessionDefect",
    }
)


def actions() -> list[ActionRule]:
    """Every method of the gRPC services, as policies name it."""
    return actions_of(NAME, SERVICES, STATUTORY)


def build(resources: Resources) -> Service:
    """Appropriate adults over open resources."""
    pool, clock = resources.pool, resources.clock
    journal = Journal(pool, NAME)
    codec = EventCodec(NAME, Registry(EVENTS), resources.vault)
    intake_codec = EventCodec("intake", Registry(FOLLOWED), resources.vault)
    feed = SharedFeed(LocalFeed(journal))
    intake_feed = SharedFeed(RemoteFeed("intake", resources.channel(NAME, "intake")))
    views = {
        "assignments": View(projections.ASSIGNMENTS, feed, pool, NAME, codec),
        "adults": View(projections.ADULTS, feed, pool, NAME, codec),
        "roster": View(roster.ROSTER, feed, pool, NAME, codec),
        "claims": View(CLAIMS, feed, pool, NAME, codec),
        # Whoever acts on a clock hears of it; no other officer answers for one.
        "deadlines": View(deadlines(lambda _, __: ()), feed, pool, NAME, codec),
        "directory": View(DIRECTORY, intake_feed, pool, NAME, intake_codec),
        "cases": View(CASES, intake_feed, pool, NAME, intake_codec),
    }
    adults = Handler(journal, adult.DECIDER, codec, clock, resources.request_key)
    assignments = Handler(journal, assignment.DECIDER, codec, clock, resources.request_key)
    callouts = Handler(journal, callout.DECIDER, codec, clock, resources.request_key)
    desks = Handler(journal, desk.DECIDER, codec, clock, resources.request_key)
    directory = Directory(views["directory"], pool)
    routes = Routes(adults, assignments, directory, Cases(views["cases"], pool), clock)
    access = Access([Path(__file__).parent / "access.cedar"], actions())
    admission = Admission(NAME, access, AccessLog(pool, NAME), directory)
    listed = (Assignments(views["assignments"], pool), Adults(views["adults"], pool))
    watches = Watches(journal, resources.stopping)
    servicer = AppropriateAdultServicer(routes, admission, *listed, clock, watches)
    index = Roster(views["roster"], pool, adults)
    callout_routes = CalloutRoutes(callouts, desks, routes, index, directory, journal)
    callout_servicer = CalloutServicer(routes, callout_routes, admission, index, OfferLinks(resources.vault), clock)
    fonts = Path(resources.config.report_fonts) if resources.config.report_fonts else None
    forms = Handler(journal, form.DECIDER, codec, clock, resources.request_key)
    form_servicer = FormServicer(routes, forms, Papers(assignments, adults, directory, fonts), admission, journal)
    expenses = ExpenseRoutes(
        routes,
        Handler(journal, rates.DECIDER, codec, clock, resources.request_key),
        Handler(journal, claim.DECIDER, codec, clock, resources.request_key),
        journal,
    )
    claims = Claims(views["claims"], pool)
    expense_servicer = ExpenseServicer(expenses, claims, admission)
    attendance = AttendanceServicer(routes, claims, admission, directory, journal, codec, clock, watches)
    intake_stub = intake_stubs.IntakeServiceStub(resources.channel(NAME, "intake"))
    own_channel = resources.channel(NAME, NAME)
    own_stub = stubs.AppropriateAdultServiceStub(own_channel)
    opening = policies.opening(intake_stub, own_stub, intake_codec)
    telling = milestones.milestones(intake_stub, assignments, codec, policies.MILESTONES)
    booking = policies.booking(own_stub, assignments, codec)
    calls = calling.calling(own_stub, callout_stubs.CalloutServiceStub(own_channel), callouts, desks, codec)
    clocked = {assignment.DECIDER.category: routes.clocks(), callout.DECIDER.category: callout_routes.clocks()}
    clocks = Clocks(clocked, DeadlineList(views["deadlines"], pool))
    return Service(
        name=NAME,
        journal=journal,
        codec=codec,
        admission=admission,
        deciders={decider.category: decider for decider in DECIDERS},
        handlers={
            SERVICE.full_name: generic_handler(SERVICE, routes.by_command(), admission, servicer),
            CALLOUTS.full_name: generic_handler(CALLOUTS, callout_routes.by_command(), admission, callout_servicer),
            FORMS.full_name: generic_handler(FORMS, {}, admission, form_servicer),
            EXPENSES.full_name: generic_handler(EXPENSES, expenses.by_command(), admission, expense_servicer),
            ATTENDANCE.full_name: generic_handler(ATTENDANCE, {}, admission, attendance),
        },
        views=views,
        followers=[
            Follower(f"policy:{policies.OPENING}", intake_feed, pool, NAME, each(opening)),
            Follower(f"policy:{milestones.NAME}", feed, pool, NAME, each(telling)),
            Follower(f"policy:{policies.BOOKING}", feed, pool, NAME, each(booking)),
            Follower(f"policy:{calling.CALLING}", feed, pool, NAME, each(calls)),
        ],
        clocks=clocks,
        scheduler=Scheduler(NAME, clocks, clock),
    )
