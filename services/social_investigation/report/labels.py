"""What the fields of F2 are called in the printed report, in printing order."""

from typing import Final

from google.protobuf.descriptor import FileDescriptor

from guanhu.social_investigation.v1 import forms_pb2
from services.paper.wording import label

# ReportSection -> (field of Report, (field of the section, label) in printing order). Tables are printed apart.
SECTION_FIELDS: Final[dict[int, tuple[str, tuple[tuple[str, str], ...]]]] = {
    forms_pb2.REPORT_SECTION_BASIC_FACTS: (
        "basic_facts",
        (
            ("name", "姓名"),
            ("sex", "性别"),
            ("birth_date", "出生日期"),
            ("ethnicity", "民族"),
            ("registered_residence", "户籍所在地"),
            ("actual_residence", "实际居住地"),
            ("education", "文化程度"),
            ("school_or_work", "就读学校或工作单位"),
            ("health", "健康及残疾状况"),
            ("substance_use", "涉毒及饮酒情况"),
            ("police_contacts", "此前与公安机关接触情况"),
            ("languages", "语言"),
            ("religion", "宗教信仰"),
        ),
    ),
    forms_pb2.REPORT_SECTION_GROWTH: (
        "growth",
        (
            ("milestones", "成长节点"),
            ("separations", "分离、留守及流动经历"),
            ("schooling_changes", "转学、辍学等变动"),
            ("trauma", "创伤及重大事件"),
            ("narrative", "成长经历综述"),
        ),
    ),
    forms_pb2.REPORT_SECTION_FAMILY: (
        "family",
        (
            ("members", "家庭成员"),
            ("structure", "家庭结构"),
            ("income_band", "家庭收入"),
            ("housing", "居住条件"),
            ("parenting_style", "教养方式"),
            ("conflict_or_violence", "家庭矛盾及家庭暴力"),
            ("guardian_capacity", "监护能力"),
        ),
    ),
    forms_pb2.REPORT_SECTION_SCHOOL_OR_WORK: (
        "school_or_work",
        (
            ("attendance", "出勤情况"),
            ("discipline", "遵守纪律情况"),
            ("grades", "学业成绩"),
            ("teacher_view", "教师评价"),
            ("bullying", "欺凌情况（遭受或者实施）"),
            ("jobs", "就业情况"),
        ),
    ),
    forms_pb2.REPORT_SECTION_SOCIAL_CONTACTS: (
        "social_contacts",
        (
            ("peers", "同伴交往"),
            ("groups", "参加群体情况"),
            ("internet_use", "网络使用情况"),
            ("places", "经常出入场所"),
            ("community_view", "村（居）民委员会及邻里评价"),
            ("police_station_view", "派出所意见"),
        ),
    ),
    forms_pb2.REPORT_SECTION_PERSONALITY: (
        "personality",
        (
            ("temperament", "性格特点"),
            ("hobbies", "兴趣爱好"),
            ("coping", "应对方式"),
            ("test", "心理测评"),
        ),
    ),
    forms_pb2.REPORT_SECTION_CAUSES: (
        "causes",
        (
            ("motive", "动机"),
            ("role", "在案件中的作用"),
            ("individual", "个人因素"),
            ("family", "家庭因素"),
            ("school", "学校因素"),
            ("community", "社会因素"),
        ),
    ),
    forms_pb2.REPORT_SECTION_CONDUCT: (
        "conduct",
        (
            ("before", "案发前表现"),
            ("after", "案发后表现"),
            ("in_custody_or_on_bail", "羁押或者取保候审期间表现"),
            ("remorse", "悔罪及道歉"),
            ("compensation", "赔偿情况"),
            ("victim_attitude", "被害方态度"),
        ),
    ),
    forms_pb2.REPORT_SECTION_GUARDIANSHIP: (
        "guardianship",
        (
            ("supervisors", "可履行监护职责的人员"),
            ("willingness", "监护意愿"),
            ("plan", "监护教育计划"),
            ("supervision_order_need", "制发督促监护令的必要性"),
        ),
    ),
    forms_pb2.REPORT_SECTION_SUPPORT: (
        "support",
        (
            ("school_or_work_place", "就学就业安置"),
            ("social_work", "社会工作服务"),
            ("community", "社区支持"),
            ("observation_base", "观护基地"),
            ("guarantor", "保证人"),
        ),
    ),
    forms_pb2.REPORT_SECTION_RISK: (
        "risk",
        (
            ("instrument", "评估工具及版本"),
            ("items", "评估项目"),
            ("score", "得分"),
            ("band", "风险等级"),
            ("protective_factors", "保护性因素"),
            ("limits", "评估的局限"),
        ),
    ),
    forms_pb2.REPORT_SECTION_RECOMMENDATION: (
        "recommendation",
        (
            ("arrest", "关于审查逮捕"),
            ("conditional_non_prosecution", "关于附条件不起诉"),
            ("education", "关于教育帮扶"),
            ("other", "其他建议"),
        ),
    ),
}

FAMILY_COLUMNS: Final = (
    ("relation", "关系"),
    ("age_years", "年龄"),
    ("occupation", "职业"),
    ("health", "健康状况"),
    ("record", "违法犯罪记录"),
)

NO_CONTACT_REASONS: Final = {
    "ABSCONDED": "下落不明",
    "REFUSED": "拒绝接受访谈",
    "UNREACHABLE": "无法取得联系",
    "IDENTITY_UNKNOWN": "身份不明",
    "NONE_KNOWN": "未查明有照料人",
}


def section_title(section: int) -> str:
    """The official title of a section of F2."""
    return term("ReportSection", section)


def term(enum: str, number: int, file: FileDescriptor = forms_pb2.DESCRIPTOR) -> str:
    """The Chinese term of an enum value of the forms, or of another file; empty when it was never recorded."""
    return label(file, enum, number)
