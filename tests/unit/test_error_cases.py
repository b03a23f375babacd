"""What routec says of faults: the cases in tests/cases/errors/, to the letter, and the pages of `routec explain`.

A case is one file: the files of a project, each below a header, and what must be printed.

    -- routes/front.route --
    auth hotel_staf else hangup
    -- expect --
    error[RT201]: unknown module `hotel_staf`
    …

A header may say in brackets how its text becomes the file: `(escaped)` for `\\xff`, `\\u{200b}`, `\\r`, `\\t`, and a
`\\` at the end of a line that joins it to the next; `(times 3)` for the text three times; `(wav 8000 16 1)` for a
sound of so many Hz, bits and channels; `(link)` for a link to the path in the text. `-- expect check --` is followed
by all that `routec check` prints, `-- expect check with a bug --` by what it prints when it runs into a bug of ours,
`-- expect apply where TROUBLE --` by what `routec apply` prints on a PBX with one of `TROUBLES`.

The name says what is held: `RT201-….txt` is one fault, of this code (of RT6: this code is among them); `typo-….txt`
one error, of whatever code; `no-fault-….txt` none; any other is free. After a change of messages,
`ROUTEC_UPDATE_GOLDEN=1 pytest tests/unit/test_error_cases.py [-k NAME]` rewrites the expected parts (but none that
breaks the rule of its name); then read the difference.
"""

import os
import re
import wave
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from click.testing import CliRunner

from routec.apply.ami import link
from routec.apply.ami.manager import (
    NotPermittedError,
    RefusedLoginError,
    ReloadRefusedError,
    SilentError,
    UnreachableError,
)
from routec.apply.held import Priority
from routec.cli import check as check_verb
from routec.cli import main as main_module
from routec.diagnostics import Diagnostic, codes
from routec.diagnostics.codes import CODES
from routec.diagnostics.render_text import render_text
from routec.pipeline import Input, check_targets, compile_routes
from routec.project import load
from tests.unit.fake_pbx import FakePbx

FOLDER = Path(__file__).parent.parent / "cases" / "errors"
UPDATE = os.environ.get("ROUTEC_UPDATE_GOLDEN") == "1"

HEADER = re.compile(r"^-- ([^()\n]+?)(?: \(([^()\n]+)\))? --\n", re.MULTILINE)
ESCAPE = re.compile(rb"\\(?:x([0-9a-f]{2})|u\{([0-9a-f]+)\}|([rt\\\n]))")
CODE = re.compile(r"^(error|warning)\[(RT\d{3})\]: ", re.MULTILINE)


# ---- cases


