"""Telemetry: one trace from the caller through journal and followers, metrics by their names, and no personal value."""

import queue
import re
from collections.abc import Iterator
from concurrent import futures
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import pytest
import yaml
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2 as metrics_pb2
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2_grpc as metrics_rpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as trace_pb2
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc as trace_rpc

from guanhu.intake.v1 import intake_service_pb2 as intake
from guanhu.social_investigation.v1 import social_investigation_service_pb2 as investigations
from services.builders import BUILDERS
from services.demo.client import Client
from services.demo.process import ServiceProcess, free_address
from services.kernel import metrics
from services.kernel.clock import SystemClock
from services.kernel.dates import from_datetime
from services.notify import metrics as told
from tests.contract.agencies import CASE_HANDLING, CYL, PROC, SWO, head, open_case, referral, register_agencies
from tests.databases import fresh_database
from tests.fault.stories import OPENED, question

CANARY = "金丝雀案情"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACE_PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"
ROOT = Path(__file__).parents[2]
METRICS = {metric.name for metric in (*metrics.ALL, *told.ALL)}
# What nothing here comes to: no overload, no unknown type, nothing given up, and no day is over while the test runs.
RARE = {metric.name for metric in (metrics.CALLS_SHED, metrics.UNKNOWN_EVENTS, told.EXHAUSTED, told.MISSING, told.RECONCILED)}
HISTOGRAMS = (metrics.RPC_DURATION, metrics.APPEND_DURATION, metrics.APPEND_BATCH_SIZE, metrics.DEADLINE_LATE, told.DELIVERY)
EXPORTS_MAX = 20


@dataclass
class Collector(trace_rpc.TraceServiceServicer, metrics_rpc.MetricsServiceServicer):
    """Receives what a process exports."""

    spans: list[Any] = field(default_factory=list)
    metrics: dict[str, Any] = field(default_factory=dict)
    text: list[str] = field(default_factory=list)
    arrived: "queue.Queue[str]" = field(default_factory=queue.Queue)

    def Export(self, request: Any, _: grpc.ServicerContext) -> Any:
        self.text.append(str(request))
        if isinstance(request, trace_pb2.ExportTraceServiceRequest):
            for resource in request.resource_spans:
                self.spans += [span for scope in resource.scope_spans for span in scope.spans]
            return trace_pb2.ExportTraceServiceResponse()
        for resource in request.resource_metrics:
            self.metrics |= {metric.name: metric for scope in resource.scope_metrics for metric in scope.metrics}
        self.arrived.put("metrics")
        return metrics_pb2.ExportMetricsServiceResponse()


@pytest.fixture(scope="module")
def collector() -> Iterator[tuple[Collector, str]]:
    server, address, received = grpc.server(futures.ThreadPoolExecutor(4)), free_address(), Collector()
    trace_rpc.add_TraceServiceServicer_to_server(received, server)  # type: ignore[no-untyped-call]
    metrics_rpc.add_MetricsServiceServicer_to_server(received, server)  # type: ignore[no-untyped-call]
    server.add_insecure_port(address)
    server.start()
    yield received, f"http://{address}"
    server.stop(None)


@pytest.fixture(scope="module")
def exported(
    collector: tuple[Collector, str], database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Collector, ServiceProcess]]:
    """What a process exported that accepted a referral, let its policy draft the commission, and was told to stop."""
    received, endpoint = collector
    with fresh_database(database_url) as url:
        process = ServiceProcess(
            url,
            tmp_path_factory.mktemp("state"),
            settings={"GUANHU_OTLP_ENDPOINT": endpoint, "OTEL_METRIC_EXPORT_INTERVAL": "500"},
        )
        process.start()
        try:
            with process.client() as client:
                play(client)
            # The second of two exports from now on looked at the followers after the story; the clock is over a moment later.
            received.arrived.queue.clear()
            for exports in range(EXPORTS_MAX):
                if exports >= 2 and metrics.DEADLINE_LATE.name in received.metrics:
                    break
                received.arrived.get(timeout=30)
        finally:
            code = process.terminate()
        assert code == 0
        yield received, process


def play(client: Client) -> None:
    register_agencies(client)
    case = open_case(client, CANARY, from_datetime(SystemClock().now() - OPENED))
    question(client, case.case_id)
    content = referral(case, brief_facts=CANARY, needs=CANARY)
    submit = intake.SubmitReferralRequest(head=head(), referral_id=content.referral_id, content=content)
    client.call("intake", "SubmitReferral", submit, PROC, "procurator-1", "CASE_PROCURATOR")
    accept = intake.AcceptReferralRequest(head=head(), referral_id=content.referral_id, provider=SWO)
    client.call("intake", "AcceptReferral", accept, CYL, "league-1", "CYL_OFFICER", trace_parent=TRACE_PARENT)
    drafted = investigations.ListInvestigationsRequest(case_id=content.case_id, purpose=CASE_HANDLING)
    officer = (PROC, "procurator-1", "CASE_PROCURATOR")
    # The policy works behind the command: asked for until it is there, or the test times out.
    while not client.call("social_investigation", "ListInvestigations", drafted, *officer).investigations:
        pass


