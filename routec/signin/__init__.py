"""The sign-in runtime: what answers when the dialplan asks who is calling.

It knows `routec.contract` and `routec.settings` and nothing else of routec: a live call needs no compiler. From the
inside out:

- `conversation`: what is asked, how often, and what it comes to; pure, so that the simulator runs the same code.
- `credentials`: PINs, their hashes, and the pepper that keys them.
- `modules`: the compiled description of the sign-in modules, re-read when it changes.
- `wire` and `agi`: Asterisk on the other end, trusted with nothing.
- `schema` and `store`: the sign-in log.
- `session`: one sign-in from its first prompt to its verdict, the row before the verdict.
- `server` and `process`: the two ways in, FastAGI and a process a call.

Nothing is imported here, so that each way in pays for its own imports only.
"""
