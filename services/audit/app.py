"""The wiring of audit. The deciders that it replays with come from where the services are put together."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from guanhu.audit.v1 import audit_service_pb2
from guanhu.deadline.v1 import deadline_events_pb2
from guanhu.directory.v1 import agency_events_pb2
from guanhu.intake.v1 import case_events_pb2, person_events_pb2, referral_events_pb2
from guanhu.notify.v1 import obligation_events_pb2, reconciliation_events_pb2, subscription_events_pb2
from guanhu.social_investigation.v1 import investigation_events_pb2
from services.audit.evidence import EvidenceStore, follower_of, taking_in
from services.audit.fold import Folder
from services.audit.servicer import AuditServicer
from services.kernel.access import Access, ActionRule
from services.kernel.access_record import AccessLog
from services.kernel.admission import Admission
from services.kernel.codec import EventCodec
from services.kernel.commands import generic_handler
from services.kernel.decision import Decider
from services.kernel.directory import DIRECTORY, Directory
from services.kernel.feed import RemoteFeed, SharedFeed
from services.kernel.follow import Follower
from services.kernel.registry import Registry
from services.kernel.resources import Resources
from services.kernel.service import Service
from services.kernel.vault import NoKeys
from services.kernel.view import View

NAME = "audit"
FOLLOWED = ("intake", "social_investigation", "notify")
EVENTS = (
    agency_events_pb2.DESCRIPTOR,
    deadline_events_pb2.DESCRIPTOR,
    case_events_pb2.DESCRIPTOR,
    person_events_pb2.DESCRIPTOR,
    referral_events_pb2.DESCRIPTOR,
    investigation_events_pb2.DESCRIPTOR,
    obligation_events_pb2.DESCRIPTOR,
    subscription_events_pb2.DESCRIPTOR,
    reconciliation_events_pb2.DESCRIPTOR,
)
SERVICE = audit_service_pb2.DESCRIPTOR.services_by_name["AuditService"]


def builder(deciders: Mapping[str, Decider[Any]]) -> Callable[[Resources], Service]:
    """Audit over open resources; `deciders` by the category of their streams."""

    def build(resources: Resources) -> Service:
        pool = resources.pool
        registry = Registry(EVENTS)
        codec = EventCodec(NAME, registry, NoKeys())
        feeds = {origin: SharedFeed(RemoteFeed(origin, resources.channel(NAME, origin))) for origin in FOLLOWED}
        view = View(DIRECTORY, feeds["intake"], pool, NAME, codec)
        directory = Directory(view, pool)
        rules = [ActionRule(f"{NAME}.{method.name}", ("read",)) for method in SERVICE.methods]
        access = Access([Path(__file__).parent / "access.cedar"], rules)
        admission = Admission(NAME, access, AccessLog(pool, NAME), directory)
        store = EvidenceStore(pool, NAME)
        servicer = AuditServicer(store, Folder(deciders, registry), registry, admission, directory, resources.clock)
        return Service(
            name=NAME,
            journal=None,
            codec=codec,
            admission=admission,
            deciders={},
            handlers={SERVICE.full_name: generic_handler(SERVICE, {}, admission, servicer)},
            views={"directory": view},
            followers=[
                Follower(follower_of(origin), feed, pool, NAME, taking_in(origin, NAME)) for origin, feed in feeds.items()
            ],
        )

    return build
