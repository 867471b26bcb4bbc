"""External case numbers: parts where they can be read, the raw text always."""

import pytest

from services.kernel.casenumber import CaseNumber, parse


@pytest.mark.parametrize(
    ("raw", "number"),
    [
        ("（2017）京0108民特1号", CaseNumber("NEW_COURT", "2017", "京0108", "民特", "1")),
        ("(2017)京民终15号", CaseNumber("NEW_COURT", "2017", "京", "民终", "15")),
        ("（2019）最高法知民终2号", CaseNumber("NEW_COURT", "2019", "最高法", "知民终", "2")),
        ("（2021）沪0115刑初 123号之一", CaseNumber("NEW_COURT", "2021", "沪0115", "刑初", "123之一")),
        ("（2014）仙民特字第01号", CaseNumber("OLD_COURT", "2014", "仙民特", "", "01")),
        ("未检附不诉〔2021〕3号", CaseNumber("PROCURATORATE", "2021", "未检", "附不诉", "3")),
        ("京海检刑诉〔2022〕Z15号", CaseNumber("PROCURATORATE", "2022", "京海检", "刑诉", "Z15")),
        ("随便一个号码", CaseNumber("RAW")),
        ("", CaseNumber("RAW")),
    ],
)
def test_a_number_is_read_as_far_as_it_can_be(raw: str, number: CaseNumber) -> None:
    assert parse(raw) == number
