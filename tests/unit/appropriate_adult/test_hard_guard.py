"""No order of commands lets a session with a hard guard start or go on without a qualified, informed, unconflicted adult.

The oracle keeps its own account of the room from what was accepted; it shares no code with the deciders. Runs in the suite
are few; `python -m bench.hard_guard` makes ten thousand.
"""

import os
import uuid
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from guanhu.appropriate_adult.v1 import appropriate_adult_service_pb2 as api
from guanhu.appropriate_adult.v1 import assignment_events_pb2 as events
from services.appropriate_adult.adult_state import AdultState
from services.appropriate_adult.rules import AssignmentFacts
from services.appropriate_adult.state import State
from services.kernel.errors import Refusal
from tests.unit.appropriate_adult import builders as b
from tests.unit.gwt import Story

RUNS = int(os.environ.get("GUANHU_HARD_GUARD_RUNS", "60"))
STEPS = 50
ADULTS = (b.ADULT, b.SECOND_ADULT)
PERSONS = (*ADULTS, b.FATHER, b.DEFENDER)
PARTS = {
    b.ADULT: events.ATTENDEE_PART_APPROPRIATE_ADULT,
    b.SECOND_ADULT: events.ATTENDEE_PART_APPROPRIATE_ADULT,
    b.FATHER: events.ATTENDEE_PART_LEGAL_REPRESENTATIVE,
    b.DEFENDER: events.ATTENDEE_PART_DEFENDER,
}
FORBIDDING = {
    events.LEGAL_REP_OUTCOME_ACCOMPLICE,
    events.LEGAL_REP_OUTCOME_DEAD_MISSING_OR_INCAPABLE,
    events.LEGAL_REP_OUTCOME_HARMFUL,
    events.LEGAL_REP_OUTCOME_OBSTRUCTED,
}
ANY_ADULT = st.sampled_from(ADULTS)
ANYBODY = st.sampled_from(PERSONS)


