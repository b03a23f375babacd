"""A SIP phone as a process of its own: one call, keys by RFC 4733, told what to do on its standard input.

    python sip_phone.py PORT NUMBER CALLER HEARD [CODEC]

calls NUMBER on 127.0.0.1:PORT and writes all that it hears to the file HEARD as it comes: samples of 16 bits of this
machine's order, one channel, at the codec's rate. Lines on stdin are `press KEYS`, `play FILE` (a WAV file of that
same kind) and `hangup`; its end hangs up as well. Lines on stdout are `calling`, `pressed KEYS`, `played` when the last
of a file is on its way, and, last of all, `closed REASON`. It is a process because the SIP stack below (baresip) is C
with global state: one a process, and what it breaks is only its own.
"""

import asyncio
import contextlib
import sys
import wave
from pathlib import Path

from baresip import Account, AudioNotActive, Call, Config, Event, Runtime, StackEvent, UserAgent

CONFIG = """\
sip_listen 127.0.0.1:0
audio_jitter_buffer_type off
audio_buffer 20-2000
"""
"""A packet that comes late is heard late, and not dropped: tests judge what Asterisk sent, however busy the machine."""
PACE = 0.02
"""Seconds between two looks at the sound, one packet's worth."""


def say(*words: str) -> None:
    """One line to who started this."""
    print(*words, flush=True)


async def lines() -> asyncio.StreamReader:
    """Standard input, to be read line by line without a thread."""
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    return reader


async def hear(call: Call, heard: Path) -> None:
    """Writes what is heard, until it is cancelled."""
    with heard.open("wb", buffering=0) as out:
        while True:
            with contextlib.suppress(AudioNotActive):
                while sound := call.audio.read(1 << 16):
                    out.write(sound)
            await asyncio.sleep(PACE)


async def play(call: Call, path: str) -> None:
    """Sends a sound, and returns when the stack has taken the last of it."""
    with wave.open(path, "rb") as sound:
        kind = sound.getframerate(), sound.getnchannels(), sound.getsampwidth()
        left = sound.readframes(sound.getnframes())
    info = call.audio.info()
    if kind != (info.tx_sample_rate, info.tx_channels, 2):
        raise ValueError(f"{path} is of {kind}, and the call of {info}")
    while left or call.audio.info().tx_buffered:
        left = left[call.audio.write(left) :]
        await asyncio.sleep(PACE)


async def obey(call: Call, answered: asyncio.Event) -> None:
    """Does what standard input says, until it ends."""
    reader = await lines()
    while line := (await reader.readline()).decode().split():
        if line[0] in ("press", "play"):
            await answered.wait()  # what is sent before that is lost
        match line:
            case ["press", keys]:
                await call.send_dtmf(keys)
                say("pressed", keys)
            case ["play", path]:
                await play(call, path)
                say("played")
            case _:
                return


async def main(port: int, number: str, caller: str, heard: Path, codec: str) -> None:
    """One call, from its beginning to its end."""
    runtime = Runtime()
    await runtime.start(Config(net_interface="127.0.0.1", extra_config_text=CONFIG))
    try:
        account = Account(user=caller, domain=f"127.0.0.1:{port}", password="", reg_interval=0, audio_codecs=(codec,))
        agent = await UserAgent.create(runtime, account)
        answered, closed = asyncio.Event(), asyncio.get_running_loop().create_future()

        def on_event(event: StackEvent) -> None:
            if event.event is Event.CALL_ESTABLISHED:
                answered.set()
            if event.event is Event.CALL_CLOSED and not closed.done():
                closed.set_result(event.text or "")

        agent.on(on_event)  # before the call: an answer or a refusal can be here before `dial` returns
        call = await agent.dial(f"sip:{number}@127.0.0.1:{port}")
        say("calling")
        hearing = asyncio.ensure_future(hear(call, heard))
        obeying = asyncio.ensure_future(obey(call, answered))
        await asyncio.wait({obeying, hearing, closed}, return_when=asyncio.FIRST_COMPLETED)
        if not closed.done():
            for task in (obeying, hearing):
                if task.done():
                    task.result()
            await call.hangup()
        say("closed", await asyncio.wait_for(closed, 5))
        obeying.cancel()
        hearing.cancel()
    finally:
        await runtime.close()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2], sys.argv[3], Path(sys.argv[4]), sys.argv[5]))
