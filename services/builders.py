"""Where the services are put together: the only place that knows them all."""

from collections.abc import Mapping
from typing import Any

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
    obligation.DECIDER,
    subscription.DECIDER,
    reconciliation.DECIDER,
)
DECIDERS: Mapping[str, Decider[Any]] = {decider.category: decider for decider in _ALL}

BUILDERS: Mapping[str, Build] = {
    intake.NAME: intake.build,
    social_investigation.NAME: social_investigation.build,
    notify.NAME: notify.build,
    audit.NAME: audit.builder(DECIDERS),
}
