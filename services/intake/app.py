"""The wiring of intake."""

from pathlib import Path
from typing import Any

from guanhu.deadline.v1 import deadline_events_pb2
from guanhu.directory.v1 import agency_events_pb2
from guanhu.intake.v1 import case_events_pb2, intake_service_pb2, person_events_pb2, referral_events_pb2
from guanhu.intake.v1 import intake_service_pb2_grpc as stubs
from guanhu.social_investigation.v1 import investigation_events_pb2
from services.intake import policies, projections
from services.intake.routes import Routes
from services.intake.servicer import IntakeServicer
from services.intake.views import Agencies, Assignments, Referrals
from services.kernel.access import Access, ActionRule, actions_of
from services.kernel.access_record import AccessLog
from services.kernel.admission import Admission
from services.kernel.clocks import Clocks
from services.kernel.codec import EventCodec
from services.kernel.commands import generic_handler
from services.kernel.deadlinelist import DeadlineList
from services.kernel.decision import Decider
from services.kernel.feed import LocalFeed, RemoteFeed, SharedFeed
from services.kernel.follow import Follower, each
from services.kernel.handler import Handler
from services.kernel.journal import Journal
from services.kernel.registry import Registry
from services.kernel.resources import Resources
from services.kernel.schedule import Scheduler
from services.kernel.service import Service
from services.kernel.view import View

NAME = "intake"
EVENTS = (
    agency_events_pb2.DESCRIPTOR,
    case_events_pb2.DESCRIPTOR,
    deadline_events_pb2.DESCRIPTOR,
    person_events_pb2.DESCRIPTOR,
    referral_events_pb2.DESCRIPTOR,
)
FOLLOWED = (investigation_events_pb2.DESCRIPTOR,)
SERVICE = intake_service_pb2.DESCRIPTOR.services_by_name["IntakeService"]


def actions() -> list[ActionRule]:
    """Every method of the service, as policies name it."""
    return actions_of(NAME, [SERVICE])


def build(resources: Resources) -> Service:
    """Intake over open resources."""
    pool, clock = resources.pool, resources.clock
    journal = Journal(pool, NAME)
    codec = EventCodec(NAME, Registry(EVENTS), resources.vault)
    feed = SharedFeed(LocalFeed(journal))
    agencies_view = View(projections.AGENCIES, feed, pool, NAME, codec)
    referrals_view = View(projections.REFERRALS, feed, pool, NAME, codec)
    deadlines_view = View(projections.DEADLINES, feed, pool, NAME, codec)
    listed = Referrals(referrals_view, pool)

    def make_handler(decider: Decider[Any]) -> Handler[Any]:
        return Handler(journal, decider, codec, clock, resources.request_key)

    # Who may see a minor at a provider follows from who is assigned, which social investigation records.
    assignments_view = View(
        projections.ASSIGNMENTS,
        SharedFeed(RemoteFeed("social_investigation", resources.channel(NAME, "social_investigation"))),
        pool,
        NAME,
        EventCodec("social_investigation", Registry(FOLLOWED), resources.vault),
    )
    routes = Routes(make_handler, journal, Assignments(assignments_view, pool), clock)
    access = Access([Path(__file__).parent / "access.cedar"], actions())
    admission = Admission(NAME, access, AccessLog(pool, NAME), routes)
    by_command = routes.by_command()
    servicer = IntakeServicer(routes, admission, Agencies(agencies_view, pool), listed, clock)
    participation = policies.participation(stubs.IntakeServiceStub(resources.channel(NAME, NAME)), routes, codec)
    clocks = Clocks({routes.cases.decider.category: routes.clocks()}, DeadlineList(deadlines_view, pool))
    return Service(
        name=NAME,
        journal=journal,
        codec=codec,
        admission=admission,
        deciders={handler.decider.category: handler.decider for handler in routes.handlers()},
        handlers={SERVICE.full_name: generic_handler(SERVICE, by_command, admission, servicer)},
        views={
            "agencies": agencies_view,
            "referrals": referrals_view,
            "assignments": assignments_view,
            "deadlines": deadlines_view,
        },
        followers=[Follower(f"policy:{policies.NAME}", feed, pool, NAME, each(participation))],
        clocks=clocks,
        scheduler=Scheduler(NAME, clocks, clock),
    )
