"""Case numbers of courts and procuratorates: the raw text is kept, its parts are only read, no meaning is derived.

Law: ID-R11 (courts since 2016), ID-R13 (courts before), ID-R15 (procuratorates), ID-R16.
"""

import re
from dataclasses import dataclass

_PROVINCES = "京津冀晋蒙辽吉黑沪苏浙皖闽赣鲁豫鄂湘粤桂琼渝川贵云藏陕甘青宁新兵军"
_NEW = re.compile(
    rf"[（(〔](\d{{4}})[)）〕](最高法|[{_PROVINCES}]\d{{0,4}})(知)?([\u4e00-\u9fa5]{{1,5}})(\d{{1,8}})号(之[一二三四五六七八九十]+)?"
)
_OLD = re.compile(r"[（(〔](\d{4})[)）〕]([\u4e00-\u9fa5]{2,8})字第(\d{1,6})(?:-\d+)?号")
_PROCURATORATE = re.compile(r"([\u4e00-\u9fa5]{1,8}检)([\u4e00-\u9fa5]{0,10})[〔（(](\d{4})[〕）)](Z?\d{1,6})号")


@dataclass(frozen=True, slots=True)
class CaseNumber:
    """The parts of a number; `format` is NEW_COURT, OLD_COURT, PROCURATORATE, or RAW where nothing could be read."""

    format: str
    year: str = ""
    organ: str = ""
    type_code: str = ""
    serial: str = ""


def parse(raw: str) -> CaseNumber:
    """Reads a number; never fails. Serials keep their leading zeros and their Z."""
    text = "".join(raw.split())
    if found := _NEW.fullmatch(text):
        year, organ, specialised, type_code, serial, suffix = found.groups()
        return CaseNumber("NEW_COURT", year, organ, f"{specialised or ''}{type_code}", f"{serial}{suffix or ''}")
    if found := _OLD.fullmatch(text):
        # Court and type can't be told apart reliably, so the prefix stays whole.
        return CaseNumber("OLD_COURT", found[1], found[2], "", found[3])
    if found := _PROCURATORATE.fullmatch(text):
        return CaseNumber("PROCURATORATE", found[3], found[1], found[2], found[4])
    return CaseNumber("RAW")
