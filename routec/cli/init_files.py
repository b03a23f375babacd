"""The files of a new project. Nobody can sign in yet, and no PIN is made up that somebody would leave in place."""

ROUTEC_TOML = """\
# What is the same on every machine. What differs, and every secret, is in the environment or in the state folder.

[asterisk]
target = 22                                # 16, 18, 20 or 22
dial = "PJSIP/{extension}"                 # how an extension is rung

# Where Asterisk includes the dialplan from; generated/ where this is not said. `routec apply` writes it.
# [publish]
# to = "/srv/pbx/published"

# How the PBX is reached, for `routec plan` and `routec apply`. The secret is in ROUTEC_AMI_SECRET, or in the file
# `ami_secret` of the state folder. In Asterisk's manager.conf the user needs `write = config,reporting`, and
# `originate` for `routec doctor`.
# [ami]
# host = "127.0.0.1"
# port = 5038
# username = "routec"

# What routes/prompts/ is spoken in, and who may record there by phone: a sign-in module that is a gate, or a PIN by its
# hash (`routec users hash`).
# [prompts]
# language = "en"
# module = "hotel_staff"

# Which Python has routec, for when `routec serve` does not answer; and where the pepper and the log are.
# [agi]
# python = "/srv/routec/.venv/bin/python3"
# [signin]
# state = "/var/lib/routec"
"""

STAFF_ROUTE = """\
# Sounds: a name without a suffix is one that Asterisk has. Your own are files in routes/prompts/: with
#   prompt welcome "welcome.wav" record 5001 text "Welcome to our house."
# `routec prompts speak` makes a placeholder of the text, and `routec prompts add welcome FILE` takes a recording.
# Whoever [prompts] in routec.toml lets in records by dialling 5001.
prompt welcome      "hello-world"
prompt ok           "auth-thankyou"
prompt enter_login  "agent-user"
prompt enter_pin    "agent-pass"

# Who may pass: nobody yet. Once somebody is in staff.users, take the comment off the next line, so that routec warns
# should all be gone from there.
auth hotel_staff "Hotel staff" {  # routec: ignore RT310 nobody is in staff.users before the first `routec users add`
  login    ask enter_login  digits 4
  password ask enter_pin    digits 4..8
  tries 3
  lockout after 5 for 15m
  log login
  users from "staff.users"
}

# Your numbers. A DID matches in the forms in which a trunk may send it.
route staff_line "The line for staff" {
  # on did +3225551234
  on extension 600
  goto front_desk
}
"""

FRONT_DESK_ROUTE = """\
prompt welcome; auth hotel_staff else hangup; prompt ok; dial 101
"""

STAFF_USERS = """\
# Who may sign in to `hotel_staff`; `routec users add hotel_staff NAME --login 1001` asks for the PIN and writes a line.
"""

GITIGNORE = (
    "# Secrets, and what is this machine's own. generated/ belongs into git: CI checks that it is what the routes say.",
    "/state/",
    "pepper",
    "ami_secret*",
    "*.env",
    ".routec.lock",
)

CHECK = """\
#!/bin/sh
# For CI, and as a hook before a push: no faults, and generated/ is what the routes say.
set -e
cd "$(dirname "$0")"
routec check && routec build --check
"""

FILES = {
    "routes/routec.toml": ROUTEC_TOML,
    "routes/staff.route": STAFF_ROUTE,
    "routes/front_desk.route": FRONT_DESK_ROUTE,
    "routes/staff.users": STAFF_USERS,
}
"""What a project has in routes/, which must not be there before."""

CHECK_FILE = "check-routes"
GITIGNORE_FILE = ".gitignore"
