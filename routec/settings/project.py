"""routes/routec.toml as a whole: what is the same on every machine, and goes into the generated files."""

import re
import tomllib
from collections.abc import Callable
from typing import Any

from pydantic import PrivateAttr, ValidationError

from routec.contract import SCRIPT_FILE, meant_language
from routec.settings import targets
from routec.settings.faults import MOST_FAULTS, Faults, SettingsError, in_words, toml_offset
from routec.settings.places import Path, places
from routec.settings.tables import (
    AgiSettings,
    AmiSettings,
    AsteriskSettings,
    MetricsSettings,
    PromptsSettings,
    PublishSettings,
    SigninSettings,
    Table,
    parse_address,
)
from routec.suggest import did_you_mean

SETTINGS_FILE = "routec.toml"

_LANGUAGE_SAID = re.compile(r"""^[^#\n]*\blanguage[ \t]*=[ \t]*["']([A-Za-z_-]+)["']""", re.MULTILINE)


class Settings(Table):
    """routes/routec.toml as a whole, or as it is for one target; without the file, all defaults."""

    asterisk: AsteriskSettings = AsteriskSettings()
    publish: PublishSettings = PublishSettings()
    ami: AmiSettings | None = None
    agi: AgiSettings = AgiSettings()
    signin: SigninSettings = SigninSettings()
    metrics: MetricsSettings | None = None
    prompts: PromptsSettings = PromptsSettings()

    _target: str | None = PrivateAttr(None)
    _entered: frozenset[str] = PrivateAttr(frozenset())
    _on: tuple[targets.Entries, ...] = PrivateAttr(())
    _targets: dict[str, "Settings"] = PrivateAttr(default_factory=dict)

    @classmethod
    def parse(cls, text: str, file: str = SETTINGS_FILE) -> "Settings":
        """Read the text of a routec.toml. Raises `SettingsError` with the places of all faults."""
        try:
            table = tomllib.loads(text)
        except RecursionError:
            raise SettingsError("this is nested too deeply", file=file, offset=0) from None
        except tomllib.TOMLDecodeError as error:
            what = re.sub(r" \(at .*\)$", "", str(error))
            raise SettingsError(
                f"this is not TOML: {what[:1].lower()}{what[1:]}", file=file, offset=toml_offset(text, str(error))
            ) from None
        several = table.pop(targets.TARGETS, None)
        if several is None:
            try:
                return cls.model_validate(table)
            except ValidationError:
                several = {}
        faults = Faults(file, places(text))
        owned = targets.own_tables(several, faults)
        settings = cls._read(table, faults)
        at_top = set(faults.paths)
        read = {name: cls._for_target(name, table, own, faults, at_top) for name, own in owned.items()}
        whole = {name: one for name, one in read.items() if one is not None}
        targets.shared({name: (one.publish.to or "", _address(one)) for name, one in whole.items()}, faults)
        faults.refuse()
        settings = settings or cls()
        entered = frozenset(on.route for one in whole.values() for on in one.on if on.entries)
        for one in (settings, *whole.values()):
            one._entered = entered  # noqa: SLF001 (of this class)
        settings._targets |= whole  # noqa: SLF001
        return settings

    @classmethod
    def beside_faults(cls, text: str) -> "Settings":
        """What to judge the routes by where the text has faults: the defaults, in the language that it says.

        In another one, half of the prompts of two languages would be faults as well.
        """
        match = _LANGUAGE_SAID.search(text)
        language = (match and meant_language(match[1])) or PromptsSettings().language
        return cls(prompts=PromptsSettings(language=language))

    @classmethod
    def _for_target(
        cls, name: str, table: dict[str, Any], own: dict[str, Any], faults: Faults, at_top: set[Path]
    ) -> "Settings | None":
        """The settings of a target; faults that stand at the top are not told again."""
        on = targets.entries(name, own, faults)

        def place(path: Path) -> Path | None:
            is_own = len(path) > 1 and path[0] in own and path[1] in own[path[0]]
            return None if path in at_top and not is_own else (targets.TARGETS, name, *path)

        settings = cls._read(targets.merged(name, table, own), faults, place)
        if settings is not None:
            settings._target, settings._on = name, on  # noqa: SLF001 (of this class)
        return settings

    @classmethod
    def _read(
        cls, table: dict[str, Any], faults: Faults, place: Callable[[Path], Path | None] = lambda path: path
    ) -> "Settings | None":
        """Settings of a table, or None; `place` tells where a fault stands, None where it is told already."""
        try:
            return cls.model_validate(table)
        except ValidationError as error:
            for one in error.errors(include_url=False)[:MOST_FAULTS]:
                path = place(one["loc"])
                if path is not None:
                    faults.add(path, *in_words(cls, one, path))
        return None

    # ---- targets

    @property
    def target(self) -> str | None:
        """The target that these are the settings of; None for those at the top."""
        return self._target

    @property
    def target_names(self) -> tuple[str, ...]:
        """All targets, in the order of the file."""
        return tuple(self._targets)

    @property
    def on(self) -> tuple[targets.Entries, ...]:
        """What stands in place of routes' own `on` lines on this target."""
        return self._on

    @property
    def entered_somewhere(self) -> frozenset[str]:
        """The routes that `[targets.NAME.on]` leads to on any target: on the others they are not forgotten ones."""
        return self._entered

    def for_target(self, name: str | None) -> "Settings":
        """The settings as they are for a target; None gives those at the top. Raises `SettingsError`."""
        if name is None:
            return self
        if name not in self._targets:
            raise self.unknown_target(name)
        return self._targets[name]

    def unknown_target(self, name: str) -> SettingsError:
        """What to say of a target that there is not."""
        names = self.target_names
        if not names:
            return SettingsError(
                f"there is no target `{name}`: this project has no targets",
                help="write it as [targets.NAME] in routes/routec.toml",
            )
        near = did_you_mean(name, names)
        return SettingsError(f"there is no target `{name}`", help=near or f"the targets: {', '.join(names)}")

    # ---- what the dialplan says

    @property
    def connect(self) -> tuple[str, int]:
        """The checker's address as the dialplan calls it."""
        if self.agi.connect is not None:
            return parse_address(self.agi.connect)
        host, port = parse_address(self.agi.listen)
        return ("127.0.0.1" if host in ("0.0.0.0", "::") else host), port  # noqa: S104 (compared, not bound)

    @property
    def script(self) -> str:
        """The plain AGI script as the dialplan calls it."""
        if self.agi.script is not None:
            return self.agi.script
        to = self.publish.seen_as or self.publish.to or ""
        return f"{to}/{SCRIPT_FILE}" if to.startswith("/") else SCRIPT_FILE


def _address(settings: Settings) -> tuple[str, int] | None:
    return (settings.ami.host, settings.ami.port) if settings.ami else None
