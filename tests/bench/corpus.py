"""The routes that the benchmarks compile, as routec writes them and as an AEL admin would.

Both notations are printed from one list of made-up routes, so they hold the same numbers, sounds, sign-ins, dials and
jumps. Nothing is random: the same count gives the same bytes on any machine.

Where there was a choice, it favours aelparse: one AEL file instead of a hundred, one entry a number where routec also
writes the trunk's other spellings of a DID, and the sign-in as a macro, which aelparse compiles once and not ten
thousand times. Which contexts hold the routes matters most to it, so there are two shapes (`write_ael`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

PROMPTS = 50
MODULES = 20
USERS = 5
MOST_ROUTES = 100_000
"""As many numbers as +32 2 550 00 00 up to +32 2 559 99 99 holds."""

_FIRST_DID = 3_225_500_000
_FIRST_EXTENSION = 100_000
_FIRST_PHONE = 101
_PHONES = 500
_HASH = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNo"


@dataclass(frozen=True, slots=True)
class Play:
    """`prompt p1, p2`."""

    prompts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class SignIn:
    """`auth staff1 else …`; the else leaves the route, as it must."""

    module: int
    otherwise: "tuple[Step, ...]"


@dataclass(frozen=True, slots=True)
class Dial:
    """`dial 101, 102 for 20s else …`."""

    phones: tuple[int, ...]
    seconds: int | None = None
    otherwise: "tuple[Step, ...]" = ()


@dataclass(frozen=True, slots=True)
class Jump:
    """`goto r00001`."""

    route: int


@dataclass(frozen=True, slots=True)
class Wait:
    """`wait 2s`."""

    seconds: int


@dataclass(frozen=True, slots=True)
class Answer:
    """`answer`."""


@dataclass(frozen=True, slots=True)
class Hangup:
    """`hangup`."""


Step = Play | SignIn | Dial | Jump | Wait | Answer | Hangup


@dataclass(frozen=True, slots=True)
class Route:
    """One route, on one DID and on one extension."""

    number: int
    steps: tuple[Step, ...]

    @property
    def name(self) -> str:
        """The name that both notations use."""
        return f"r{self.number:05}"

    @property
    def did(self) -> int:
        """The E.164 number, without its plus."""
        return _FIRST_DID + self.number

    @property
    def extension(self) -> int:
        """The internal number."""
        return _FIRST_EXTENSION + self.number


def make_route(number: int) -> Route:
    """The route with this number: one of six shapes, of 4, 5, 6, 4, 6 and 5 steps."""
    one, two, three = (Play((_pick(number, salt, PROMPTS),)) for salt in (1, 2, 3))
    both = Play((_pick(number, 4, PROMPTS), _pick(number, 5, PROMPTS)))
    gate = SignIn(_pick(number, 6, MODULES), (Hangup(),))
    phone = _FIRST_PHONE + _pick(number, 7, _PHONES)
    pair = (phone, phone + 1)
    # A jump leads to an earlier route, so no callers go round in circles; the first route has no earlier one.
    away: Step = Jump(_pick(number, 8, number) - 1) if number else Hangup()
    shapes: tuple[tuple[Step, ...], ...] = (
        (one, gate, two, Dial((phone,))),
        (both, gate, one, Dial(pair, 20), Hangup()),
        (one, SignIn(gate.module, (two, Hangup())), three, Dial((phone,), 20), Wait(2), away),
        (both, SignIn(gate.module, (away,)), one, Dial(pair, 20, (away,))),
        (Answer(), Wait(1), both, gate, three, Dial((phone,), 30, (two, Hangup()))),
        (Answer(), one, gate, Dial(pair, 20), away),
    )
    return Route(number, shapes[number % len(shapes)])


def _pick(number: int, salt: int, count: int) -> int:
    """A number from 1 to `count` that looks random and is not."""
    return (number * 2_654_435_761 + salt * 40_503_221) // 64 % count + 1


def make_routes(count: int) -> list[Route]:
    """The first `count` routes."""
    if not 0 < count <= MOST_ROUTES:
        message = f"the corpus holds 1 to {MOST_ROUTES} routes, not {count}"
        raise ValueError(message)
    return [make_route(number) for number in range(count)]


def write_routes(folder: Path, routes: int, files: int = 100) -> None:
    """Write a routec project to `folder/routes`: `files` files of routes, one of prompts, one of sign-in modules."""
    made = make_routes(routes)
    target = folder / "routes"
    target.mkdir(parents=True, exist_ok=True)
    (target / "prompts.route").write_text(_prompts(), encoding="utf-8")
    (target / "staff.route").write_text(_modules(), encoding="utf-8")
    for index in range(min(files, routes)):
        part = made[index * routes // files : (index + 1) * routes // files] if routes >= files else [made[index]]
        text = "\n".join("\n".join(_route_lines(route)) + "\n" for route in part)
        (target / f"part{index:03}.route").write_text(text, encoding="utf-8")


def write_single(folder: Path) -> None:
    """Write a project of one file: a route with a sign-in, as a beginner has it."""
    route = Route(0, (Play((1, 2)), SignIn(1, (Hangup(),)), Play((3,)), Dial((101,), 20), Hangup()))
    lines = [*(f'prompt p{number} "p{number}"' for number in (1, 2, 3)), *_module_lines(1), *_route_lines(route)]
    target = folder / "routes"
    target.mkdir(parents=True, exist_ok=True)
    (target / "single.route").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _prompts() -> str:
    return "".join(f'prompt p{number} "p{number}"\n' for number in range(1, PROMPTS + 1))


def _modules() -> str:
    return "\n".join("\n".join(_module_lines(number)) + "\n" for number in range(1, MODULES + 1))


def _module_lines(number: int) -> Iterator[str]:
    yield f'auth staff{number} "Staff {number}" {{'
    yield "  login    ask p1 digits 4"
    yield "  password ask p2 digits 4..8"
    yield "  tries 3"
    for user in range(1, USERS + 1):
        yield f'  user u{user} "User {user}" login {1000 + user} password "{_HASH}"'
    yield "}"


def _route_lines(route: Route) -> Iterator[str]:
    yield f'route {route.name} "Route {route.number}" {{'
    yield f"  on did +{route.did}"
    yield f"  on extension {route.extension}"
    for step in route.steps:
        yield f"  {_step(step)}"
    yield "}"


def _step(step: Step) -> str:
    match step:
        case Play(prompts):
            text = "prompt " + ", ".join(f"p{prompt}" for prompt in prompts)
        case SignIn(module, otherwise):
            text = f"auth staff{module}{_otherwise(otherwise)}"
        case Dial(phones, seconds, otherwise):
            limit = f" for {seconds}s" if seconds else ""
            text = "dial " + ", ".join(map(str, phones)) + limit + _otherwise(otherwise)
        case Jump(route):
            text = f"goto r{route:05}"
        case Wait(seconds):
            text = f"wait {seconds}s"
        case Answer() | Hangup():
            text = type(step).__name__.lower()
    return text


def _otherwise(steps: tuple[Step, ...]) -> str:
    if len(steps) > 1:
        return " else { " + "; ".join(map(_step, steps)) + " }"
    return f" else {_step(steps[0])}" if steps else ""


def write_ael(path: Path, routes: int, *, per_route: bool = True, sites: int = 100) -> None:
    """Write the same routes as one AEL file.

    `per_route` gives each route a context of its own, and the entry contexts a `goto` a number. Without it the routes
    are extensions of `sites` contexts, one per file of ours, which one context includes. aelparse is worse than
    quadratic in the first shape; the second, with tens to hundreds of contexts, is what suits it best.
    """
    made = make_routes(routes)
    home = {route.number: route.name for route in made} if per_route else _homes(routes, sites)
    lines = _ael_contexts(made) if per_route else _ael_sites(made, home)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([_MACRO, *lines]) + "\n", encoding="utf-8")


_MACRO = """macro signin(module) {
  Set(ROUTEC_VERDICT=);
  AGI(agi://127.0.0.1:4573/signin/${module});
  if ("${AGISTATUS}" != "SUCCESS") {
    Set(ROUTEC_VERDICT=);
    AGI(signin.agi,${module});
  };
  return;
};"""


def _homes(routes: int, sites: int) -> dict[int, str]:
    return {number: f"site{number * sites // routes}" for number in range(routes)}


def _ael_contexts(routes: list[Route]) -> Iterator[str]:
    yield "context dids {"
    yield from (f"  +{route.did} => goto {route.name},s,1;" for route in routes)
    yield "};"
    yield "context extensions {"
    yield from (f"  {route.extension} => goto {route.name},s,1;" for route in routes)
    yield "};"
    target = {route.number: f"{route.name},s,1" for route in routes}
    for route in routes:
        yield f"context {route.name} {{  // Route {route.number}"
        yield "  s => {"
        for step in route.steps:
            yield from _ael_step(step, target, "    ")
        yield "  };"
        yield "};"


def _ael_sites(routes: list[Route], home: dict[int, str]) -> Iterator[str]:
    target = {route.number: f"{home[route.number]},{route.extension},1" for route in routes}
    for site, members in groupby(routes, key=lambda route: home[route.number]):
        yield f"context {site} {{"
        for route in members:
            yield f"  +{route.did} => goto {route.extension},1;"
            yield f"  {route.extension} => {{  // Route {route.number}"
            for step in route.steps:
                yield from _ael_step(step, target, "    ")
            yield "  };"
        yield "};"
    yield "context all { includes { " + " ".join(f"{site};" for site in dict.fromkeys(home.values())) + " }; };"


def _ael_step(step: Step, target: dict[int, str], indent: str) -> Iterator[str]:
    match step:
        case Play(prompts):
            yield f"{indent}Playback({'&'.join(f'p{prompt}' for prompt in prompts)});"
        case SignIn(module, otherwise):
            yield f"{indent}&signin(staff{module});"
            yield f'{indent}if ("${{ROUTEC_VERDICT}}" != "granted") {{'
            for inner in otherwise:
                yield from _ael_step(inner, target, indent + "  ")
            yield f"{indent}}};"
        case Dial(phones, seconds, otherwise):
            # An answered call ends with its talk, so what follows is for the unanswered one: AEL needs no condition.
            phones_text = "&".join(f"PJSIP/{phone}" for phone in phones)
            yield f"{indent}Dial({phones_text}{f',{seconds}' if seconds else ''});"
            for inner in otherwise:
                yield from _ael_step(inner, target, indent)
        case Jump(route):
            yield f"{indent}goto {target[route]};"
        case Wait(seconds):
            yield f"{indent}Wait({seconds});"
        case Answer():
            yield f"{indent}Answer();"
        case Hangup():
            yield f"{indent}Hangup();"
