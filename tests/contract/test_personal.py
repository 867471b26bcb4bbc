"""Personal fields: sealed per person, bound to their row, withheld without the key."""

from pathlib import Path

import pytest
from psycopg_pool import ConnectionPool

import services.kernel.resources as resources
from guanhu.directory.v1 import agency_events_pb2
from guanhu.intake.v1 import case_events_pb2, person_events_pb2, referral_events_pb2
from guanhu.journal.v1 import record_pb2
from guanhu.social_investigation.v1 import investigation_events_pb2
from services.kernel import personal
from services.kernel.migrate import migrate
from services.kernel.personal import RowIdentity, TamperedPart
from services.kernel.registry import Registry
from services.kernel.vault import FileKekProvider, KeysUnsafe, NoKeys, Vault

CANARY = "金丝雀名字"
PERSON = "00000000-0000-4000-8000-000000000001"
OTHER = "00000000-0000-4000-8000-000000000002"
ROW = RowIdentity("intake", f"person-{PERSON}", 1, "guanhu.intake.v1.PersonRegistered")


@pytest.fixture(scope="module")
def vault(pool: ConnectionPool, tmp_path_factory: pytest.TempPathFactory) -> Vault:
    with pool.connection() as conn:
        migrate(conn, "vault", [resources.VAULT_MIGRATIONS])
    return Vault(pool, FileKekProvider.create(tmp_path_factory.mktemp("kek") / "kek.json"))


def registered() -> person_events_pb2.PersonRegistered:
    details = person_events_pb2.PersonDetails(person_id=PERSON, name=CANARY, sex=person_events_pb2.SEX_FEMALE)
    details.birth_date.year, details.birth_date.month, details.birth_date.day = 2006, 2, 3
    return person_events_pb2.PersonRegistered(details=details, part=person_events_pb2.PERSON_PART_MINOR)


def test_stored_bytes_hold_no_personal_value_and_open_with_the_key(vault: Vault) -> None:
    event = registered()
    stored = personal.seal(event, ROW, vault)
    assert CANARY.encode() not in stored
    assert event.details.name == CANARY, "sealing leaves the event alone"
    opened = personal.unseal(stored, person_events_pb2.PersonRegistered, ROW, vault)
    assert opened.event == event
    assert opened.withheld == ()


def test_without_the_key_the_fields_are_withheld_and_named(vault: Vault) -> None:
    stored = personal.seal(registered(), ROW, vault)
    opened = personal.unseal(stored, person_events_pb2.PersonRegistered, ROW, NoKeys())
    assert opened.event.details.name == ""
    assert opened.event.part == person_events_pb2.PERSON_PART_MINOR
    assert opened.withheld == ("details.name", "details.birth_date", "details.sex")
    assert personal.withheld_paths(stored) == opened.withheld


@pytest.mark.parametrize(
    "moved",
    [
        RowIdentity("audit", ROW.stream, 1, ROW.type),
        RowIdentity("intake", f"person-{OTHER}", 1, ROW.type),
        RowIdentity("intake", ROW.stream, 2, ROW.type),
        RowIdentity("intake", ROW.stream, 1, "guanhu.intake.v1.PersonCorrected"),
    ],
)
def test_a_sealed_part_moved_to_another_row_is_noticed(vault: Vault, moved: RowIdentity) -> None:
    stored = personal.seal(registered(), ROW, vault)
    with pytest.raises(TamperedPart):
        personal.unseal(stored, person_events_pb2.PersonRegistered, moved, vault)


def test_a_changed_list_of_paths_is_noticed(vault: Vault) -> None:
    payload = record_pb2.Payload.FromString(personal.seal(registered(), ROW, vault))
    del payload.parts[0].paths[0]
    with pytest.raises(TamperedPart):
        personal.unseal(payload.SerializeToString(), person_events_pb2.PersonRegistered, ROW, vault)


def test_fields_below_repeated_messages_return_to_their_places(vault: Vault) -> None:
    event = investigation_events_pb2.InterviewConducted()
    event.contact.subject_id = PERSON
    for number in range(3):
        event.contact.record.add(question=f"问{number}", answer=f"{CANARY}{number}")
    stored = personal.seal(event, ROW, vault)
    assert CANARY.encode() not in stored
    assert personal.unseal(stored, investigation_events_pb2.InterviewConducted, ROW, vault).event == event


def test_a_personal_field_without_a_person_is_refused(vault: Vault) -> None:
    event = registered()
    event.details.person_id = ""
    with pytest.raises(ValueError, match="nothing says whom"):
        personal.seal(event, ROW, vault)


def test_every_event_says_whom_its_personal_fields_are_about() -> None:
    files = (
        agency_events_pb2.DESCRIPTOR,
        case_events_pb2.DESCRIPTOR,
        person_events_pb2.DESCRIPTOR,
        referral_events_pb2.DESCRIPTOR,
        investigation_events_pb2.DESCRIPTOR,
    )
    events = [d for d in Registry(files).descriptors() if d.name[-2:] in {"ed", "en"}]
    assert len(events) > 40
    assert [path for event in events for path in personal.unattributed(event)] == []


def test_a_destroyed_key_withholds_for_ever_and_the_next_seal_uses_a_new_one(vault: Vault) -> None:
    person = "00000000-0000-4000-8000-00000000dead"
    event = registered()
    event.details.person_id = person
    stored = personal.seal(event, ROW, vault)
    assert vault.destroy(person, "test") == 1
    assert "details.name" in personal.unseal(stored, person_events_pb2.PersonRegistered, ROW, vault).withheld
    again = record_pb2.Payload.FromString(personal.seal(event, ROW, vault))
    assert again.parts[0].key_version == 2


def test_with_another_key_encryption_key_everything_personal_stays_withheld(
    vault: Vault, pool: ConnectionPool, tmp_path: Path
) -> None:
    stored = personal.seal(registered(), ROW, vault)
    stranger = Vault(pool, FileKekProvider.create(tmp_path / "kek.json"))
    opened = personal.unseal(stored, person_events_pb2.PersonRegistered, ROW, stranger)
    assert "details.name" in opened.withheld


def test_a_key_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    FileKekProvider.create(tmp_path / "kek.json")
    (tmp_path / "kek.json").chmod(0o644)
    with pytest.raises(KeysUnsafe):
        FileKekProvider(tmp_path / "kek.json")
