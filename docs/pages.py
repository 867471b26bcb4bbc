"""Writes the pages of docs/ that follow from the code: rules.md, reasons.md and events.md. `run.py gen` calls it.

`python -m docs.pages` writes them; with --check it names the pages that are stale and fails.
"""

import ast
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc_tools
from google.protobuf import descriptor_pb2
from grpc_tools import protoc

from guanhu.options.v1 import options_pb2

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
HEAD = "<!-- Written by docs/pages.py from the code; change the code and run: python3 run.py gen -->\n\n"
RULE = re.compile(r"\b(?:(?:AGE|ID|LAW|ACT|SI|AA|JUR|HO|TIM|ESC|CON)-[RX]?\d+|DL-[A-Z]+(?:-[A-Z0-9]+)+|DL-TRIAL)\b")
# The class of a refusal in the code, and the gRPC code that it becomes.
CODES = {
    "IllegalState": "FAILED_PRECONDITION",
    "NotAllowed": "PERMISSION_DENIED",
    "Unauthenticated": "UNAUTHENTICATED",
    "NotFound": "NOT_FOUND",
    "Invalid": "INVALID_ARGUMENT",
}
# Reasons of the kernel that no single line raises.
DEFAULTS = {
    "INVALID_REQUEST": ("INVALID_ARGUMENT", "the request is malformed; every field that is wrong is named", ""),
    "SEALED_OR_NOT_FOUND": ("NOT_FOUND", "no such record is open to the caller; sealed and unknown look alike", ""),
    "VERSION_CONFLICT": ("ABORTED", "the stream has moved on; read it again and decide again", ""),
    "REQUEST_ID_REUSED": ("ALREADY_EXISTS", "this request_id was used for another request", ""),
    "OVERLOADED": ("RESOURCE_EXHAUSTED", "too much work is waiting; a retry delay is given", ""),
    "UNAVAILABLE": ("UNAVAILABLE", "the journal cannot be reached; repeat the command with its request_id", ""),
    "POLICY_ERROR": ("PERMISSION_DENIED", "a policy could not be evaluated; on any doubt the answer is no", ""),
    "NOT_ALLOWED": ("PERMISSION_DENIED", "no policy permits this to the caller, or one forbids it", ""),
    "CERTIFICATE_UNKNOWN": ("UNAUTHENTICATED", "the certificate names no agency or service", ""),
    "TOKEN_INVALID": ("UNAUTHENTICATED", "the officer's token can't be read or is signed by nobody known", ""),
    "TOKEN_EXPIRED": ("UNAUTHENTICATED", "the officer's token has expired; get a new one", ""),
    "TOKEN_NOT_BOUND": ("UNAUTHENTICATED", "the officer's token belongs to another certificate", ""),
}


def rules_page() -> str:
    """Each rule's id and where it stands: in the protocol, in the code, in the tests."""
    places: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for kind, folder, pattern in (
        ("protocol", "protos", "*.proto"),
        ("code", "services", "*.py"),
        ("code", "services", "deadlines*.yaml"),
        ("tests", "tests", "*.py"),
    ):
        for path in sorted((ROOT / folder).rglob(pattern)):
            text = path.read_text(encoding="utf-8")
            named = text if kind != "tests" else text + _ids_in_names(text)
            for rule in RULE.findall(named):
                places[rule][kind].add(_link(path))
    extract = extracted()
    lines = [
        "# Rules",
        "",
        "Ids are those of the law pages; [law.md](law.md) says how to use this page and what the marks mean.",
    ]
    lines += ["Meaning, source and mark come from docs/rules.tsv. A test names its rule in its own name or its docstring.", ""]
    lines += ["| rule | meaning | source | mark | protocol | code | tests |", "| --- | --- | --- | --- | --- | --- | --- |"]
    for rule in sorted(places):
        cells = (", ".join(sorted(places[rule][kind])) for kind in ("protocol", "code", "tests"))
        lines.append(f"| `{rule}` | {' | '.join(extract.get(rule, ('', '', '')))} | {' | '.join(cells)} |")
    return HEAD + "\n".join(lines) + "\n"


def extracted() -> dict[str, tuple[str, ...]]:
    """Meaning, source and mark of each rule, from our extract of the law pages."""
    lines = (DOCS / "rules.tsv").read_text(encoding="utf-8").splitlines()
    return {rule: tuple(cells) for rule, *cells in (line.split("\t") for line in lines)}


def _ids_in_names(text: str) -> str:
    """Rules that names of tests begin with: test_si_r16_… is SI-R16."""
    found = re.findall(r"def test_(age|si|aa|id|act|jur|ho|law|tim|esc|con)_([rx]?)(\d+)", text)
    return " ".join(f" {family.upper()}-{letter.upper()}{number}" for family, letter, number in found)


