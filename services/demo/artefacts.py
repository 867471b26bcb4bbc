"""What a played case leaves on disk: report and forms on paper, the timeline, the bundle of the case."""

import io
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import grpc

from guanhu.appropriate_adult.v1 import form_service_pb2 as formpb
from guanhu.audit.v1 import audit_service_pb2 as auditpb
from guanhu.notify.v1 import notify_service_pb2 as notifypb
from guanhu.operations.v1 import operations_service_pb2 as operationspb
from guanhu.social_investigation.v1 import social_investigation_service_pb2 as investigationpb
from guanhu.types.v1 import types_pb2
from services.demo.casefile import CaseFile, Officer
from services.demo.client import Client
from services.demo.player import CaseFailed, Played
from services.kernel.rpc import reason_of

AUDIT = types_pb2.Purpose(code=types_pb2.PURPOSE_CODE_AUDIT, legal_basis="ACT-09")
HANDLING = types_pb2.Purpose(code=types_pb2.PURPOSE_CODE_CASE_HANDLING, legal_basis="CPL Art. 279")
PAGE = 200
# Whom forms are open to, and the reasons with which everybody else is told nothing of them.
FORM_READERS = frozenset({"POLICE_OFFICER", "CASE_PROCURATOR", "JUDGE", "APPROPRIATE_ADULT"})
NOT_OPEN = frozenset({"NOT_ALLOWED", "SEALED_OR_NOT_FOUND"})
FORMATS = {"pdf": formpb.FORM_FORMAT_PDF, "docx": formpb.FORM_FORMAT_DOCX}
# Policies and audit work behind the commands: the history is whole when every follower stands at the end of its journal.
FOLLOWING = ("intake", "social_investigation", "appropriate_adult", "notify", "audit")
LOOK_S = 0.05
SETTLED_WITHIN_S = 20.0


class Artefacts:
    """Asks the running services for what a case leaves behind, as the officers of the case file."""

    def __init__(self, case: CaseFile, played: Played, client: Client) -> None:
        self._case = case
        self._played = played
        self._client = client

    def whole_history(self, between: Callable[[], object]) -> list[auditpb.Entry]:
        """The history of the case once audit has everything that the case caused, as its auditor reads it.

        `between` is what the agencies do meanwhile; the history is whole when nothing follows from that either.
        """
        ends = time.monotonic() + SETTLED_WITHIN_S
        self._settle(ends)
        entries = self._history()
        while True:
            between()
            self._settle(ends)
            again = self._history()
            if len(again) == len(entries) or time.monotonic() > ends:
                return again
            entries = again

    def _settle(self, ends: float) -> None:
        # Seen twice alike: what a follower did while the others were being asked shows in the second look.
        before: list[int] | None = None
        while time.monotonic() < ends:
            followers = [follower for service in FOLLOWING for follower in self._followers(service)]
            heads = [follower.head for follower in followers]
            if heads == before and heads == [follower.position for follower in followers]:
                return
            before = heads
            time.sleep(LOOK_S)

    def _followers(self, service: str) -> list[operationspb.Follower]:
        answer = self._client.call("operations", "ListFollowers", operationspb.ListFollowersRequest(service=service))
        return list(answer.followers)

    def _history(self) -> list[auditpb.Entry]:
        entries: list[auditpb.Entry] = []
        token = ""
        while True:
            request = auditpb.GetHistoryRequest(
                case_id=self._played.id_of("case"), purpose=AUDIT, page_size=PAGE, page_token=token
            )
            page = self._call("AUDITOR", "audit", "GetHistory", request)
            entries += page.entries
            token = page.next_page_token
            if not token:
                return entries

    def report(self, document_format: Any) -> bytes:
        """The issued report in one format, as the case's procurator fetches it; empty where none was issued."""
        request = investigationpb.GetReportDocumentRequest(
            investigation_id=self._played.kept["investigation"], purpose=HANDLING, format=document_format
        )
        try:
            content: bytes = self._call("CASE_PROCURATOR", "social_investigation", "GetReportDocument", request).content
        except grpc.RpcError as error:
            if reason_of(error) != "REPORT_NOT_ISSUED":
                raise
            return b""
        return content

    def forms(self) -> Iterator[tuple[str, bytes]]:
        """Every issued form in both formats with a name for its file, fetched by an officer whom it is open to.

        Raises:
            CaseFailed: a form differs when it is fetched again.
        """
        fetched: set[str] = set()
        for officer in self._case.officers.values():
            for row in self._forms_open_to(officer):
                if row.form_id in fetched or not row.issued:
                    continue
                fetched.add(row.form_id)
                for suffix, document_format in FORMATS.items():
                    code, content = self._form(officer, row, document_format)
                    if content != self._form(officer, row, document_format)[1]:
                        raise CaseFailed(f"the {suffix} of {code} differs when it is fetched again")
                    yield f"{code}-{row.assignment_version}.{suffix}", content

    def _forms_open_to(self, officer: Officer) -> list[formpb.FormRow]:
        if officer.role not in FORM_READERS or "assignment" not in self._played.kept:
            return []
        request = formpb.ListFormsRequest(assignment_id=self._played.kept["assignment"], purpose=HANDLING)
        try:
            return list(self._call_as(officer, "form", "ListForms", request).forms)
        except grpc.RpcError as error:
            if reason_of(error) not in NOT_OPEN:
                raise
            return []

    def _form(self, officer: Officer, row: formpb.FormRow, document_format: Any) -> tuple[str, bytes]:
        assignment_id = self._played.kept["assignment"]
        request = formpb.GetFormDocumentRequest(
            assignment_id=assignment_id, form_id=row.form_id, format=document_format, purpose=HANDLING
        )
        answer = self._call_as(officer, "form", "GetFormDocument", request)
        return answer.file_name.partition(f"-{assignment_id}")[0].lower(), answer.content

    def bundle(self) -> bytes:
        """The case as a bundle."""
        request = auditpb.ExportCaseRequest(case_id=self._played.id_of("case"), purpose=AUDIT)
        chunks = self._call("AUDITOR", "audit", "ExportCase", request)
        return b"".join(chunk.chunk for chunk in chunks)

    def reconciliation(self) -> notifypb.ReconcileResponse:
        """The account of all that had to be told of the case, as its auditor asks for it."""
        request = notifypb.ReconcileRequest(purpose=AUDIT, case_id=self._played.id_of("case"))
        answer: notifypb.ReconcileResponse = self._call("AUDITOR", "notify", "Reconcile", request)
        return answer

    def _call(self, role: str, service: str, method: str, request: Any) -> Any:
        return self._call_as(self._officer(role), service, method, request)

    def _call_as(self, officer: Officer, service: str, method: str, request: Any) -> Any:
        uscc = self._case.agencies[officer.agency].uscc
        return self._client.call(service, method, request, uscc, officer.name, officer.role)

    def _officer(self, role: str) -> Officer:
        for officer in self._case.officers.values():
            if officer.role == role:
                return officer
        raise CaseFailed(f"the case has no officer with the role {role}")


def verify_bundle(packed: bytes) -> str:
    """Unpacks a bundle and runs the program that stands in it, with nothing of ours on its path; returns its last line."""
    with tempfile.TemporaryDirectory(prefix="guanhu-bundle-") as name:
        zipfile.ZipFile(io.BytesIO(packed)).extractall(name)
        done = subprocess.run(
            [sys.executable, "-I", "verify.py"], cwd=name, capture_output=True, text=True, check=False, timeout=60
        )
        return done.stdout.strip().splitlines()[-1] if done.stdout.strip() else done.stderr.strip()
