"""The wiring of social investigations."""

from pathlib import Path

from guanhu.deadline.v1 import deadline_events_pb2
from guanhu.directory.v1 import agency_events_pb2
from guanhu.intake.v1 import case_events_pb2, referral_events_pb2
from guanhu.intake.v1 import intake_service_pb2_grpc as intake_stubs
from guanhu.social_investigation.v1 import investigation_events_pb2
from guanhu.social_investigation.v1 import social_investigation_service_pb2 as api
from guanhu.social_investigation.v1 import social_investigation_service_pb2_grpc as stubs
from services.kernel import milestones
from services.kernel.access import Access, ActionRule, actions_of
from services.kernel.access_record import AccessLog
from services.kernel.admission import Admission
from services.kernel.cases import CASES, Cases
from services.kernel.clocks import Clocks
from services.kernel.codec import EventCodec
from services.kernel.commands import generic_handler
from services.kernel.deadlinelist import DeadlineList
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
from services.social_investigation import policies, projections
from services.social_investigation.investigation import DECIDER
from services.social_investigation.paper import Papers
from services.social_investigation.routes import Routes
from services.social_investigation.servicer import SocialInvestigationServicer
from services.social_investigation.views import Investigations

NAME = "social_investigation"
EVENTS = (investigation_events_pb2.DESCRIPTOR, deadline_events_pb2.DESCRIPTOR)
FOLLOWED = (agency_events_pb2.DESCRIPTOR, case_events_pb2.DESCRIPTOR, referral_events_pb2.DESCRIPTOR)
SERVICE = api.DESCRIPTOR.services_by_name["SocialInvestigationService"]
# ACT-07: steps that only the judicial organs take.
STATUTORY = frozenset(
    {
        "IssueCommission",
        "DecideRecusal",
        "BeginExamination",
        "RequestSupplement",
        "AdoptReport",
        "RejectReport",
        "TransferReport",
        "HandleObjection",
        "SummonInvestigator",
        "RecordTestimony",
        "DecideFalsification",
        "WithdrawCommission",
        "TerminateInvestigation",
        "CloseInvestigation",
    }
)


def actions() -> list[ActionRule]:
    """Every method of the service, as policies name it."""
    return actions_of(NAME, [SERVICE], STATUTORY)


def build(resources: Resources) -> Service:
    """Social investigations over open resources."""
    pool, clock = resources.pool, resources.clock
    journal = Journal(pool, NAME)
    codec = EventCodec(NAME, Registry(EVENTS), resources.vault)
    intake_codec = EventCodec("intake", Registry(FOLLOWED), resources.vault)
    feed = SharedFeed(LocalFeed(journal))
    intake_feed = SharedFeed(RemoteFeed("intake", resources.channel(NAME, "intake")))
    views = {
        "investigations": View(projections.INVESTIGATIONS, feed, pool, NAME, codec),
        "deadlines": View(projections.DEADLINES, feed, pool, NAME, codec),
        "directory": View(DIRECTORY, intake_feed, pool, NAME, intake_codec),
        "cases": View(CASES, intake_feed, pool, NAME, intake_codec),
    }
    handler = Handler(journal, DECIDER, codec, clock, resources.request_key)
    directory = Directory(views["directory"], pool)
    fonts = Path(resources.config.report_fonts) if resources.config.report_fonts else None
    papers = Papers(handler, directory, fonts)
    routes = Routes(handler, directory, Cases(views["cases"], pool), papers, clock)
    access = Access([Path(__file__).parent / "access.cedar"], actions())
    admission = Admission(NAME, access, AccessLog(pool, NAME), directory)
    listed = Investigations(views["investigations"], pool)
    servicer = SocialInvestigationServicer(routes, admission, listed, papers)
    intake_stub = intake_stubs.IntakeServiceStub(resources.channel(NAME, "intake"))
    own_stub = stubs.SocialInvestigationServiceStub(resources.channel(NAME, NAME))
    opening = policies.opening(intake_stub, own_stub, intake_codec)
    telling = milestones.milestones(intake_stub, handler, codec, policies.MILESTONES)
    clocks = Clocks({DECIDER.category: routes.clocks()}, DeadlineList(views["deadlines"], pool))
    return Service(
        name=NAME,
        journal=journal,
        codec=codec,
        admission=admission,
        deciders={DECIDER.category: DECIDER},
        handlers={SERVICE.full_name: generic_handler(SERVICE, routes.by_command(), admission, servicer)},
        views=views,
        followers=[
            Follower(f"policy:{policies.OPENING}", intake_feed, pool, NAME, each(opening)),
            Follower(f"policy:{milestones.NAME}", feed, pool, NAME, each(telling)),
        ],
        clocks=clocks,
        scheduler=Scheduler(NAME, clocks, clock),
    )
