"""The sign-in runtime: what answers when the dialplan asks who is calling.

It knows `routec.contract` and `routec.settings` and nothing else of routec: a live call needs no compiler. From the
inside out:

- `outcome`, `ports`, `asking`, `register`, `timeclock`, `conversation`: what is asked, how often, and what it comes to;
  pure, so that the simulator runs the same code.
- `credentials`: PINs, their hashes, and the pepper that keys them.
- `modules`, `module_faults`: the compiled description of the sign-in modules, re-read when it changes.
- `wire` and `agi`: Asterisk on the other end, trusted with nothing.
- `store`: the sign-in log, whose work is done by `keeper` (or, while the database is away, `spool`) over `database`:
  `rows`, `guard` (the counters of `lockout`), `clocks`, `outbox`, `retention`, `following`; `schema` and `migrate`.
- `call`, `ledger`, `session`: one sign-in from its first prompt to its verdict, the row before the verdict.
- `server` and `process`: the two ways in, FastAGI and a process a call.
- `webhooks`, `delivery`, `housekeeping`: what `serve` does behind the calls.
- `timesheet`, `weak_pins`: for the command line.

Nothing is imported here, so that each way in pays for its own imports only.
"""
