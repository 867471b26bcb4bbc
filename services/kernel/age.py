"""Ages in full years; criminal and civil law count the birthday differently."""

from datetime import date, timedelta

ADULT_AT = 18


def civil_age(birth: date, on: date) -> int:
    """Full years by civil law: an age is reached on the birthday; 29 February counts as 1 March in common years.

    Law: AGE-09 (Civil Code Art. 17 to 20, 201).
    """
    return on.year - birth.year - ((on.month, on.day) < (birth.month, birth.day))


def criminal_age(birth: date, on: date) -> int:
    """Full years by criminal law: an age is reached on the day after the birthday.

    Law: AGE-01 (2006 interpretation Art. 2).
    """
    return civil_age(birth, on - timedelta(days=1))


def is_minor_at_act(birth: date, act_on: date) -> bool:
    """Whether a person was under 18 when acting.

    Law: AGE-03, AGE-05.
    """
    return criminal_age(birth, act_on) < ADULT_AT
