"""Watches an agency's messages and keeps one line for each: its position and its obligation.

python -m tests.contract.watch_client ADDRESS IDENTITY FILE: goes on after the last position in the file, for ever.
"""

import os
import sys
import time
from pathlib import Path

import grpc

from guanhu.notify.v1 import notify_service_pb2 as api
from guanhu.notify.v1 import notify_service_pb2_grpc as stubs
from guanhu.types.v1 import types_pb2

PURPOSE = types_pb2.Purpose(code=types_pb2.PURPOSE_CODE_CASE_HANDLING, legal_basis="HO-05")


def last(kept: Path) -> int:
    """Position of the last message whose effect is in the file."""
    lines = kept.read_text(encoding="utf-8").splitlines() if kept.exists() else []
    return int(lines[-1].split()[0]) if lines else 0


def main() -> None:
    """Watches until it is killed."""
    address, identity, kept = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    read = {name: (identity / name).read_bytes() for name in ("ca.pem", "agency.key", "agency.pem")}
    credentials = grpc.ssl_channel_credentials(read["ca.pem"], read["agency.key"], read["agency.pem"])
    stub = stubs.NotifyServiceStub(grpc.secure_channel(address, credentials))
    with kept.open("ab", buffering=0) as file:
        while True:
            try:
                for answer in stub.Watch(api.WatchRequest(purpose=PURPOSE, after=last(kept)), timeout=90):
                    if answer.HasField("message"):
                        # The effect and the position are one write: whatever is killed, both are there or neither is.
                        file.write(f"{answer.message.position} {answer.message.obligation_id}\n".encode())
                        os.fsync(file.fileno())
            except grpc.RpcError:
                time.sleep(0.1)


if __name__ == "__main__":
    main()
