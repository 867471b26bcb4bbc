"""The wiring of audit. What it follows and replays with comes from where the services are put together."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from google.protobuf.descriptor import FileDescriptor

from guanhu.audit.v1 import audit_service_pb2
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
SERVICE = audit_service_pb2.DESCRIPTOR.services_by_name["AuditService"]


def builder(
    deciders: Mapping[str, Decider[Any]], events: Mapping[str, Sequence[FileDescriptor]]
) -> Callable[[Resources], Service]:
    """Audit over open resources; `deciders` by the category of their streams, `events` of each journal that is followed."""

    def build(resources: Resources) -> Service:
        pool = resources.pool
        registry = Registry(list(dict.fromkeys(file for files in events.values() for file in files)))
        codec = EventCodec(NAME, registry, NoKeys())
        feeds = {origin: SharedFeed(RemoteFeed(origin, resources.channel(NAME, origin))) for origin in events}
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
