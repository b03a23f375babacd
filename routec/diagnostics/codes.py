"""The one table of codes. A slug names the defect, not the cure; a code is never used again for something else."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Code:
    """A kind of fault. Its page, `pages/CODE.md`, is what `routec explain CODE` prints."""

    code: str
    slug: str
    severity: Severity = "error"

    def page(self) -> str:
        """The explanation, as Markdown."""
        return Path(__file__).with_name("pages").joinpath(f"{self.code}.md").read_text(encoding="utf-8")


# RT0: input
UNREADABLE_FILE = Code("RT001", "unreadable-file")
NOT_UTF8 = Code("RT002", "not-utf-8")
HIDDEN_CHARACTER = Code("RT003", "hidden-character")
BAD_SETTINGS = Code("RT004", "bad-settings")
FILE_TOO_LARGE = Code("RT005", "file-too-large")
NO_ROUTES = Code("RT006", "no-routes")
# RT1: syntax
UNEXPECTED = Code("RT101", "unexpected-text")
UNKNOWN_WORD = Code("RT102", "unknown-word")
UNCLOSED_BLOCK = Code("RT103", "unclosed-block")
UNCLOSED_TEXT = Code("RT104", "unclosed-text")
STRAY_BRACE = Code("RT105", "stray-brace")
MIXED_FILE = Code("RT106", "steps-beside-declarations")
MISSING_ELSE = Code("RT107", "missing-else")
TOO_DEEP = Code("RT108", "nested-too-deeply")
MISPLACED_CASE = Code("RT109", "misplaced-case")
# RT2: names
UNKNOWN_MODULE = Code("RT201", "unknown-module")
UNKNOWN_PROMPT = Code("RT202", "unknown-prompt")
UNKNOWN_ROUTE = Code("RT203", "unknown-route")
DUPLICATE_NAME = Code("RT204", "duplicate-name")
DUPLICATE_SETTING = Code("RT205", "duplicate-setting")
UNKNOWN_FIELD = Code("RT206", "unknown-field")
UNKNOWN_VALUE = Code("RT207", "unknown-value")
BAD_FILE_NAME = Code("RT208", "file-name-is-no-route-name")
UNKNOWN_USERS_FILE = Code("RT209", "unknown-users-file")
BAD_USERS_FILE_NAME = Code("RT210", "users-file-out-of-reach")
# RT3: meaning
ELSE_RUNS_ON = Code("RT301", "auth-else-runs-on")
UNREACHABLE_STEP = Code("RT302", "unreachable-step")
UNUSED_ROUTE = Code("RT303", "unused-route", "warning")
ENDLESS_LOOP = Code("RT304", "endless-loop")
MISSING_SOUND = Code("RT305", "missing-sound", "warning")
BAD_RANGE = Code("RT306", "bad-range")
MODULE_ASKS_NOTHING = Code("RT307", "module-asks-nothing")
USER_MISMATCH = Code("RT308", "user-does-not-fit-module")
DUPLICATE_LOGIN = Code("RT309", "duplicate-login")
NO_USERS = Code("RT310", "nobody-can-sign-in", "warning")
BAD_NUMBER = Code("RT311", "bad-number")
EMPTY_ROUTE = Code("RT312", "empty-route")
BAD_SOUND_FILE = Code("RT313", "unusable-sound")
OPTIONAL_CREDENTIAL = Code("RT314", "optional-credential")
UNLIKELY_NUMBER = Code("RT315", "unlikely-number", "warning")
SETTING_OUT_OF_PLACE = Code("RT316", "setting-out-of-place")
NOT_A_DATA_FIELD = Code("RT317", "not-a-data-field")
UNKEYABLE_CODE = Code("RT318", "code-cannot-be-keyed")
CODES_OVERLAP = Code("RT319", "codes-overlap")
EMPTY_CODE_TABLE = Code("RT320", "empty-code-table")
INCOMPLETE_CLOCK = Code("RT321", "clock-lacks-an-action")
UNVERIFIED_CREDENTIALS = Code("RT322", "unverified-credentials")
USERS_ALIKE = Code("RT323", "users-not-told-apart")
UNUSED_USERS_FILE = Code("RT324", "unused-users-file", "warning")
UNSAYABLE = Code("RT325", "cannot-be-said")
UNUSED_PROMPT = Code("RT326", "unused-prompt", "warning")
LANGUAGE_LACKS_PROMPTS = Code("RT327", "language-lacks-prompts", "warning")
NOT_OUR_SOUND = Code("RT328", "recorded-sound-is-asterisks")
# RT4: Asterisk's limits and collisions
NUMBER_TAKEN = Code("RT401", "number-taken")
NAME_TOO_LONG = Code("RT402", "name-too-long")
NATIONAL_FORM_SHARED = Code("RT403", "national-form-shared", "warning")
STEP_TOO_LONG = Code("RT404", "step-too-long")
# RT5: safety
INJECTING_TEXT = Code("RT501", "injecting-text")
CLEAR_PASSWORD = Code("RT502", "password-in-the-clear")
PASSWORD_LOGGED = Code("RT503", "password-logged", "warning")
NOT_A_HASH = Code("RT504", "not-a-password-hash")
BAD_SOUND_NAME = Code("RT505", "bad-sound-name")
BAD_WEBHOOK_URL = Code("RT506", "bad-webhook-url")
RECORDING_OFF = Code("RT507", "recording-off", "warning")
RECORDING_DIALLED = Code("RT508", "recording-from-a-route")
# RT6: the PBX
PBX_UNREACHABLE = Code("RT601", "pbx-unreachable")
LOGIN_REFUSED = Code("RT602", "ami-login-refused")
NOT_PERMITTED = Code("RT603", "ami-not-permitted")
PBX_SILENT = Code("RT604", "pbx-silent")
RELOAD_REFUSED = Code("RT605", "reload-refused")
NOT_TAKEN = Code("RT606", "dialplan-not-taken")
NOT_INCLUDED = Code("RT607", "dialplan-not-included")
NOT_ROLLED_BACK = Code("RT608", "not-rolled-back")
CANNOT_BE_KEPT = Code("RT609", "context-cannot-be-kept")
# RT9: our own
INTERNAL_ERROR = Code("RT901", "internal-error")

CODES: dict[str, Code] = {value.code: value for value in list(globals().values()) if isinstance(value, Code)}
