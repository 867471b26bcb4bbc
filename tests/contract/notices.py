"""Agencies that tell one another something, over a system whose clock can be moved. Each test has a case of its own."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from guanhu.intake.v1 import intake_service_pb2 as intake
from guanhu.notify.v1 import notify_service_pb2 as api
from guanhu.notify.v1 import reconciliation_events_pb2 as reconciliations
from guanhu.notify.v1 import subscription_events_pb2 as subscriptions
from services.builders import BUILDERS
from services.demo.client import Client
from services.demo.process import free_address
from services.kernel import host
from services.kernel.clock import SystemClock
from services.kernel.config import Config
from services.kernel.host import Running
from tests.contract.agencies import (
    AUD,
    CASE_HANDLING,
    CYL,
    OTHER_SWO,
    PROC,
    SWO,
    OpenedCase,
    head,
    open_case,
    referral,
    register_agencies,
)
from tests.databases import fresh_database

PROCURATOR = (PROC, "procurator-1", "CASE_PROCURATOR")
LEAGUE = (CYL, "league-1", "CYL_OFFICER")
LOOPBACK = "127.0.0.0/8,::1/128"
PARTIES = (PROC, CYL, SWO)
# Longer than the longest pause between two attempts.
PAUSES_OVER_MIN = 20.0
LOOK_S = 0.1


@dataclass
class MovedClock:
    """The machine's clock, moved by a shift."""

    shift: timedelta = timedelta()

    def now(self) -> datetime:
        return SystemClock().now() + self.shift

    def move(self, **by: float) -> None:
        """Moves on."""
        self.shift += timedelta(**by)


@dataclass
class System:
    """A running system of its own, its clock, and a client that has been every agency once."""

    running: Running
    client: Client
    clock: MovedClock
    case: OpenedCase = field(init=False)
    endpoints: list[tuple[str, int]] = field(default_factory=list)

    def call(self, name: str, request: Any, uscc: str = "", officer: str = "", role: str = "") -> Any:
        """Calls notify."""
        return self.client.call("notify", name, request, uscc, officer, role)

    def refer(self, **changes: object) -> str:
        """The procuratorate refers to the League; returns the referral's id."""
        content = referral(self.case, **changes)
        request = intake.SubmitReferralRequest(head=head(), referral_id=content.referral_id, content=content)
        self.client.call("intake", "SubmitReferral", request, *PROCURATOR)
        return content.referral_id

    def accept(self, referral_id: str, provider: str = SWO) -> None:
        """The League accepts and names the provider."""
        request = intake.AcceptReferralRequest(head=head(), referral_id=referral_id, provider=provider)
        self.client.call("intake", "AcceptReferral", request, *LEAGUE)

    def inbox(self, uscc: str, **fields: Any) -> list[api.Message]:
        """Messages to an agency, of this test's case."""
        request = api.ListInboxRequest(purpose=CASE_HANDLING, case_id=self.case.case_id, **fields)
        return list(self.call("ListInbox", request, uscc).messages)

    def sent(self, uscc: str, **fields: Any) -> list[api.Message]:
        """Messages about an agency's acts, of this test's case."""
        request = api.ListSentRequest(purpose=CASE_HANDLING, case_id=self.case.case_id, **fields)
        return list(self.call("ListSent", request, uscc).messages)

    def acknowledge(self, message: api.Message) -> None:
        """The recipient's system acknowledges."""
        request = api.AcknowledgeReceiptRequest(head=head(), obligation_id=message.obligation_id)
        self.call("AcknowledgeReceipt", request, message.to_uscc)

    def reconcile(self, uscc: str = "", officer: str = "", role: str = "") -> api.ReconcileResponse:
        """Reconciles; as the operator unless told."""
        answer: api.ReconcileResponse = self.call("Reconcile", api.ReconcileRequest(purpose=CASE_HANDLING), uscc, officer, role)
        return answer

    def settle(self) -> None:
        """Waits until everything recorded so far was followed, and what it demands is in the views."""
        for _ in range(2):
            for service in self.running.services.values():
                for follower in service.all_followers():
                    assert follower.wait(follower.feed.head(), 20)

    def until(self, condition: Callable[[], bool], timeout_s: float = 30.0) -> None:
        """Waits until what is asked of the API is so."""
        journal = self.running.services["notify"].journal
        assert journal is not None
        ends = SystemClock().now() + timedelta(seconds=timeout_s)
        while not condition():
            assert SystemClock().now() < ends, "it never came to that"
            journal.wait(journal.head(), LOOK_S)

    def listen(self, uscc: str, channel: int, address: str, host_name: str = "localhost") -> None:
        """The operator allows a host and the agency's system names an endpoint there."""
        allow = api.AllowHostsRequest(head=head(), uscc=uscc, hosts=[host_name])
        self.call("AllowHosts", allow)
        endpoint = subscriptions.Endpoint(channel=channel, address=address)  # type: ignore[arg-type]
        self.call("RegisterEndpoint", api.RegisterEndpointRequest(head=head(), uscc=uscc, endpoint=endpoint), uscc)
        self.endpoints.append((uscc, channel))

    def missing(self, answer: api.ReconcileResponse) -> list[reconciliations.Discrepancy]:
        """What an account names of this test's case."""
        return [found for found in answer.discrepancies if found.cause.case_id == self.case.case_id]

    def forget(self) -> None:
        """Leaves nothing to the next test: no endpoint, and no message that is not delivered and acknowledged."""
        for uscc, channel in self.endpoints:
            request = api.RemoveEndpointRequest(head=head(), uscc=uscc, channel=channel)  # type: ignore[arg-type]
            self.call("RemoveEndpoint", request, uscc)
        self.endpoints.clear()
        self.clock.move(minutes=PAUSES_OVER_MIN)
        self.settle()
        for uscc in PARTIES:
            self.until(lambda uscc=uscc: not self.inbox(uscc, status=api.OBLIGATION_STATUS_OWED))  # type: ignore[misc]
            for message in self.inbox(uscc):
                if message.status != api.OBLIGATION_STATUS_ACKNOWLEDGED:
                    self.acknowledge(message)
        self.clock.shift = timedelta()

    def public_key(self, uscc: str) -> str:
        """The key that an agency verifies webhooks with."""
        request = api.GetSubscriptionRequest(uscc=uscc, purpose=CASE_HANDLING)
        return str(self.call("GetSubscription", request, uscc).endpoints[0].public_key)


@contextmanager
def system(database_url: str, folder: Path, **settings: Any) -> Iterator[System]:
    """A system over a database of its own, with the synthetic agencies and one case."""
    clock = MovedClock()
    config = replace(Config(listen=free_address(), state_folder=folder), **settings)
    with fresh_database(database_url) as url, host.serving(replace(config, database_url=url), BUILDERS, clock=clock) as running:
        assert running.resources.authority is not None
        with Client(f"127.0.0.1:{running.port}", running.resources.authority) as client:
            made = System(running, client, clock)
            register_agencies(client)
            for uscc in (*PARTIES, OTHER_SWO, AUD):
                # Its certificate is issued now: one that a moved clock issues would be one of the future.
                client.channel(uscc)
            yield made


@contextmanager
def telling(made: System) -> Iterator[System]:
    """The system with a new case, for one test."""
    made.case = open_case(made.client)
    yield made
    made.forget()
