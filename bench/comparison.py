"""The cases: our server, and the peer in the same rounds, each set up alike."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import orjson

from bench.cases import CASES, CEILING, LIST, UNCACHED, WARM
from bench.ceilings import ceiling_sites
from bench.comparing import OURS, PEER
from bench.errors import BenchError
from bench.figures import Spread
from bench.options import DEFAULT_PASSWORD, Options
from bench.peers import Site, peer_settings, peer_site
from bench.people import Person, fetch, meet_all
from bench.progress import Progress
from bench.rounds import Row, Target, run_case
from bench.seeding import copied_database, seeded_database
from bench.servers import (
    FAR_LIMITS,
    NO_CACHE,
    Backing,
    claim_redis,
    full_environment,
    instance_folder,
    serving,
)

CEILINGS = "ceilings"
# Whose answers are looked at for their size.
LOOKED_AT = 20
Sizes = dict[str, float]
Crowds = dict[str, list[Person]]


@dataclass
class Comparison:
    """The rounds of all cases, and how large the answers of each server are."""

    rows: list[Row] = field(default_factory=list)
    sizes: dict[str, Sizes] = field(default_factory=dict)
    # How the peer was told to run; nothing where it ran already.
    peer: list[dict[str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Bench:
    """What all measurements of a run have in common."""

    servers: Backing
    options: Options
    progress: Progress
    instance: Path
    environment: dict[str, str]
    people: Crowds = field(default_factory=dict)


def chosen_cases(options: Options) -> list[str]:
    """List the cases that are asked for, in the order in which they are measured."""
    names = [*CASES, CEILINGS]
    return [name for name in names if name in options.only]


def setup_of(name: str) -> str:
    """Say how the servers run for a case."""
    return WARM if name == CEILINGS else CASES[name].setup


def measurements(options: Options) -> int:
    """Count the stretches of load that the cases are made of."""
    servers = 2 if options.peer else 1
    each = [4 if name == CEILINGS else servers for name in chosen_cases(options)]
    return sum(each) * options.rounds * len(options.limits)


def run_comparison(servers: Backing, options: Options, progress: Progress) -> Comparison:
    """Measure the chosen cases, first with limits and then without, uncached and warm."""
    found = Comparison()
    with ExitStack() as stack:
        instance = stack.enter_context(instance_folder())
        progress.note(f"database of {options.shape.name}")
        seeded = seeded_database(servers, options.shape, instance, reseed=options.reseed)
        address = stack.enter_context(copied_database(servers, seeded))
        # One environment for all of them, so that tokens of one server are good for the next.
        environment = full_environment(instance, servers, address)
        bench = Bench(servers, options, progress, instance, environment)
        for limits in options.limits:
            for setup in (UNCACHED, WARM):
                names = [name for name in chosen_cases(options) if setup_of(name) == setup]
                if names:
                    run_setup(bench, setup, names, found, limits=limits)
    return found


def run_setup(bench: Bench, setup: str, names: Sequence[str], found: Comparison, *, limits: bool) -> None:
    """Start both servers in one configuration and measure its cases."""
    options, progress = bench.options, bench.progress
    with ExitStack() as stack:
        claim_redis(bench.servers.redis_url)
        site = stack.enter_context(our_site(bench, setup, limits=limits))
        targets = [Target(OURS, site.port, site.roots, people_of(bench, OURS, site))]
        if options.peer:
            site = stack.enter_context(
                peer_site(options, bench.servers, bench.instance, setup, limits=limits)
            )
            targets.append(Target(PEER, site.port, site.roots, people_of(bench, PEER, site)))
            if options.peer.command:
                found.peer.append(peer_settings(setup, limits=limits))
        found.sizes = found.sizes or {target.name: answer_sizes(target) for target in targets}
        for name in names:
            if name != CEILINGS:
                report = progress.step(name, options.rounds * len(targets))
                found.rows += run_case(name, CASES[name], targets, options, report, limits=limits)
        if CEILINGS in names:
            found.rows += run_ceilings(bench, targets[0], limits=limits)


@contextmanager
def our_site(bench: Bench, setup: str, *, limits: bool) -> Iterator[Site]:
    """Start our server: its cache as it comes or off, its limits off or far away."""
    environment = dict(bench.environment)
    if setup == WARM:
        for name in NO_CACHE:
            del environment[name]
    if limits:
        environment |= FAR_LIMITS
    with serving(environment, bench.instance) as server:
        yield Site(server.port, bench.servers.roots(server.pid))


def people_of(bench: Bench, name: str, site: Site) -> list[Person]:
    """Meet the seeded users of a server, once for all its configurations."""
    if name not in bench.people:
        users = bench.options.shape.users
        peer = bench.options.peer if name == PEER else None
        tokens = peer.tokens if peer else ()
        if tokens and len(tokens) < users:
            raise BenchError(f"PEER_TOKENS has {len(tokens)} tokens for {users} users.")
        report = bench.progress.step(f"meeting the users of {name}", users)
        password = peer.password if peer else DEFAULT_PASSWORD
        bench.people[name] = meet_all(site.port, users, password, tokens, report)
    return bench.people[name]


def answer_sizes(target: Target) -> Sizes:
    """Look at lists and details: bytes, and how much they say; the middle of some users."""
    lists, details, explanations, topics = [], [], [], []
    for person in target.people[:LOOKED_AT]:
        lists.append(len(fetch(target.port, LIST.path, person.token)))
        detail = fetch(target.port, f"/api/notes/{person.note_ids[0]}/", person.token)
        details.append(len(detail))
        found = [topic for chapter in orjson.loads(detail)["chapters"] for topic in chapter["topics"]]
        topics.append(len(found))
        explanations += [len(topic["explanation"]["content"]) for topic in found if topic.get("explanation")]
    return {
        "list_bytes": Spread.of(lists).median,
        "detail_bytes": Spread.of(details).median,
        "topics": Spread.of(topics).median,
        "explanation_characters": round(sum(explanations) / len(explanations)) if explanations else 0,
    }


def run_ceilings(bench: Bench, ours: Target, *, limits: bool) -> list[Row]:
    """Measure in the same rounds what no server of this kind can be cheaper than."""
    body = fetch(ours.port, LIST.path, ours.people[0].token)
    with ceiling_sites(bench.servers, bench.environment, bench.instance, body) as sites:
        targets = [replace(ours, name=name, port=site.port, roots=site.roots) for name, site in sites.items()]
        report = bench.progress.step(CEILINGS, bench.options.rounds * (len(targets) + 1))
        return run_case(CEILINGS, CEILING, [*targets, ours], bench.options, report, limits=limits)
