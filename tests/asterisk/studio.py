"""A project whose prompts are spoken in by phone, under a real Asterisk with `routec serve`: each prompt a tone."""

import contextlib
import shutil
from pathlib import Path

from tests.asterisk.hearing import Sound, rustle, tone
from tests.asterisk.house import PINS, Checker, House
from tests.asterisk.machine import until
from tests.asterisk.meeting import Meeting
from tests.asterisk.pbx import Pbx
from tests.asterisk.sip import SipCall

ASK, OLD, ENGLISH, PLAIN, MENU, KEPT, SPOKEN = TONES = (400, 600, 800, 1100, 1400, 1900, 2300)
"""What each prompt is, and what is spoken in."""
BEEP, HIGH = 700, 6000
"""Asterisk's own, and one that only a wideband call carries."""
SETTLES = 0.4
"""The first prompt of a call begins with so many seconds of silence: a phone that was just answered misses some."""
HEARD = (*TONES, BEEP, HIGH)
ASKS = "routec/enter_pin"
OUTSIDE = "025551234"
"""The number at which a trunk's call hears the prompt `welcome`."""
PLAYS = {"welcome": "601", "hello": "602", "calm": "603", "quick": "604", "long": "605", "english": "606"}
"""The extension of the route that plays each prompt; `english` plays `hello` in English, and `plain`."""
RECORDS = {"welcome": "5001", "hello": "5002", "calm": "5003", "quick": "5004", "english": "5102"}
"""The extension by which each is spoken in; `english` is the English `hello`."""
PIN = "2468#"

ROUTES = """
prompt welcome "welcome.wav" record 5001
prompt hello "hello.wav" record 5002 record en 5102
prompt calm "calm.wav" record 5003
prompt quick "quick.wav" record 5004
auth keepers "Who may speak prompts in" {{
  password ask enter_pin digits 4..8
  tries 1
  user anna password "{floor1}"
}}
route line {{ on did +3225551234; on extension 601; prompt welcome; hangup }}
route hello {{ on extension 602; prompt hello; hangup }}
route calm {{ on extension 603; prompt calm; hangup }}
route quick {{ on extension 604; prompt quick; hangup }}
route long {{ on extension 605; prompt long; hangup }}
route english {{ on extension 606; language en; prompt hello, plain; hangup }}
"""
FILES = {
    **dict.fromkeys(("welcome", "hello", "calm", "quick"), OLD), "en/hello": ENGLISH,
    "plain": PLAIN, "recorder_menu": MENU, "recorder_kept": KEPT, "enter_pin": ASK,
}  # fmt: skip


class Studio:
    """One project in `root`, applied to a PBX that finds its sounds.

    Its prompts are Dutch, one of them English as well, which is the language that Asterisk begins all calls in. What
    lets somebody in is the module `keepers`, or the PIN in routec.toml if it `asks_pin`.
    """

    def __init__(self, root: Path, pbx: Pbx, *, asks_pin: bool = False) -> None:
        self.pbx = pbx
        self.asks_pin = asks_pin
        self.house = House(root)
        self.house.connect(pbx)
        door = f'pin = "{self._hash()}"' if asks_pin else 'module = "keepers"'
        self.house.tables += f'[prompts]\nlanguage = "nl"\n{door}\n'
        self.prompts = root / "routes/prompts"
        self.published = root / "generated/sounds"
        spoken, wide = tone(SPOKEN, seconds=0.4), tone(SPOKEN, HIGH, seconds=0.3, rate=16000)
        self.spoken = spoken.after(SETTLES).then(0.3).write(root / "spoken.wav")
        self.spoken_wide = wide.after(SETTLES).then(0.3).write(root / "wide.wav")
        self.long = rustle(4)
        for name, hertz in FILES.items():
            sound = tone(hertz, seconds=0.25).then(0.1)
            (sound.after(SETTLES) if hertz in (OLD, ENGLISH) else sound).write(self.prompts / f"{name}.wav")
        self.long.after(SETTLES).write(self.prompts / "long.wav")
        self.house.write(ROUTES, [])
        shutil.rmtree(pbx.sounds / "routec")  # the silent ones of any house
        for link, to in (("routec", self.published), ("en/routec", self.published / "en")):
            (pbx.sounds / link).parent.mkdir(exist_ok=True)
            (pbx.sounds / link).symlink_to(to)
        self._stack = contextlib.ExitStack()
        self._serve: Checker | None = None

    def _hash(self) -> str:
        return self.house.routec("users", "hash", typed=f"{PINS['floor1']}\n").strip()

    @property
    def serve(self) -> Checker:
        """The running `routec serve`; it is started if there is none, and its routes are in force."""
        if self._serve is None or self._serve.process.poll() is not None:
            serve = self._serve = self._stack.enter_context(self.house.serving())
            assert until(lambda: self.pbx.has_context("routec-seal"), 30), serve.said()
        return self._serve

    def end(self) -> None:
        """Ends `serve`."""
        self._stack.close()

    # -- what is there --------------------------------------------------------------------------------------------

    def files(self, name: str) -> dict[str, bytes]:
        """All files of a prompt in any language, those that were replaced included."""
        found = [path for path in self.prompts.rglob(f"{name}.*") if path.is_file()]
        return {str(path.relative_to(self.prompts)): path.read_bytes() for path in found}

    def takes(self) -> list[Path]:
        """The recordings that are under way, or were left behind."""
        return list((self.house.root / "state/recordings").glob("*"))

    def wait_published(self, name: str) -> None:
        """Waits until what lies in the prompts' folder is what Asterisk plays."""
        wanted, place = (self.prompts / name).read_bytes(), self.published / name
        assert until(lambda: place.exists() and place.read_bytes() == wanted, 20), f"{name} never went live"

    def wait_told(self, call: SipCall) -> str:
        """Waits until `serve` has said what the recording of a call came to, and gives its words."""
        start = f"call {call.channel_id}: recording of "

        def told() -> list[str]:
            return [line.partition(start)[2] for line in self.serve.said().splitlines() if start in line]

        assert until(lambda: bool(told()), 20), self.serve.said()
        return told()[0]

    # -- what calls do --------------------------------------------------------------------------------------------

    def sign_in(self, call: Meeting, pin: str = PIN) -> None:
        """Keys in the PIN when asked."""
        call.follow([("agent-pass" if self.asks_pin else ASKS, pin)])

    def wait_recording(self, call: SipCall) -> None:
        """Waits until what the caller says is recorded."""

        def recording() -> bool:
            commands = [event["Command"] for event in call.events if event["Event"] == "AGIExecStart"]
            takes = [Path(command.split('"')[1]) for command in commands if command.startswith("RECORD FILE")]
            return bool(takes) and any(takes[-1].parent.glob(f"{takes[-1].name}.*"))

        assert until(lambda: recording() or call.ended, 20), call.met()
        assert recording(), call.met()

    def record(self, call: SipCall) -> None:
        """Signs in, speaks the tone in and ends it; returns when the menu has been heard."""
        self.sign_in(call)
        self.wait_recording(call)
        since = call.moment
        call.play(self.spoken if call.rate == 8000 else self.spoken_wide)
        call.press("#")
        call.wait_heard(MENU, since=since)

    def tones(self, number: str, caller: str, codec: str = "pcmu") -> list[int]:
        """The tones that a whole call hears."""
        with SipCall(self.pbx, number, caller, codec) as call:
            call.wait_over()
        return call.heard().tones(HEARD)

    def sound(self, name: str) -> Sound:
        """A prompt as it lies in the project."""
        return Sound.read(self.prompts / name)
