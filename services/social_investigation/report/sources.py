"""The line under a section that says which contacts and papers it rests on."""

from collections.abc import Sequence

from guanhu.social_investigation.v1 import forms_pb2 as forms
from services.kernel.dates import to_date, to_datetime
from services.kernel.decision import CHINA_STANDARD_TIME
from services.paper.wording import chinese_date, paragraphs
from services.social_investigation.report.labels import term


class Sources:
    """Contacts by number and papers by title, as the annexes list them."""

    def __init__(
        self,
        contacts: Sequence[forms.Contact],
        documents: Sequence[forms.ObtainedDocument],
        attachments: Sequence[forms.Attachment],
        visits: frozenset[str],
    ) -> None:
        self._contacts = {
            contact.contact_id: _contact(number, contact, visits) for number, contact in enumerate(contacts, start=1)
        }
        papers = [*attachments, *(paper for contact in contacts for paper in contact.attachments)]
        self._papers = {paper.document_id: f"“{paper.title}”" for paper in papers}
        self._papers |= {paper.document_id: _document(paper) for paper in documents}

    def line(self, sources: Sequence[forms.SectionSource]) -> str:
        """The provenance of one section; an id that is not among the contacts and papers is printed as it is."""
        contacts = [self._contacts.get(key, key) for source in sources for key in source.contact_ids]
        papers = [self._papers.get(key, key) for source in sources for key in source.document_ids]
        explanations = [" ".join(paragraphs(source.explanation)) for source in sources if source.explanation]
        parts = [
            "、".join(contacts),
            f"材料{'、'.join(papers)}" if papers else "",
            f"说明：{'；'.join(explanations)}" if explanations else "",
        ]
        text = "；".join(part for part in parts if part)
        return f"来源：{' '.join(paragraphs(text))}" if text else ""


def numbered(number: int, contact: forms.Contact, visits: frozenset[str]) -> str:
    """A contact by its kind and number: interviews and visits are counted together."""
    return f"{'走访' if contact.contact_id in visits else '访谈'}第{number}号"


def _contact(number: int, contact: forms.Contact, visits: frozenset[str]) -> str:
    day = to_datetime(contact.started_at).astimezone(CHINA_STANDARD_TIME).date()
    return f"{numbered(number, contact, visits)}（{term('InterviewPerson', contact.person)}，{chinese_date(day)}）"


def _document(paper: forms.ObtainedDocument) -> str:
    return f"“{paper.title}”（{paper.source}，{chinese_date(to_date(paper.obtained_on))}取得）"
