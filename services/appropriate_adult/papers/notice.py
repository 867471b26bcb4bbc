"""F3 合适成年人到场通知书: to the adult; a copy stays in the file."""

from services.appropriate_adult.papers.gathered import Gathered
from services.appropriate_adult.papers.terms import NOTHING, article, term
from services.kernel.dates import to_datetime
from services.paper.form import Block, Closing, Facts, Form, Line, Paragraph, Slip
from services.paper.wording import chinese_date, chinese_time, day_of, one_line

TITLE = "合适成年人到场通知书"
REQUEST = "请携带本人身份证件和本通知书按时到场。对知悉的案情和个人信息应当保密。不能按时到场的，请立即告知联系人。"
COPIES = "本通知书一式两份，一份送达合适成年人，一份附卷。"
RECEIVED = "已确认收到"
# The day is written by hand on the slip.
BLANK_TIME = "　　年　　月　　日　　时　　分"


def build(gathered: Gathered) -> Form:
    """The form of the notice that was served."""
    served = gathered.certified
    notice, issued = served.notice, gathered.issued
    adult = gathered.adult(notice.adult.adult_id)
    assert adult is not None
    name = one_line(adult.name) or NOTHING
    purpose, role = term("AttendancePurpose", notice.purpose), term("MinorRole", gathered.role)
    reference, basis = one_line(notice.minor_reference) or gathered.minor_reference, article(notice.basis_article)
    rows = (
        ("未成年人", reference),
        ("诉讼地位", role),
        ("到场事由", purpose),
        ("到场时间", chinese_time(to_datetime(notice.planned_from))),
        ("到场地点", one_line(notice.place)),
        ("法律依据", basis),
        ("合适成年人", name),
        ("名册编号", adult.adult_id),
        ("所在单位", one_line(adult.organisation) or NOTHING),
        ("联系电话", one_line(adult.telephone) or NOTHING),
        ("办案联系人", one_line(notice.contact_officer) or NOTHING),
        ("签发时间", chinese_time(to_datetime(notice.issued_at))),
    )
    issued_on = day_of(to_datetime(notice.issued_at))
    blocks: tuple[Block, ...] = (
        Paragraph(f"根据{basis}的规定，现通知你作为合适成年人到场，参加对未成年{role}的{purpose}。具体事项如下："),
        Facts(rows),
        Closing(REQUEST, (), issued.organ_name, chinese_date(issued_on)),
        Slip(
            "送达回执",
            f"已收到{issued.organ_name}{notice.notice_no}《{TITLE}》。{COPIES}",
            (Line("收件人", name, RECEIVED if served.received else ""), Line("收到时间", "", BLANK_TIME)),
        ),
    )
    return Form(issued.organ_name, TITLE, notice.notice_no, name, issued.organ_name, issued_on, blocks)
