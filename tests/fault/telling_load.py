"""Referrals that must be told while the process that tells them is killed again and again, and the account afterwards."""

import contextlib
import queue
import random
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import grpc

from guanhu.intake.v1 import intake_service_pb2 as intake
from guanhu.intake.v1 import referral_events_pb2 as referrals
from guanhu.notify.v1 import notify_service_pb2 as api
from guanhu.notify.v1 import subscription_events_pb2 as subscriptions
from services.demo.client import Client
from services.demo.process import ServiceProcess
from tests.contract.agencies import CASE_HANDLING, CYL, PROC, SWO, head, open_case, referral, register_agencies
from tests.contract.receiver import Receiver
from tests.fault.under_load import AGAIN

THREADS = 8
PROCURATOR = (PROC, "procurator-1", "CASE_PROCURATOR")
RECIPIENTS = (CYL, SWO)
CALM_S = 120.0


@dataclass
class Telling:
    """A service, the receivers of both agencies, and the referrals that were acknowledged."""

    service: ServiceProcess
    receivers: dict[str, Receiver]
    acknowledged: set[str] = field(default_factory=set)
    kills: int = 0

    def listen(self) -> None:
        """Every receiver takes webhooks of its agency."""
        with self.service.client() as client:
            register_agencies(client)
            for uscc, receiver in self.receivers.items():
                allow = api.AllowHostsRequest(head=head(), uscc=uscc, hosts=["localhost"])
                client.call("notify", "AllowHosts", allow)
                endpoint = subscriptions.Endpoint(channel=subscriptions.CHANNEL_WEBHOOK, address=receiver.address)
                register = api.RegisterEndpointRequest(head=head(), uscc=uscc, endpoint=endpoint)
                client.call("notify", "RegisterEndpoint", register, uscc)

    def refer(self, count: int, *, rate_per_s: float = 0.0) -> None:
        """Submits so many referrals, each until it is acknowledged; evenly spread where a rate is given."""
        with self.service.client() as client:
            case = open_case(client)
        began = time.monotonic()

        def submit(number: int) -> None:
            if rate_per_s:
                time.sleep(max(0.0, began + number / rate_per_s - time.monotonic()))
            content = referral(case, kind=referrals.REFERRAL_KIND_SUPPORT, to_uscc=RECIPIENTS[number % len(RECIPIENTS)])
            request = intake.SubmitReferralRequest(head=head(), referral_id=content.referral_id, content=content)
            # A client belongs to one thread at a time.
            client = clients.get()
            self._insist(client, request)
            clients.put(client)
            self.acknowledged.add(content.referral_id)

        clients: queue.SimpleQueue[Client] = queue.SimpleQueue()
        with contextlib.ExitStack() as opened, ThreadPoolExecutor(THREADS) as pool:
            for _ in range(THREADS):
                clients.put(opened.enter_context(self.service.client()))
            list(pool.map(submit, range(count)))

    def refer_under_kills(self, count: int, kills: int, chance: random.Random, **pace: float) -> None:
        """Submits while the service is killed at random points, and goes on killing until there were so many kills."""
        with ThreadPoolExecutor(1) as pool:
            work = pool.submit(self.refer, count, **pace)
            while self.kills < kills:
                time.sleep(chance.uniform(0.3, 2.0))
                self.service.kill()
                self.kills += 1
                self.service.start()
            work.result()
        assert len(self.acknowledged) == count

    def effects(self) -> dict[str, str]:
        """The subject of every effect at the receivers, by its id."""
        found: dict[str, str] = {}
        for receiver in self.receivers.values():
            with receiver.changed:
                found |= {message_id: event["subject"] for message_id, event in receiver.effects.items()}
        return found

    def wait_for_effects(self) -> None:
        """Waits until every acknowledged referral had an effect, as long as there is progress."""
        seen, ends = 0, time.monotonic() + CALM_S
        while (now := len(self.effects())) < len(self.acknowledged):
            if now > seen:
                seen, ends = now, time.monotonic() + CALM_S
            assert time.monotonic() < ends, f"{now} of {len(self.acknowledged)} were told"
            time.sleep(0.1)

    def reconcile(self) -> api.ReconcileResponse:
        """The account once nothing is under way but receipts."""
        with self.service.client() as client:
            ends = time.monotonic() + CALM_S
            while True:
                answer: api.ReconcileResponse = client.call("notify", "Reconcile", api.ReconcileRequest(purpose=CASE_HANDLING))
                if all(pair.owed == pair.delivered for pair in answer.pairs) or time.monotonic() > ends:
                    return answer
                time.sleep(0.5)

    def _insist(self, client: Client, request: Any) -> None:
        while True:
            try:
                client.call("intake", "SubmitReferral", request, *PROCURATOR)
            except grpc.RpcError as error:
                if error.code() not in AGAIN:
                    raise
                time.sleep(0.05)
                continue
            return


def assert_accounted_for(telling: Telling) -> api.ReconcileResponse:
    """Every referral was told, its effect is there once, and the ledger has nothing missing."""
    effects = telling.effects()
    assert sorted(effects.values()) == sorted(f"referral-{referral_id}" for referral_id in telling.acknowledged)
    answer = telling.reconcile()
    assert [str(found) for found in answer.discrepancies] == []
    assert sum(pair.owed for pair in answer.pairs) == sum(pair.delivered for pair in answer.pairs) == len(effects)
    return answer
