"""What the test PBX is configured with, as text; nothing here runs anything."""

from dataclasses import dataclass, field
from pathlib import Path

MODULES = (
    # the dialplan and what runs in it
    "pbx_config", "res_speech", "res_agi", "app_dial", "app_playback", "app_read", "app_verbose", "app_exec",
    "app_stack", "app_while", "app_if", "app_db", "app_record", "app_sayunixtime", "app_system", "app_userevent",
    "app_cdr", "app_senddtmf", "app_playtones", "app_authenticate", "app_directed_pickup", "app_originate",
    "app_mixmonitor",
    # Asterisk's own services
    "app_queue", "app_voicemail", "app_confbridge", "res_musiconhold", "res_parking",
    # functions
    "func_callerid", "func_cdr", "func_channel", "func_cut", "func_db", "func_devstate", "func_dialplan", "func_env",
    "func_extstate", "func_global", "func_groupcount", "func_hangupcause", "func_logic", "func_math", "func_md5",
    "func_module", "func_rand", "func_strings", "func_timeout", "func_uri", "func_shell", "func_lock",
    # bridges, sound and time
    "bridge_simple", "bridge_holding", "bridge_softmix", "bridge_builtin_features", "res_timing_timerfd",
    "format_wav", "format_pcm", "format_sln", "format_gsm", "codec_ulaw", "codec_alaw", "codec_resample",
    "codec_gsm", "codec_g722",
    # records
    "cdr_csv",
    # SIP
    "res_sorcery_config", "res_sorcery_memory", "res_sorcery_astdb", "res_pjproject", "res_pjsip",
    "res_pjsip_session", "res_pjsip_sdp_rtp", "res_rtp_asterisk", "res_pjsip_caller_id", "res_pjsip_dtmf_info",
    "res_pjsip_endpoint_identifier_ip", "res_pjsip_endpoint_identifier_user", "res_pjsip_rfc3326",
    "res_pjsip_logger", "chan_pjsip", "res_pjsip_header_funcs", "res_pjsip_pubsub", "res_http_websocket", "res_crypto",
)  # fmt: skip
"""The modules that a test PBX loads, without the `.so`; those that its Asterisk does not have are left out."""

DIALPLAN = """\
; the admin's own file in a test: the compiler's is included below

[general]
static = yes
writeprotect = yes

[globals]
{globals}

[from-trunk]
include => routec-dids

[from-phones]
include => routec-extensions
include => phones

[phones]
; 101 picks up and is silent, 102 is busy, 103 rings for ever
exten => 101,1,Answer()
 same => n,Wait(3600)
exten => 102,1,Busy()
exten => 103,1,Ringing()
 same => n,Wait(3600)

[harness-caller]
; the caller's half of a test call. It must send sound, if only silence: Asterisk ends a key by the sound after it
exten => s,1,Answer()
 same => n,MusicOnHold()

[harness-loaded-{serial}]
; read back to see that this very file is the one in force
exten => s,1,NoOp()

{before}
#tryinclude "{included}"
"""

PJSIP = """\
[global]
type = global
endpoint_identifier_order = username,ip

[transport]
type = transport
protocol = udp
bind = 127.0.0.1:{sip_port}

[trunk]
type = endpoint
context = from-trunk
disallow = all
allow = ulaw
dtmf_mode = rfc4733
direct_media = no
media_address = 127.0.0.1
bind_rtp_to_media_address = yes

[trunk]
type = identify
endpoint = trunk
match = 127.0.0.1

[phone](!)
type = endpoint
context = from-phones
disallow = all
allow = ulaw,g722
dtmf_mode = rfc4733
direct_media = no
media_address = 127.0.0.1
bind_rtp_to_media_address = yes

{phones}
"""

PHONES = tuple(str(number) for number in range(201, 220))
"""The numbers of the phones inside: a SIP call whose caller is one of them comes from there, and no other does."""

PRODUCT = "routec"
"""The manager's user that routec itself logs in as, with the least that it needs."""

