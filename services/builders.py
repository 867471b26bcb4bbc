"""Where the services are put together: the only place that knows them all."""

from collections.abc import Mapping, Sequence
from typing import Any

from google.protobuf.descriptor import FileDescriptor

from services.appropriate_adult import app as appropriate_adult
from services.audit import app as audit
from services.intake import agency, case, person, referral
from services.intake import app as intake
from services.kernel.decision import Decider
from services.kernel.host import Build
from services.notify import app as notify
from services.notify import obligation, reconciliation, subscription
from services.social_investigation import app as social_investigation
from services.social_investigation import investigation

_ALL: tuple[Decider[Any], ...] = (
    agency.DECIDER,
    case.DECIDER,
    person.DECIDER,
    referral.DECIDER,
    investigation.DECIDER,
    *appropriate_adult.DECIDERS,
    obligation.DECIDER,
    subscription.DECIDER,
    reconciliation.DECIDER,
)
DECIDERS: Mapping[str, Decider[Any]] = {decider.category: decider for decider in _ALL}

# What each journal holds, for those who follow them all.
EVENTS: Mapping[str, Sequence[FileDescriptor]] = {
    intake.NAME: intake.EVENTS,
    social_investigation.NAME: social_investigation.EVENTS,
    appropriate_adult.NAME: appropriate_adult.EVENTS,
    notify.NAME: notify.EVENTS,
}

BUILDERS: Mapping[str, Build] = {
    intake.NAME: intake.build,
    social_investigation.NAME: social_investigation.build,
    appropriate_adult.NAME: appropriate_adult.build,
    notify.NAME: notify.build,
    audit.NAME: audit.builder(DECIDERS, EVENTS),
}
