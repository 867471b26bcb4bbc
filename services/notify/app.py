"""The wiring of notifications."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from guanhu.appropriate_adult.v1 import adult_events_pb2, assignment_events_pb2, callout_events_pb2
from guanhu.deadline.v1 import deadline_events_pb2
from guanhu.directory.v1 import agency_events_pb2
from guanhu.intake.v1 import case_events_pb2, person_events_pb2, referral_events_pb2
from guanhu.notify.v1 import notify_service_pb2 as api
from guanhu.notify.v1 import obligation_events_pb2, reconciliation_events_pb2, subscription_events_pb2
from guanhu.notify.v1 import subscription_events_pb2 as subscriptions
from guanhu.social_investigation.v1 import investigation_events_pb2
from services.kernel.access import Access, ActionRule, actions_of
from services.kernel.access_record import AccessLog
from services.kernel.admission import Admission
from services.kernel.codec import EventCodec
from services.kernel.commands import generic_handler
from services.kernel.config import Config
from services.kernel.decision import Decider
from services.kernel.directory import DIRECTORY, Directory
from services.kernel.feed import LocalFeed, RemoteFeed, SharedFeed
from services.kernel.follow import Follower
from services.kernel.handler import Handler
from services.kernel.journal import Journal
from services.kernel.leader import Led
from services.kernel.registry import Registry
from services.kernel.resources import Resources
from services.kernel.service import Service
from services.kernel.view import View
from services.kernel.watch import Watches
from services.notify import projections, reconciliation
from services.notify.books import BookKeeper
from services.notify.channels import Channel, Channels
from services.notify.channels.egress import Egress
from services.notify.channels.mail import MailChannel, Relay
from services.notify.channels.sms import FileSms, SmsChannel
from services.notify.channels.webhook import WebhookChannel
from services.notify.delivery import DeliveryWorker
from services.notify.gauges import gauges
from services.notify.ledger import Ledger
from services.notify.routes import Routes
from services.notify.servicer import NotifyServicer
from services.notify.signing import SigningKeys
from services.notify.subscriptions import KnownSubscriptions
from services.notify.telling import telling
from services.notify.views import Obligations

NAME = "notify"
# Every journal that something may have to be told of; its own, because a failed delivery is told to the sender.
FOLLOWED = ("intake", "social_investigation", "appropriate_adult")
EVENTS = (
    subscription_events_pb2.DESCRIPTOR,
    obligation_events_pb2.DESCRIPTOR,
    reconciliation_events_pb2.DESCRIPTOR,
)
FOLLOWED_EVENTS = (
    deadline_events_pb2.DESCRIPTOR,
    agency_events_pb2.DESCRIPTOR,
    case_events_pb2.DESCRIPTOR,
    person_events_pb2.DESCRIPTOR,
    referral_events_pb2.DESCRIPTOR,
    investigation_events_pb2.DESCRIPTOR,
    adult_events_pb2.DESCRIPTOR,
    assignment_events_pb2.DESCRIPTOR,
    callout_events_pb2.DESCRIPTOR,
)
SERVICE = api.DESCRIPTOR.services_by_name["NotifyService"]


@dataclass
class NotifyService(Service):
    """A service with workers besides its followers."""

    workers: Mapping[str, Led] = field(default_factory=dict)

    def led(self) -> Mapping[str, Led]:
        """Followers and workers."""
        return {**super().led(), **self.workers}


def actions() -> list[ActionRule]:
    """Every method of the service, as policies name it."""
    return actions_of(NAME, [SERVICE])


def channels(config: Config, keys: SigningKeys) -> Channels:
    """The channels that the settings offer; webhooks always."""
    egress = Egress.parse(config.notify_networks)
    offered: dict[subscriptions.Channel.ValueType, Channel] = {
        subscriptions.CHANNEL_WEBHOOK: WebhookChannel(keys, egress, config.notify_ca)
    }
    if config.smtp_host:
        relay = Relay(
            config.smtp_host,
            int(config.smtp_port),
            config.smtp_sender,
            config.smtp_security,
            config.smtp_user,
            config.smtp_password_file,
            config.notify_ca,
        )
        offered[subscriptions.CHANNEL_EMAIL] = MailChannel(relay)
    folder = config.sms_folder or ("" if config.production else str(config.state_folder / "sms"))
    if folder:
        offered[subscriptions.CHANNEL_SMS] = SmsChannel(FileSms(Path(folder)))
    return offered


def close_all(offered: Channels) -> None:
    """Closes what the channels keep open, after the last delivery."""
    for channel in offered.values():
        channel.close()


def build(resources: Resources) -> Service:
    """Notifications over open resources."""
    pool, clock = resources.pool, resources.clock
    journal = Journal(pool, NAME)
    codec = EventCodec(NAME, Registry(EVENTS), resources.vault)
    everything = EventCodec(NAME, Registry((*EVENTS, *FOLLOWED_EVENTS)), resources.vault)
    own_feed = SharedFeed(LocalFeed(journal))
    feeds = {origin: SharedFeed(RemoteFeed(origin, resources.channel(NAME, origin))) for origin in FOLLOWED}
    feeds[NAME] = own_feed
    views = {
        "obligations": View(projections.OBLIGATIONS, own_feed, pool, NAME, codec),
        "directory": View(DIRECTORY, feeds["intake"], pool, NAME, everything),
    }

    def make_handler(decider: Decider[Any]) -> Handler[Any]:
        return Handler(journal, decider, codec, clock, resources.request_key)

    keys = SigningKeys(resources.vault)
    offered = channels(resources.config, keys)
    routes = Routes(make_handler, keys, frozenset(offered))
    access = Access([Path(__file__).parent / "access.cedar"], actions())
    admission = Admission(NAME, access, AccessLog(pool, NAME), Directory(views["directory"], pool))
    listed = Obligations(views["obligations"], pool)
    ledger = Ledger(journal, codec, clock)
    # Reconciled from the journals themselves: nothing that followers share is believed.
    sources = {origin: feed.source for origin, feed in feeds.items()}
    books = BookKeeper(sources, everything, ledger, listed, clock)
    known = KnownSubscriptions(routes.subscriptions, clock)
    servicer = NotifyServicer(routes, admission, listed, books, Watches(journal, resources.stopping))
    worker = DeliveryWorker(listed, ledger, routes.subscriptions, offered, journal, pool, clock)
    deciders = (routes.obligations.decider, routes.subscriptions.decider, reconciliation.DECIDER)
    return NotifyService(
        name=NAME,
        journal=journal,
        codec=codec,
        admission=admission,
        deciders={decider.category: decider for decider in deciders},
        handlers={SERVICE.full_name: generic_handler(SERVICE, routes.by_command(), admission, servicer)},
        views=views,
        followers=[
            Follower(f"telling:{origin}", feed, pool, NAME, telling(origin, everything, NAME, ledger, known))
            for origin, feed in feeds.items()
        ],
        gauges=gauges(listed, books, clock),
        workers={"deliveries": worker, "reconciliation": books},
        close=lambda: close_all(offered),
    )
