"""Clients that share nothing with us but the protos, or not even those: buf curl by reflection, and Node's gRPC."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from services.demo.client import Client
from services.kernel.devauthority import OPERATOR, write_identity
from services.kernel.host import Running
from tests.contract.agencies import PROC, new_id, register_agencies
from tests.contract.tools import TOOL_S, output_of

ROOT = Path(__file__).parents[2]
BUF = Path(sys.executable).with_name("buf")
PURPOSE = {"code": "PURPOSE_CODE_CASE_HANDLING", "legal_basis": "CPL Art. 279"}


@pytest.fixture
def identity(running: Running, client: Client, tmp_path: Path) -> Path:
    """The files that a foreign client of the procuratorate is given."""
    register_agencies(client)
    assert running.resources.authority is not None
    write_identity(running.resources.authority, PROC, ("procurator-1", "CASE_PROCURATOR"), tmp_path / "identity")
    return tmp_path / "identity"


def story() -> list[dict[str, Any]]:
    """A minor is registered, a case opened and read; another case with the same id is refused."""
    person, case = new_id(), new_id()
    opening = {"case_id": case, "kind": "CASE_KIND_CRIMINAL", "subject_id": person}
    return [
        {
            "method": "RegisterPerson",
            "request": {
                "head": {"request_id": new_id()},
                "details": {"person_id": person, "name": "段某某", "birth_date": {"year": 2009, "month": 5, "day": 6}},
                "part": "PERSON_PART_MINOR",
                "identity_status": "IDENTITY_STATUS_SELF_STATED",
                "age_basis": "AGE_BASIS_HOUSEHOLD_REGISTER",
            },
        },
        {
            "method": "OpenCase",
            "request": {"head": {"request_id": new_id()}, "act_on": {"year": 2026, "month": 3, "day": 2}, **opening},
        },
        {"method": "GetCase", "request": {"case_id": case, "purpose": PURPOSE}},
        {
            "method": "OpenCase",
            "request": {"head": {"request_id": new_id()}, "act_on": {"year": 2026, "month": 3, "day": 1}, **opening},
        },
    ]


def test_buf_curl_calls_by_reflection_alone(running: Running, identity: Path, tmp_path: Path) -> None:
    answers = []
    for step in story():
        url = f"https://127.0.0.1:{running.port}/guanhu.intake.v1.IntakeService/{step['method']}"
        files = [f"--{option}={identity / name}" for option, name in
                 (("cacert", "ca.pem"), ("cert", "agency.pem"), ("key", "agency.key"))]  # fmt: skip
        token = (identity / "token").read_text(encoding="utf-8")
        command = [str(BUF), "curl", "--protocol=grpc", *files, "-H", f"authorization: Bearer {token}"]
        answers.append(output_of([*command, "-d", json.dumps(step["request"]), url], tmp_path))
    *accepted, refused = answers
    assert [answer.returncode for answer in accepted] == [0, 0, 0], [answer.stderr for answer in accepted]
    assert json.loads(accepted[2].stdout)["case"]["organ"] == PROC
    refusal = json.loads(refused.stderr)
    assert refusal["code"] == "failed_precondition"
    assert "google.rpc.ErrorInfo" in {detail["type"] for detail in refusal["details"]}


def test_buf_curl_lists_every_service(running: Running, identity: Path, tmp_path: Path) -> None:
    files = [f"--cacert={identity / 'ca.pem'}", f"--cert={identity / 'agency.pem'}", f"--key={identity / 'agency.key'}"]
    listed = output_of(
        [str(BUF), "curl", "--protocol=grpc", *files, "--list-services", f"https://127.0.0.1:{running.port}"], tmp_path
    )
    assert listed.returncode == 0, listed.stderr
    assert {line.rpartition(".")[2] for line in listed.stdout.split()} >= {
        "IntakeService",
        "SocialInvestigationService",
        "AuditService",
        "JournalService",
        "OperationsService",
        "Health",
    }


def test_buf_curl_lists_followers_with_the_operators_identity(running: Running, tmp_path: Path) -> None:
    assert running.resources.authority is not None
    ca, certificate, key = write_identity(running.resources.authority, OPERATOR, (), tmp_path / "identity")
    url = f"https://127.0.0.1:{running.port}/guanhu.operations.v1.OperationsService/ListFollowers"
    command = [str(BUF), "curl", "--protocol=grpc", f"--cacert={ca}", f"--cert={certificate}", f"--key={key}"]
    listed = output_of([*command, "-d", '{"service": "intake"}', url], tmp_path)
    assert listed.returncode == 0, listed.stderr
    assert "policy:participation" in {follower["name"] for follower in json.loads(listed.stdout)["followers"]}


@pytest.mark.timeout(240)
def test_a_node_client_calls_with_the_protos_alone(
    running: Running, identity: Path, node_modules: Path, tmp_path: Path
) -> None:
    requests = tmp_path / "requests.json"
    requests.write_text(json.dumps(story()), encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    played = subprocess.run(
        ["node", "client.js", f"127.0.0.1:{running.port}", str(ROOT / "protos"), str(identity), str(requests)],
        cwd=node_modules, capture_output=True, text=True, timeout=TOOL_S, check=True, env=environment,
    )  # fmt: skip
    _, opened, read, refused = map(json.loads, played.stdout.splitlines())
    assert opened["answer"]["receipt"]["version"]
    assert read["answer"]["case"]["participants"][0]["uscc"] == PROC
    assert refused["code"] == "FAILED_PRECONDITION"
    assert "CASE_EXISTS" in refused["details"]