def _link(path: Path) -> str:
    relative = path.relative_to(ROOT)
    return f"[{relative.name}](../{relative.as_posix()})"


def reasons_page() -> str:
    """Every stable reason that a refusal may carry."""
    # Dictionaries for their order: each thing that is said of a reason stands once, where it was first met.
    reasons: dict[str, tuple[dict[str, None], ...]] = defaultdict(lambda: ({}, {}, {}))
    met = [*DEFAULTS.items()]
    for path in sorted((ROOT / "services").rglob("*.py")):
        met += _refusals(ast.parse(path.read_text(encoding="utf-8")))
    for reason, said in met:
        for known, what in zip(reasons[reason], said, strict=True):
            known |= {what: None} if what else {}
    lines = ["# Reasons", ""]
    lines += ["A refused call carries `google.rpc.ErrorInfo` with one of these reasons and the domain `guanhu`; the rule that"]
    lines += ["refuses stands in its metadata under `rule`. Reasons are stable: a client may decide by them.", ""]
    lines += ["| reason | code | what it says | rule |", "| --- | --- | --- | --- |"]
    for reason in sorted(reasons):
        codes, messages, rules = reasons[reason]
        cells = (", ".join(f"`{code}`" for code in codes), "; or: ".join(messages), ", ".join(rules))
        lines.append(f"| `{reason}` | {' | '.join(cells)} |")
    return HEAD + "\n".join(lines) + "\n"


def _refusals(tree: ast.AST) -> Iterator[tuple[str, tuple[str, str, str]]]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or node.func.id not in CODES:
            continue
        keywords = {keyword.arg: _text(keyword.value) for keyword in node.keywords}
        texts = [_text(argument) for argument in node.args]
        reason = keywords.get("reason") or (texts[0] if texts else "")
        if re.fullmatch(r"[A-Z]+(_[A-Z]+)*", reason):
            message = texts[1] if len(texts) > 1 else keywords.get("message", "")
            yield reason, (CODES[node.func.id], message, keywords.get("rule", ""))


def _text(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
    return ""


def events_page(files: descriptor_pb2.FileDescriptorSet) -> str:
    """Every event with its fields; personal ones are marked."""
    lines = ["# Events", "", "Fields marked ● are personal: they are sealed under the key of the person they are about.", ""]
    for file in files.file:
        if not file.name.endswith("_events.proto"):
            continue
        comments = {tuple(place.path): place.leading_comments.strip() for place in file.source_code_info.location}
        events = [(number, m) for number, m in enumerate(file.message_type) if _option(m, options_pb2.title)]
        lines += [f"## {file.package}", ""]
        for number, message in events:
            law = _option(message, options_pb2.law)
            lines += [f"### {message.name}（{_option(message, options_pb2.title)}）", ""]
            lines += [" ".join(comments.get((4, number), "").split()) + (f" Law: {law}." if law else ""), ""]
            for index, field in enumerate(message.field):
                mark = " ●" if field.options.Extensions[options_pb2.personal] else ""
                said = " ".join(comments.get((4, number, 2, index), "").split())
                lines.append(f"* `{field.name}`{mark} — {said}")
            lines += [""]
    return HEAD + "\n".join(lines).rstrip() + "\n"


def _option(message: descriptor_pb2.DescriptorProto, extension: Any) -> str:
    return str(message.options.Extensions[extension])


def _described() -> descriptor_pb2.FileDescriptorSet:
    """The protos with their comments."""
    out = ROOT / "gen" / ".described.binpb"
    protos = sorted(str(path) for path in (ROOT / "protos").rglob("*.proto"))
    folders = [f"-I{ROOT / 'protos'}", f"-I{Path(grpc_tools.__file__).parent / '_proto'}"]
    code = protoc.main(["protoc", *folders, "--include_source_info", f"--descriptor_set_out={out}", *protos])
    if code:
        raise SystemExit(code)
    try:
        return descriptor_pb2.FileDescriptorSet.FromString(out.read_bytes())
    finally:
        out.unlink()


def main() -> int:
    """Writes or checks the pages."""
    pages = {"rules.md": rules_page(), "reasons.md": reasons_page(), "events.md": events_page(_described())}
    if "--check" not in sys.argv[1:]:
        for name, text in pages.items():
            (DOCS / name).write_text(text, encoding="utf-8")
        return 0
    stale = [name for name, text in pages.items() if (DOCS / name).read_text(encoding="utf-8") != text]
    for name in stale:
        print(f"docs/{name} is not what the code says; run: python3 run.py gen")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
