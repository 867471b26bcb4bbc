"""Questions to audit about the played case, as its auditor."""

from typing import Any

import grpc
import pytest

from guanhu.audit.v1 import audit_service_pb2 as api
from guanhu.types.v1 import types_pb2
from services.kernel.rpc import reason_of
from tests.contract.played import Told

AUDIT = types_pb2.Purpose(code=types_pb2.PURPOSE_CODE_AUDIT, legal_basis="ACT-09")
AUDITOR = "nj_auditor"


def history(told: Told, **fields: Any) -> api.GetHistoryResponse:
    """The history of the case as its auditor reads it."""
    request = api.GetHistoryRequest(**{"case_id": told.case_id, "purpose": AUDIT, "page_size": 200, **fields})
    answer: api.GetHistoryResponse = told.ask("audit", "GetHistory", request, AUDITOR)
    return answer


def refused(told: Told, method: str, request: Any, officer: str = AUDITOR) -> str:
    """The reason with which audit refuses a question."""
    with pytest.raises(grpc.RpcError) as refusal:
        told.ask("audit", method, request, officer)
    return reason_of(refusal.value)
