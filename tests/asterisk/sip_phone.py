"""A SIP phone as a process of its own: one call, keys by RFC 4733, told what to do on its standard input.

    python sip_phone.py PORT NUMBER CALLER

calls NUMBER on 127.0.0.1:PORT. Lines on stdin are `press KEYS` and `hangup`; its end hangs up as well. Lines on stdout
are `calling`, `pressed KEYS` and, last of all, `closed REASON`. It is a process because the SIP stack
below (baresip) is C with global state: one a process, and what it breaks is only its own.
"""

import asyncio
import sys

from baresip import Account, Call, Config, Event, Runtime, StackEvent, UserAgent


def say(*words: str) -> None:
    """One line to who started this."""
    print(*words, flush=True)


async def lines() -> asyncio.StreamReader:
    """Standard input, to be read line by line without a thread."""
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    return reader


async def obey(call: Call) -> None:
    """Does what standard input says, until it ends."""
    reader = await lines()
    while line := (await reader.readline()).decode().split():
        match line:
            case ["press", keys]:
                await call.send_dtmf(keys)
                say("pressed", keys)
            case _:
                return


async def main(port: int, number: str, caller: str) -> None:
    """One call, from its beginning to its end."""
    runtime = Runtime()
    await runtime.start(Config(net_interface="127.0.0.1", extra_config_text="sip_listen 127.0.0.1:0\n"))
    try:
        account = Account(user=caller, domain=f"127.0.0.1:{port}", password="", reg_interval=0, audio_codecs=("pcmu",))
        agent = await UserAgent.create(runtime, account)
        closed = asyncio.get_running_loop().create_future()

        def on_event(event: StackEvent) -> None:
            if event.event is Event.CALL_CLOSED and not closed.done():
                closed.set_result(event.text or "")

        agent.on(on_event)  # before the call: a refusal can be here before `dial` returns
        call = await agent.dial(f"sip:{number}@127.0.0.1:{port}")
        say("calling")
        obeying = asyncio.ensure_future(obey(call))
        await asyncio.wait({obeying, closed}, return_when=asyncio.FIRST_COMPLETED)
        if not closed.done():
            obeying.result()
            await call.hangup()
        say("closed", await asyncio.wait_for(closed, 5))
        obeying.cancel()
    finally:
        await runtime.close()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2], sys.argv[3]))
