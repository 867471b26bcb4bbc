"""What of a person each kind of body may see: the rest is withheld and named.

Law: domain/11 §11.2 (who may see what); L7 Art. 461 and L3 Art. 103 (privacy of minors).
"""

from typing import Any

from guanhu.options.v1 import options_pb2
from services.kernel.decision import AgencyFacts
from services.kernel.identity import Principal

# Who matches a provider or takes an assignment over needs sex, age and language, never name, number, address or facts.
_MATCHING = frozenset({"sex", "birth_date", "languages", "needs"})
_SEES: dict[str, frozenset[str] | None] = {
    "PROC": None,
    "COURT": None,
    "PSB": None,
    "CIVIL": None,
    "MPI": None,
    "CYL": _MATCHING,
    "SWO": _MATCHING,
    "JUST": _MATCHING,
}


def for_reader(
    message: Any, withheld: Any, agency: AgencyFacts | None, principal: Principal, working: frozenset[str] = frozenset()
) -> None:
    """Clears the personal fields that the reader's kind of body does not see, and adds their names to `withheld`.

    `working` holds the officers of the reader's body who are assigned to the minor: they see everything. An auditor sees
    pseudonyms only; so does every kind of body that is not listed.
    """
    if principal.kind == "service" or principal.officer in working:
        return
    sees = _SEES.get(agency.type, frozenset()) if agency else frozenset()
    if sees is None:
        return
    for field, _ in message.ListFields():
        if field.GetOptions().Extensions[options_pb2.personal] and field.name not in sees:
            message.ClearField(field.name)
            withheld.append(field.name)