def spans_of(received: Collector, trace: str) -> dict[str, set[str]]:
    """Names of the spans of a trace, each with the names of those below it."""
    mine = {span.span_id: span for span in received.spans if span.trace_id.hex() == trace}
    below: dict[str, set[str]] = {span.name: set() for span in mine.values()}
    for span in mine.values():
        if span.parent_span_id in mine:
            below[mine[span.parent_span_id].name].add(span.name)
    return below


def test_a_call_its_events_and_what_followers_do_about_them_are_one_trace(exported: tuple[Collector, ServiceProcess]) -> None:
    below = spans_of(exported[0], TRACE)
    accept = "/guanhu.intake.v1.IntakeService/AcceptReferral"
    create = "/guanhu.social_investigation.v1.SocialInvestigationService/CreateCommission"
    add = "/guanhu.intake.v1.IntakeService/AddParticipant"
    assert below[accept] >= {"journal append", "project referrals", create, add}
    # Beyond the client's span there is the server's, and what its event led to.
    assert below[create] >= {create, "journal append", "project investigations"}


def test_every_metric_that_counts_anything_here_arrives_by_its_name(exported: tuple[Collector, ServiceProcess]) -> None:
    assert set(exported[0].metrics) == METRICS - RARE


def test_attributes_of_clocks_and_messages_are_words_of_the_protocol(exported: tuple[Collector, ServiceProcess]) -> None:
    found = {
        name: {(attribute.key, attribute.value.string_value) for attribute in attributes_of(exported[0].metrics[name])}
        for name in METRICS - RARE
        if name.startswith(("guanhu_deadline", "guanhu_notify"))
    }
    # Those of the services that keep clocks.
    services = {("service", name) for name in ("intake", "social_investigation")}
    assert services <= found[metrics.DEADLINE_POINTS_DUE.name] <= {("service", name) for name in BUILDERS}
    assert found == {
        metrics.DEADLINE_LATE.name: {("service", "intake"), ("kind", "lapse")},
        metrics.DEADLINE_POINTS_DUE.name: (kept := found[metrics.DEADLINE_POINTS_DUE.name]),
        metrics.DEADLINES_OPEN.name: kept | {("status", name) for name in ("RUNNING", "PAUSED", "EXPIRED")},
        told.OWED.name: {("kind", "HANDOFF"), ("kind", "ANSWER"), ("kind", "DEADLINE")},
        told.ATTEMPTS.name: {("channel", "INBOX"), ("outcome", "DELIVERED")},
        told.DELIVERY.name: {("channel", "INBOX")},
        told.UNDELIVERED.name: set(),
        told.OLDEST.name: set(),
    }


def attributes_of(metric: Any) -> list[Any]:
    """The attributes of every point of a metric, whatever its kind."""
    points = getattr(metric, metric.WhichOneof("data")).data_points
    return [attribute for point in points for attribute in point.attributes]


def test_no_personal_value_leaves_by_traces_metrics_or_logs(exported: tuple[Collector, ServiceProcess]) -> None:
    received, process = exported
    assert received.text and process.lines
    assert CANARY not in "".join(received.text) + "".join(process.lines)
    # protobuf's text form escapes what is not ASCII.
    assert "".join(f"\\{byte:03o}" for byte in CANARY.encode()) not in "".join(received.text)


def test_log_lines_of_a_traced_call_name_its_trace(exported: tuple[Collector, ServiceProcess]) -> None:
    assert any(TRACE in line and "AcceptReferral" in line for line in exported[1].lines)


@pytest.mark.parametrize("file", sorted(path.name for path in (ROOT / "deploy" / "telemetry").iterdir()))
def test_dashboards_and_alerts_name_metrics_that_exist(file: str) -> None:
    text = (ROOT / "deploy" / "telemetry" / file).read_text(encoding="utf-8")
    known = METRICS | {f"{metric.name}_{part}" for metric in HISTOGRAMS for part in ("bucket", "count", "sum")}
    named = set(re.findall(r"\bguanhu_[a-z_]+", text))
    assert named
    assert named <= known


def test_operators_are_told_of_every_metric() -> None:
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `(guanhu_\w+)`", page, re.MULTILINE)) == METRICS


def test_the_dashboard_shows_every_metric() -> None:
    text = (ROOT / "deploy" / "telemetry" / "dashboard.json").read_text(encoding="utf-8")
    assert {name for name in METRICS if not re.search(rf"\b{name}", text)} == set()


def test_every_alert_has_a_runbook() -> None:
    alerts = yaml.safe_load((ROOT / "deploy" / "telemetry" / "alerts.yaml").read_text(encoding="utf-8"))
    rules = [rule for group in alerts["groups"] for rule in group["rules"]]
    headings = re.findall(r"^#+ (.+)$", (ROOT / "docs" / "operations.md").read_text(encoding="utf-8"), re.MULTILINE)
    anchors = {f"docs/operations.md#{heading.lower().replace(' ', '-')}" for heading in headings}
    assert len(rules) == len({rule["alert"] for rule in rules})
    assert {rule["annotations"]["runbook"] for rule in rules} <= anchors
