"""What a play says of clocks and messages: the figures of an account, and tables with Chinese in them."""

import pytest

from guanhu.notify.v1 import notify_service_pb2 as notify
from guanhu.notify.v1 import obligation_events_pb2 as obligations
from guanhu.notify.v1 import reconciliation_events_pb2 as reconciliations
from services.demo.ledger import Account, account
from services.demo.table import table, width

PAIRS = [
    reconciliations.PairAccount(owed=3, delivered=3, acknowledgement_due=2, acknowledged=2),
    reconciliations.PairAccount(owed=2, delivered=1, suppressed=1, acknowledgement_due=1, acknowledged=1),
]


def test_an_account_adds_up_the_pairs_and_is_whole_where_nothing_is_missing() -> None:
    found = account(notify.ReconcileResponse(pairs=PAIRS))
    assert found == Account(owed=5, delivered=4, suppressed=1, receipts_due=3, acknowledged=3)
    assert found.whole
    assert str(found) == "应告知 5 = 已送达 4 + 不予送达 1，应签收 3 = 已签收 3，缺失 0"


@pytest.mark.parametrize(
    "open_pair",
    [
        reconciliations.PairAccount(owed=1),
        reconciliations.PairAccount(owed=1, delivered=1, acknowledgement_due=1),
    ],
)
def test_what_is_not_delivered_or_not_acknowledged_is_not_whole(open_pair: reconciliations.PairAccount) -> None:
    assert not account(notify.ReconcileResponse(pairs=[*PAIRS, open_pair])).whole


def test_what_is_missing_is_named_and_never_whole() -> None:
    cause = obligations.Cause(type="guanhu.social_investigation.v1.ReportSubmitted")
    missing = reconciliations.Discrepancy(kind=reconciliations.DISCREPANCY_KIND_NOT_OWED, cause=cause, to_uscc="X")
    found = account(notify.ReconcileResponse(pairs=PAIRS, discrepancies=[missing]))
    assert not found.whole
    assert found.missing == ("应告知而未登记 报告提交 → X",)


def test_columns_stand_below_one_another_although_a_character_may_be_two_wide() -> None:
    heads, first, second = table(("期限", "规则"), [("审查起诉期限", "DL-PROS-1M"), ("a", "")])
    assert first.index("DL-PROS-1M") + 6 == width(first.partition("DL")[0])
    assert width(heads.partition("规则")[0]) == width(first.partition("DL")[0])
    assert second == "a"