class HardGuard(RuleBasedStateMachine):
    """Commands in any order, and an account of the room that is kept apart."""

    story: Story[State]

    def __init__(self) -> None:
        super().__init__()
        self.now = datetime.fromisoformat("2026-03-09T08:00:00+08:00")
        self.room: set[str] = set()
        self.informed: set[str] = set()
        self.chosen = ""
        self.confirmed = False
        self.clean = False
        self.father_forbidden = False
        self.qualified = dict.fromkeys(ADULTS, True)
        self.session = b.SESSION
        self.sessions = 0
        self.asking = False

    @initialize(steps=st.integers(0, 4), adult_id=ANY_ADULT)
    def begin(self, steps: int, adult_id: str) -> None:
        """A girl is suspected; the way from the search to the questions is gone for some steps in good order."""
        self.story = b.requested()
        self.now = self.now.replace(hour=9)
        way = [lambda: self.propose(adult_id), self.all_the_way_to_confirmation, self.all_the_way_into_the_room, self.start]
        for step in way[:steps]:
            step()

    def send(self, command: Any, adult_id: str = "", by: Any = b.POLICE) -> list[Any]:
        """Sends a command; what was accepted, or nothing."""
        self.now += timedelta(minutes=1)
        adult = self.adult(adult_id or self.chosen)
        story = self.story.knowing(AssignmentFacts(b.AGENCIES, b.FACTS.case, adult=adult))
        try:
            found = list(story.when(command, replace(by, recorded_at=self.now, occurred_at=self.now)))
        except Refusal:
            return []
        self.story = story.given(*found)
        for event in found:
            self.account(event)
        return found

    def adult(self, adult_id: str) -> AdultState:
        """The adult as registered."""
        if not adult_id:
            return AdultState()
        return replace(b.qualified().state, adult_id=adult_id, suspended=not self.qualified[adult_id])

    def account(self, event: Any) -> None:
        """Keeps the account, and checks every start and every going on against it."""
        match event:
            case events.CandidateProposed():
                self.chosen, self.confirmed, self.clean = event.adult_id, False, False
            case events.ConflictCheckPassed():
                self.clean = True
            case events.PartyAdded():
                self.clean = False
            case events.AppropriateAdultConfirmed():
                self.confirmed = True
            case (
                events.ConflictFound()
                | events.CandidateRejected()
                | events.CandidateUnavailable()
                | events.AppropriateAdultNoShow()
                | events.AppropriateAdultReplaced()
            ):
                # Whoever is still in the room has no part in it any more, not even when confirmed again later.
                self.room.discard(self.chosen)
                self.chosen, self.confirmed, self.clean = "", False, False
            case events.AppropriateAdultArrived():
                self.room.add(event.adult_id)
            case events.AttendeeArrived():
                self.room.add(event.attendee_id)
            case events.AttendeeLeft():
                self.room.discard(event.attendee_id)
            case events.AttendeeReturned():
                self.returned(event.attendee_id)
            case events.RightsAndDutiesInformed():
                self.informed.add(event.attendee_id)
            case events.LegalRepOutcomeRecorded():
                self.father_forbidden = event.outcome in FORBIDDING
                if self.father_forbidden:
                    self.room.discard(b.FATHER)
            case events.SessionStarted() | events.SessionResumed():
                self.must_be_attended()
                self.asking = True
            case events.SessionPaused() | events.SessionEnded():
                self.asking = False
            case events.SessionClosed() | events.SessionCancelled():
                self.room, self.informed = set(), set()

    def returned(self, attendee_id: str) -> None:
        """Coming back restores a place only for who has one."""
        if attendee_id in {self.chosen if self.confirmed else "", b.DEFENDER}:
            self.room.add(attendee_id)
        if attendee_id == b.FATHER and not self.father_forbidden:
            self.room.add(attendee_id)

    def must_be_attended(self) -> None:
        """The property."""
        there = self.room & self.informed
        fit = self.confirmed and self.clean and self.qualified.get(self.chosen, False) and self.chosen in there
        assert fit or b.FATHER in there, (there, self.chosen, self.confirmed, self.clean, self.qualified)

    def propose(self, adult_id: str) -> None:
        """Proposes an adult."""
        self.send(b.propose(str(uuid.uuid4()), adult_id), adult_id, b.DESK)

    def all_the_way_to_confirmation(self) -> None:
        """What makes a candidate the confirmed adult."""
        if self.story.state.candidate is not None:
            self.send(b.reservation(self.story.state.candidate.candidate_id), by=b.SYSTEM)
        for command in (b.check(), b.consult(), b.command(api.ConfirmAdultRequest)):
            self.send(command)

    def all_the_way_into_the_room(self) -> None:
        """What makes the confirmed adult ready."""
        self.send(b.arrive(attendee_id=self.chosen or b.FATHER, session_id=self.session))
        self.send(b.inform(self.chosen or b.FATHER, session_id=self.session))

    def start(self) -> None:
        """Tries to begin."""
        self.send(b.start(session_id=self.session))

    @precondition(lambda self: not self.chosen)
    @rule(adult_id=ANY_ADULT)
    def somebody_is_proposed(self, adult_id: str) -> None:
        self.propose(adult_id)

    @rule()
    def somebody_is_confirmed(self) -> None:
        self.all_the_way_to_confirmation()

    @rule()
    def somebody_is_made_ready(self) -> None:
        self.all_the_way_into_the_room()

    @rule()
    def questions_are_to_begin(self) -> None:
        self.start()

    @precondition(lambda self: self.chosen)
    @rule(reserved=st.sampled_from([True, True, True, False]))
    def reservation(self, reserved: bool) -> None:
        assert self.story.state.candidate is not None
        self.send(b.reservation(self.story.state.candidate.candidate_id, reserved=reserved), by=b.SYSTEM)

    @rule(found=st.sampled_from([(), (), (), (events.EXCLUSION_INTEREST,)]))
    def check(self, found: tuple[int, ...]) -> None:
        self.send(b.check(*found))

    @rule(accepts=st.sampled_from([True, True, False]))
    def consult(self, accepts: bool) -> None:
        self.send(b.consult(accepts=accepts, reason="" if accepts else "不信任", refusal_allowed=not accepts))

    @rule()
    def confirm(self) -> None:
        self.send(b.command(api.ConfirmAdultRequest))

    @precondition(lambda self: self.asking)
    @rule(step=st.sampled_from(["leave", "check", "party", "replace", "nothing"]))
    def something_happens_and_questions_are_to_go_on(self, step: str) -> None:
        """What comes between two questions."""
        chosen = self.chosen
        commands = {
            "leave": [b.in_session(api.LeaveRoomRequest, session_id=self.session, attendee_id=chosen or b.FATHER)],
            "check": [
                b.check(events.EXCLUSION_INTEREST),
                b.in_session(api.LeaveRoomRequest, session_id=self.session, attendee_id=chosen or b.FATHER),
                b.in_session(api.ReturnToRoomRequest, session_id=self.session, attendee_id=chosen or b.FATHER),
            ],
            "party": [b.command(api.AddPartyRequest, kind=events.PARTY_KIND_VICTIM)],
            "replace": [b.command(api.ReplaceAdultRequest, reason=events.REPLACEMENT_REASON_ILLNESS)],
            "nothing": [],
        }
        for command in commands[step]:
            self.send(command)
        self.send(b.in_session(api.PauseSessionRequest, session_id=self.session, reason=events.PAUSE_REASON_REST))
        self.send(b.in_session(api.ResumeSessionRequest, session_id=self.session))

    @rule(adult_id=ANY_ADULT, times=st.sampled_from([1, 2]))
    def suspend_and_perhaps_reinstate(self, adult_id: str, times: int) -> None:
        self.qualified[adult_id] = self.qualified[adult_id] ^ (times == 1)

    @precondition(lambda self: self.now.minute % 2 == 0)
    @rule()
    def party(self) -> None:
        self.send(b.command(api.AddPartyRequest, kind=events.PARTY_KIND_WITNESS))

    @rule(reason=st.sampled_from([events.REPLACEMENT_REASON_ILLNESS, events.REPLACEMENT_REASON_UNAVAILABLE]))
    def replace_adult(self, reason: int) -> None:
        self.send(b.command(api.ReplaceAdultRequest, reason=reason))

    @rule()
    def no_show(self) -> None:
        self.send(b.command(api.RecordNoShowRequest, session_id=self.session))

    @rule(
        outcome=st.sampled_from(
            [events.LEGAL_REP_OUTCOME_UNABLE, events.LEGAL_REP_OUTCOME_HARMFUL, events.LEGAL_REP_OUTCOME_ATTENDING]
        )
    )
    def legal_rep(self, outcome: int) -> None:
        self.send(b.rep_outcome(outcome))

    @rule(who=ANYBODY)
    def arrive(self, who: str) -> None:
        self.send(b.arrive(PARTS[who], who, session_id=self.session))

    @rule(who=ANYBODY)
    def leave(self, who: str) -> None:
        self.send(b.in_session(api.LeaveRoomRequest, session_id=self.session, attendee_id=who))

    @rule(who=ANYBODY)
    def come_back(self, who: str) -> None:
        self.send(b.in_session(api.ReturnToRoomRequest, session_id=self.session, attendee_id=who))

    @rule(who=ANYBODY)
    def inform(self, who: str) -> None:
        self.send(b.inform(who, session_id=self.session))

    @rule()
    def pause(self) -> None:
        self.send(b.in_session(api.PauseSessionRequest, session_id=self.session, reason=events.PAUSE_REASON_REST))

    @rule()
    def resume(self) -> None:
        self.send(b.in_session(api.ResumeSessionRequest, session_id=self.session))

    @rule()
    def end_and_close(self) -> None:
        for command in (b.end(), b.read()):
            command.session_id = self.session
            self.send(command)
        for signer in filter(None, events.Signer.values()):
            command = b.sign(signer)
            command.session_id = self.session
            self.send(command)
        self.send(b.in_session(api.CloseSessionRequest, session_id=self.session))

    @precondition(lambda self: not self.asking and self.now.minute % 5 == 0)
    @rule()
    def cancel(self) -> None:
        self.send(b.in_session(api.CancelSessionRequest, session_id=self.session))

    @rule()
    def plan_another(self) -> None:
        session_id = str(uuid.UUID(int=1000 + self.sessions))
        plan = b.plan(session_id, planned_from=b.instant("2026-03-09 09:00"), planned_until=b.instant("2026-03-09 23:00"))
        command = b.command(api.ScheduleSessionRequest, session=plan, place="某县")
        if self.send(command) or self.send(b.ask(session=plan)):
            self.sessions += 1
            self.session = session_id


HardGuard.TestCase.settings = settings(
    max_examples=RUNS, stateful_step_count=STEPS, deadline=None, suppress_health_check=list(HealthCheck)
)
TestHardGuard = HardGuard.TestCase
