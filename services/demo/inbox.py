"""What an agency's own system does with notices: it fetches its inbox, and acknowledges what it has taken in."""

import uuid
from collections.abc import Iterator

from guanhu.notify.v1 import notify_service_pb2 as notify
from guanhu.types.v1 import types_pb2
from services.demo.client import Client

_PURPOSE = types_pb2.Purpose(code=types_pb2.PURPOSE_CODE_CASE_HANDLING, legal_basis="CPL Art. 279")
_PAGE = 200
_OPEN = (
    notify.OBLIGATION_STATUS_OWED,
    notify.OBLIGATION_STATUS_DELIVERED,
    notify.OBLIGATION_STATUS_EXHAUSTED,
)


def inbox(client: Client, uscc: str, case_id: str, status: int = 0) -> Iterator[notify.Message]:
    """Messages to an agency about a case, oldest first; of one status where it is named.

    Raises:
        grpc.RpcError: the call was refused or the service is away.
    """
    after = 0
    while True:
        request = notify.ListInboxRequest(
            purpose=_PURPOSE,
            after=after,
            status=status,  # type: ignore[arg-type]
            case_id=case_id,
            page_size=_PAGE,
        )
        page = client.call("notify", "ListInbox", request, uscc)
        yield from page.messages
        if not page.more:
            return
        after = page.messages[-1].position


def acknowledge(client: Client, uscc: str, case_id: str) -> int:
    """Acknowledges whatever the agency was told of a case and has not acknowledged; returns how many it was.

    Raises:
        grpc.RpcError: the call was refused or the service is away.
    """
    unread = [message for status in _OPEN for message in inbox(client, uscc, case_id, status)]
    due = [message for message in unread if message.HasField("acknowledge_by")]
    for message in due:
        request = notify.AcknowledgeReceiptRequest(obligation_id=message.obligation_id)
        request.head.request_id = str(uuid.uuid4())
        client.call("notify", "AcknowledgeReceipt", request, uscc)
    return len(due)