EMPTY = (
    "acl", "ccss", "cel", "features", "pjproject", "stasis", "udptl", "cli", "cli_permissions",
    "res_parking", "parking", "queues", "queuerules", "confbridge", "http", "dnsmgr", "codecs",
    "rtp", "sorcery", "cli_aliases", "pjsip_notify", "res_stasis", "phoneprov", "dsp",
)  # fmt: skip
"""Configuration files that are there, and empty, so that the log holds no complaint about their absence."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything of one test PBX is: `root` is the Asterisk that was brought, the rest is the test's own."""

    root: Path
    folder: Path
    run: Path
    modules: Path = field(init=False)

    def __post_init__(self) -> None:
        """Finds the folder of modules, which moves from version to version. Raises FileNotFoundError."""
        found = next(self.root.glob("usr/lib/**/asterisk/modules/pbx_config.so"), None)
        if found is None:
            raise FileNotFoundError(f"{self.root} holds no Asterisk modules")
        object.__setattr__(self, "modules", found.parent)

    @property
    def etc(self) -> Path:
        """The configuration files."""
        return self.folder / "etc"

    @property
    def log(self) -> Path:
        """The console log and the call records."""
        return self.folder / "log"

    @property
    def data(self) -> Path:
        """Asterisk's data, with `sounds` and `agi-bin` in it."""
        return self.folder / "data"

    def command(self) -> list[str]:
        """What starts Asterisk in the foreground without a chroot: its own loader with its own libraries."""
        root = self.root
        # In older Debians, lib64's loader is a link to an absolute path, which is the machine's own.
        loaders = [loader.resolve() for where in ("usr/lib/*", "lib64") for loader in root.glob(f"{where}/ld-linux*")]
        loader = next(loader for loader in loaders if loader.is_relative_to(root))
        libraries = [self.modules.parent.parent, *root.glob("usr/lib/*-linux-gnu"), *root.glob("lib/*-linux-gnu")]
        path = ":".join(dict.fromkeys(str(each) for each in (*libraries, root / "usr/lib")))
        program = [str(loader), "--library-path", path, str(root / "usr/sbin/asterisk")]
        return [*program, "-f", "-n", "-C", str(self.etc / "asterisk.conf")]


def write(layout: Layout, *, ami_port: int, sip_port: int, secret: str, verbose: int, debug: int) -> list[str]:
    """Writes every file but extensions.conf, and gives the names of the modules that will be loaded."""
    for folder in (layout.etc, layout.log / "cdr-csv", layout.folder / "lib" / "keys", layout.folder / "spool"):
        folder.mkdir(parents=True, exist_ok=True)
    directories = {
        "astetcdir": layout.etc, "astmoddir": layout.modules, "astvarlibdir": layout.folder / "lib",
        "astdbdir": layout.folder / "lib", "astkeydir": layout.folder / "lib", "astdatadir": layout.data,
        "astagidir": layout.data / "agi-bin", "astspooldir": layout.folder / "spool", "astrundir": layout.run,
        "astlogdir": layout.log, "astsbindir": layout.root / "usr/sbin",
    }  # fmt: skip
    names = [name for name in MODULES if (layout.modules / f"{name}.so").exists()]
    texts = dict.fromkeys(EMPTY, "")
    texts["asterisk"] = (
        "[directories]\n"
        + "".join(f"{key} => {value}\n" for key, value in directories.items())
        + f"[options]\nverbose = {verbose}\ndebug = {debug}\nnocolor = yes\n"
    )
    texts["modules"] = "[modules]\nautoload = no\n" + "".join(f"load = {name}.so\n" for name in names)
    texts["logger"] = (
        "[general]\ndateformat = %F %T.%3q\n[logfiles]\nconsole.txt = notice,warning,error,debug,verbose\n"
    )
    texts["manager"] = (
        f"[general]\nenabled = yes\nbindaddr = 127.0.0.1\nport = {ami_port}\ndisplayconnects = no\n"
        f"[test]\nsecret = {secret}\nread = all\nwrite = all\nwritetimeout = 5000\n"
        f"[{PRODUCT}]\nsecret = {secret}\nwrite = config,reporting\nwritetimeout = 5000\n"
    )
    texts["cdr"] = "[general]\nenable = yes\n[csv]\nusegmtime = yes\nloguniqueid = yes\nloguserfield = yes\n"
    texts["voicemail"] = "[general]\nformat = wav\n[default]\n101 => 101,Box 101\n"
    texts["indications"] = (
        "[general]\ncountry = us\n[us]\ndescription = tones\nringcadence = 2000,4000\ndial = 350+440\n"
        "busy = 480+620/500,0/500\nring = 440+480/2000,0/4000\ncongestion = 480+620/250,0/250\n"
    )
    texts["musiconhold"] = f"[default]\nmode = files\ndirectory = {layout.data / 'moh'}\n"
    texts["pjsip"] = PJSIP.format(sip_port=sip_port, phones="".join(f"[{number}](phone)\n" for number in PHONES))
    for name, text in texts.items():
        (layout.etc / f"{name}.conf").write_text(text, encoding="utf-8")
    return names