@dataclass
class Case:
    """One file of tests/cases/errors/."""

    path: Path
    head: str = ""
    """All of its text but what is expected."""
    files: list[tuple[str, str, str]] = field(default_factory=list)
    """Path, the way in brackets, and text."""
    how: str = ""
    expected: str = ""

    @classmethod
    def read(cls, path: Path) -> "Case":
        case, text = cls(path), path.read_bytes().decode()
        headers = list(HEADER.finditer(text))
        for header, after in zip(headers, [*headers[1:], None], strict=True):
            body = text[header.end() : after.start() if after else len(text)]
            if header[1].startswith("expect"):
                assert after is None, f"{path.name}: what is expected comes last"
                case.head, case.how, case.expected = text[: header.end()], header[1], body
            else:
                case.files.append((header[1], header[2] or "times 1", body))
        assert case.how, f"{path.name} has no `-- expect --`"
        return case

    def lay_out(self, root: Path) -> None:
        """Write the project into a folder."""
        (root / "routes").mkdir()
        for name, way, text in self.files:
            file = root / name
            file.parent.mkdir(parents=True, exist_ok=True)
            word, *rest = way.split()
            numbers = [int(number) for number in rest]
            if word == "wav":
                rate, bits, channels = numbers
                with wave.open(str(file), "wb") as sound:
                    sound.setparams((channels, bits // 8, rate, 0, "NONE", ""))
                    sound.writeframes(bytes(rate // 10 * channels * bits // 8))
            elif word == "link":
                file.symlink_to(text.strip())
            elif word == "escaped":
                file.write_bytes(ESCAPE.sub(_unescape, text.encode()))
            else:
                assert word == "times", f"{self.path.name}: what is `({way})`?"
                file.write_bytes(text.encode() * numbers[0])

    def run(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> str:
        """What is printed."""
        if self.how == "expect":
            compilation = check_targets(load(root))
            return render_text(compilation.diagnostics, compilation.sources)
        monkeypatch.chdir(root)
        if self.how == "expect check":
            return CliRunner().invoke(main_module.routec, ["check"]).output
        if self.how.startswith("expect apply where "):
            return self.apply(root, monkeypatch)
        assert self.how == "expect check with a bug", f"{self.path.name}: what is `{self.how}`?"
        return _output_of_main_with_a_bug(monkeypatch)

    def apply(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> str:
        """What `routec apply` prints on a PBX with trouble."""
        pbx = FakePbx(root / "generated" / "extensions.conf")
        TROUBLES[self.how.removeprefix("expect apply where ")](pbx)
        monkeypatch.setattr(link, "Ami", lambda *_args, **_more: pbx.connect())
        monkeypatch.setenv("ROUTEC_AMI_SECRET", "s3cr3t")
        monkeypatch.chdir(root)
        done = CliRunner().invoke(main_module.routec, ["apply"])
        assert done.exit_code == 3, done.output
        assert pbx.memory.get("routec-extensions", {}).get("600") == BEFORE.get(self.how)
        return done.output.replace(str(root), "/project")


def _unescape(match: re.Match[bytes]) -> bytes:
    if match[1]:
        return bytes.fromhex(match[1].decode())
    if match[2]:
        return chr(int(match[2], 16)).encode()
    return {b"r": b"\r", b"t": b"\t", b"\\": b"\\", b"\n": b""}[match[3]]


def _output_of_main_with_a_bug(monkeypatch: pytest.MonkeyPatch) -> str:
    def bug(*_args: object, **_kwargs: object) -> None:
        raise ZeroDivisionError("ours")

    monkeypatch.delenv("ROUTEC_DEBUG", raising=False)
    monkeypatch.setattr(check_verb, "check_targets", bug)
    monkeypatch.setattr("sys.argv", ["routec", "check"])
    with CliRunner().isolation() as (_, _, output):
        with pytest.raises(SystemExit) as ended:
            main_module.main()
        printed: bytes = output.getvalue()
    assert ended.value.code == 1
    return printed.decode()


def _rule_broken(name: str, printed: str) -> str:
    """In what the faults printed are not those that the name of the case promises, or an empty string."""
    found = CODE.findall(printed)
    if promised := re.match(r"(RT6\d\d)-", name):
        return "" if promised[1] in [code for _, code in found] else f"no {promised[1]}"
    if promised := re.match(r"(RT\d{3})-", name):
        return "" if [code for _, code in found] == [promised[1]] else f"not one {promised[1]}"
    if name.startswith("typo-"):
        return "" if [severity for severity, _ in found] == ["error"] else "not one error"
    if name.startswith("no-fault-"):
        return "not without fault" if found else ""
    return ""


def _hold(pbx: FakePbx, **others: str) -> None:
    """Has something in memory from before; `others` are what calls may be in."""
    entries = {"600": {1: Priority("", "Goto", "routec-some-0,${EXTEN},1")}}
    contexts = {"routec-some-0": {"600": {1: Priority("", "Wait", others.get("some", "9"))}}}
    pbx.memory = {"routec-extensions": entries, **contexts}


def _is_taken(pbx: FakePbx, app: str = "Hangup") -> None:
    pbx.admins = {"routec-extensions": {"600": {1: Priority("", app, "")}}}
    pbx.reload()


def _is_taken_for_good(pbx: FakePbx) -> None:
    _is_taken(pbx)
    pbx.trouble["reload"] = [None, lambda: _is_taken(pbx, "Busy")]


def _trouble(name: str, error: Exception) -> Callable[[FakePbx], None]:
    return lambda pbx: pbx.trouble.setdefault(name, []).extend([error] * 3)


PLACE = "the PBX at 127.0.0.1:5038"
TROUBLES: dict[str, Callable[[FakePbx], None]] = {
    "nobody answers": _trouble("connect", UnreachableError(f"{PLACE} cannot be reached: connection refused")),
    "the login is refused": _trouble("connect", RefusedLoginError(f"{PLACE} refused the login of `routec`")),
    "nothing is permitted": _trouble("holds all", NotPermittedError(f"{PLACE} does not permit ShowDialPlan")),
    "nobody says a word": _trouble("holds all", SilentError(f"{PLACE} did not answer within 10 s")),
    "the reload is refused": _trouble("reload", ReloadRefusedError(f"{PLACE} would not reload its dialplan")),
    "another has the place": _is_taken,
    "nothing is included": lambda pbx: setattr(pbx, "is_included", False),
    "nothing can be put back": _is_taken_for_good,
    "memory cannot be written": lambda pbx: _hold(pbx, some="9\n[routec-extensions]"),
}
"""What goes wrong, by the words of a case."""

BEFORE = {
    "expect apply where another has the place": {1: Priority("", "Hangup", "")},
    "expect apply where nothing can be put back": {1: Priority("", "Busy", "")},
    "expect apply where memory cannot be written": {1: Priority("", "Goto", "routec-some-0,${EXTEN},1")},
}
"""What 600 leads to before such a case, and must lead to after it."""

CASES = sorted(FOLDER.glob("*.txt"))


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_case(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case = Case.read(path)
    case.lay_out(tmp_path)
    printed = case.run(tmp_path, monkeypatch)
    broken = _rule_broken(path.name, printed)
    assert not broken, f"{broken}:\n{printed}"
    if UPDATE and printed != case.expected:
        assert not os.environ.get("CI"), "CI does not rewrite what it should check"
        path.write_bytes((case.head + printed).encode())
    else:
        assert printed == case.expected


def test_every_code_has_a_case() -> None:
    assert {path.name[:5] for path in CASES} >= set(CODES)


def test_every_case_is_about_codes_that_exist() -> None:
    promised = {path.name[:5] for path in CASES if path.name.startswith("RT")}
    expected = {code for path in CASES for _, code in CODE.findall(Case.read(path).expected)}
    assert promised | expected <= set(CODES)


def test_severities_printed_are_those_of_the_table() -> None:
    for path in CASES:
        for severity, code in CODE.findall(Case.read(path).expected):
            assert severity == CODES[code].severity, path.name


# ---- the pages

FENCE = re.compile(r"^```(route|toml) (faulty|mended)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

NO_TEXT_SHOWS = {"RT001", "RT002", "RT003", "RT005", "RT006", "RT324", "RT508", "RT901"} | {
    code for code in CODES if code.startswith("RT6")
}
"""Codes that no readable text of a route can show; their pages explain in prose."""

PROMPTS = ("closed", "enter_login", "enter_pin", "enter_room", "nobody", "ok", "refused", "welcome")
"""The prompts that lie in routes/prompts/ where an example is compiled; and `staff.users`, where it names that."""


PAGES = Path(codes.__file__).parent / "pages"

EXAMPLES = [
    (page.stem, *match.groups())
    for page in sorted(PAGES.glob("*.md"))
    for match in FENCE.finditer(page.read_text(encoding="utf-8"))
]
"""Code, notation, `faulty` or `mended`, and text, of all examples of all pages."""


def faults_of(notation: str, text: str) -> list[Diagnostic]:
    """What routec says of an example. A comment `# routes/NAME.route` at its start gives the file its name."""
    settings = ("routes/routec.toml", text.encode()) if notation == "toml" else None
    name = re.match(r"# (routes/.*\.route)\n", text)
    some = {"routes/some.route": b"route some { on extension 600; hangup }"}
    files = some if settings else {name[1] if name else "routes/example.route": text.encode()}
    sounds = {f"{prompt}.wav": "" for prompt in PROMPTS if re.search(rf"\b{prompt}\b", text)}
    users = {"routes/staff.users": b"user anna login 1001\n"} if '"staff.users"' in text else {}
    return compile_routes(Input(files, settings, sounds, users=users)).diagnostics


@pytest.mark.parametrize(("code", "notation", "kind", "text"), EXAMPLES)
def test_example_behaves(code: str, notation: str, kind: str, text: str) -> None:
    assert [fault.code.code for fault in faults_of(notation, text)] == ([code] if kind == "faulty" else [])


@pytest.mark.parametrize("code", list(CODES.values()), ids=list(CODES))
def test_page(code: codes.Code) -> None:
    page = code.page()
    lines = page.splitlines()
    assert lines[0] == f"# {code.code} {code.slug}"
    assert lines[1] == ""
    assert 8 <= len(lines) <= 28
    assert max(map(len, FENCE.sub("", page).splitlines())) <= 100
    assert page.endswith("\n")
    kinds = [kind for of, _, kind, _ in EXAMPLES if of == code.code]
    assert kinds == ([] if code.code in NO_TEXT_SHOWS else ["faulty", "mended"])
    assert page.count("```") == 2 * len(kinds)
    assert set(re.findall(r"RT\d{3}", page)) <= set(CODES)


def test_no_page_without_a_code() -> None:
    assert {page.name for page in PAGES.glob("*.md")} == {f"{code}.md" for code in CODES}
