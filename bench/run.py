#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs pirn and its peers side by side and reports what came out.

BUILD_DIR holds pirn-bench, built/NAME and cores; results.jsonl, report.html, ratios.svg and the
charts of growth are made there. pirn and the peers alternate, each run a process of its own and
between two checks of how many cores the machine really gives; a run with too few is repeated, as
long as its part of the time lasts, and void if that does not help. A run of all cases ends within
the hour: when time is short, all get fewer rounds, pirn as the others, those next that have the
fewest figures. Exit status 1: a program failed, that is, a result was wrong.
"""

import argparse
import json
import os
import platform
import shlex
import subprocess
import sys
import time
from collections import namedtuple

sys.dont_write_bytecode = True  # the sources stay as they are
import report

PEERS = ["pthread", "libuv", "glib", "gomp", "tbb", "go", "tokio", "smol", "rayon"]
WITH_JEMALLOC = ["pthread", "glib", "tbb", "tokio", "smol", "rayon"]  # a block for each task
JEMALLOC = "libjemalloc.so.2"

# Seconds.
TIME_OUT = 60
QUICK_TIME_OUT = 30
FULL = 56 * 60
QUICK = 150
GROWTH = 10 * 60

REPEATS = 10
ENOUGH = 0.9  # of the cores asked for

GROWING = {"spawn_int": 7, "yield": 7, "chan_mpmc": 7, "blocking_burst": 7, "mem_task": 7}
GROWTH_THREADS = [1, 2, 4, 8, 16]

Program = namedtuple("Program", "name path env")


def say(text):
    print(text, file=sys.stderr, flush=True)


def output(command, **how):
    """What a command prints, or nothing if it cannot be had."""
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, timeout=20, text=True, **how)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def jemalloc_version():
    """Asks the library itself, preloaded as the peers will have it."""
    ask = ("import ctypes; p = ctypes.c_char_p(); n = ctypes.c_size_t(ctypes.sizeof(p));"
           "ctypes.CDLL(None).mallctl(b'version', ctypes.byref(p), ctypes.byref(n), None, 0);"
           "print(p.value.decode().split('-')[0])")
    return output([sys.executable, "-c", ask], env=dict(os.environ, LD_PRELOAD=JEMALLOC))


def machine():
    cpu = "unknown"
    with open("/proc/cpuinfo") as f:
        for line in f:
            if line.startswith("model name"):
                cpu = line.split(":", 1)[1].strip()
                break
    return {"cpu": cpu, "cores": len(os.sched_getaffinity(0)),
            "kernel": platform.system() + " " + platform.release(),
            "libc": " ".join(platform.libc_ver())}


def tools():
    """Compilers, as peers/build.sh takes them: of rustc, Debian's first."""
    debian_first = dict(os.environ, PATH="/usr/bin:/bin:" + os.environ.get("PATH", ""))
    here = os.path.dirname(os.path.abspath(__file__))
    found = {"C": output(shlex.split(os.environ.get("CC", "cc")) + ["--version"]),
             "C++": output(shlex.split(os.environ.get("CXX", "c++")) + ["--version"]),
             "Go": output(["go", "version"]),
             "Rust": output(["rustc", "--version"], env=debian_first),
             "jemalloc": jemalloc_version(),
             "pirn's commit": output(["git", "-C", here, "describe", "--always", "--dirty"])}
    return {name: text.splitlines()[0] for name, text in found.items() if text}


def find_programs(build, wanted, jemalloc):
    """pirn, the peers wanted that are there, and the names of those that are not."""
    programs = [Program("pirn", os.path.join(build, "pirn-bench"), {})]
    missing = [] if jemalloc else [name for name in wanted if name.endswith("+je")]
    for name in PEERS:
        variants = [Program(name, os.path.join(build, "built", name), {})]
        if name in WITH_JEMALLOC and jemalloc:
            variants.append(Program(name + "+je", variants[0].path, {"LD_PRELOAD": JEMALLOC}))
        variants = [p for p in variants if name in wanted or p.name in wanted]
        if variants and not os.access(variants[0].path, os.X_OK):
            missing.append(name)
        else:
            programs += variants
    return programs, missing


class Bench:
    def __init__(self, build, log, quick, seconds):
        self.build = os.path.abspath(build)  # the file to read lies there as well
        self.cores_program = os.path.join(build, "cores")
        self.log = log
        self.repeats = 0 if quick else REPEATS
        self.quick = quick
        self.time_out = QUICK_TIME_OUT if quick else TIME_OUT
        self.deadline = time.monotonic() + seconds
        self.machine = "{cpu}, {cores} cores, {kernel}".format(**machine())
        self.processors = len(os.sched_getaffinity(0))
        self.checked = (0, 0, 0)  # the last check: when, of how many threads, cores
        self.failures = 0

    def left(self):
        return self.deadline - time.monotonic()

    def limit(self, program):
        """Seconds that a run may take. pirn is on trial in --quick, whatever the time."""
        if self.quick and program.name == "pirn":
            return self.time_out
        return min(self.time_out, self.left())

    def write(self, line):
        line.update(time=time.strftime("%Y-%m-%dT%H:%M:%S%z"), machine=self.machine)
        self.log.write(json.dumps(line) + "\n")
        self.log.flush()

    def cores(self, threads, fresh):
        """Checks the cores. What was seen after one run serves as before the next one."""
        when, before, cores = self.checked
        if fresh or before != threads or time.monotonic() - when > 0.1:
            cores = float(output([self.cores_program, str(threads)]) or 0)
            self.checked = (time.monotonic(), threads, cores)
        return cores

    def once(self, program, case, threads, n):
        """One process. Its line, with void or failed where it has no figures to quote."""
        command = [program.path, "--case", case, "--threads", str(threads)]
        if n:
            command += ["--n", str(n)]
        limit = self.limit(program)
        if limit < 1:
            return {"void": "no time left"}
        try:
            done = subprocess.run(command, env=dict(os.environ, TMPDIR=self.build, **program.env),
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, encoding="utf-8", errors="replace",
                                  timeout=limit)
            status, out, err = done.returncode, done.stdout, done.stderr
        except subprocess.TimeoutExpired:
            # A peer may be slow; pirn that takes that long has lost a wake-up.
            cut = limit < self.time_out
            why = "no time left" if cut else "took more than %d s" % limit
            return {"void": why, "failed": program.name == "pirn" and not cut}
        except OSError as error:
            status, out, err = -1, "", str(error)
        why = None
        if status != 0:
            why = "signal %d" % -status if status < 0 else "exit status %d" % status
        else:
            try:
                line = json.loads(out)
                if line["case"] != case:
                    why = "ran " + line["case"]
            except (ValueError, KeyError, TypeError):
                why = "not a line of JSON"
        if why:
            return {"void": why, "failed": True, "stderr": err.strip() or out.strip()}
        return line

    def run(self, program, case, threads, until, n=None):
        """A run that the machine did not disturb, or a void one; until then it is repeated."""
        asked = min(threads, self.processors)
        for attempt in range(self.repeats + 1):
            before = self.cores(asked, attempt > 0)
            last = attempt == self.repeats or time.monotonic() > until
            if before < ENOUGH * asked and not last:
                time.sleep(0.2)  # whatever ran now would be void
                continue
            line = self.once(program, case, threads, n)
            if "unsupported" in line or "void" in line:
                break
            line["cores"] = min(before, self.cores(asked, True))
            if self.quick or line["cores"] >= ENOUGH * asked:
                break
            if last or time.monotonic() > until:
                line["void"] = "cores %.2f" % line["cores"]
                break
        line["rt"] = program.name
        if line.get("failed"):
            self.failures += 1
            say("FAILED: %s --case %s: %s" % (program.name, case, line["void"]))
            say(line.get("stderr") or "it said nothing")
        return line

    def turn(self, case, spec, programs, number, threads, share, known):
        """One round of a case: all programs in turn, who has a figure only while share lasts."""
        end = time.monotonic() + share
        n = spec["quick"] if self.quick else None
        shown = []
        programs = [program for program in programs
                    if known[case, program.name]["gone"] != "unsupported"
                    and (program.name == "pirn" or spec.get("peers", case))]
        programs.sort(key=lambda program: known[case, program.name]["figures"])
        for i, program in enumerate(programs):
            name = program.name
            theirs = case if name == "pirn" else spec.get("peers", case)
            of = known[case, name]
            began = time.monotonic()
            if of["gone"]:
                line = {"void": "earlier: " + of["gone"]}
            elif self.limit(program) < 1 or (of["figures"] and began + of["cost"] > end):
                line = {"void": "no time left"}
            else:
                # Repetitions: of what is left, the same part for each.
                until = began + (end - began) / (len(programs) - i)
                line = self.run(program, theirs, threads, until, n)
                cost = time.monotonic() - began
                of["figures"] += "void" not in line
                of["cost"] = min(of["cost"] or cost, cost)
                if line.get("unsupported"):
                    of["gone"] = "unsupported"
                elif line.get("failed") or "took" in line.get("void", ""):
                    of["gone"] = line["void"]
            line.update(case=case, rt=name, round=number)
            if theirs != case:
                line["ran"] = theirs
            self.write(line)
            value = report.value(line, spec["metrics"][0])
            shown.append(name + " " + (
                "unsupported" if line.get("unsupported") else
                "void" if "void" in line else report.number(value)))
        if shown:
            say("%s %d: %s" % (case, number, ", ".join(shown)))

    def rounds(self, chosen, cases, programs, rounds, threads):
        """Round by round, so that time that runs out takes the last rounds of all cases."""
        known = {(case, program.name): {"figures": 0, "cost": 0, "gone": None}
                 for case in chosen for program in programs}
        for number in range(1, rounds + 1):
            for i, case in enumerate(chosen):
                turns = (rounds - number + 1) * len(chosen) - i
                first = (number - 1 + i) % len(programs)  # of those with as many figures
                self.turn(case, cases[case], programs[first:] + programs[:first], number, threads,
                          self.left() / turns, known)

    def growth(self, chosen, program, rounds, largest):
        """The cost of one op of pirn as n and P grow. The last rounds are what time may cost."""
        self.repeats = min(self.repeats, 3)
        slow = set()
        for number in range(1, rounds + 1):
            for case in chosen:
                say("growth of %s, round %d/%d" % (case, number, rounds))
                for threads in GROWTH_THREADS:
                    for power in range(3, min(GROWING[case], largest) + 1):
                        if (case, threads, power) in slow:
                            continue
                        line = self.run(program, case, threads, self.deadline, 10 ** power)
                        if line.get("unsupported") or "took" in line.get("void", ""):
                            slow.add((case, threads, power))
                        line.update(case=case, round=number, threads=threads, n=10 ** power)
                        self.write(line)


def names(text, known, what, parser):
    wanted = list(dict.fromkeys(text.split(",")))
    for name in wanted:
        if name not in known:
            parser.error("no %s is called %s; there are: %s" % (what, name, " ".join(known)))
    return wanted


def positive(text):
    if int(text) < 1:
        raise ValueError
    return int(text)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("build", metavar="BUILD_DIR")
    parser.add_argument("--case", help="only these cases: a,b,...")
    parser.add_argument("--peer", help="only these peers: x,y,... or none")
    parser.add_argument("--quick", action="store_true",
                        help="is everything right? Small n, one round; the figures are rough")
    parser.add_argument("--growth", action="store_true",
                        help="instead: how pirn's costs grow with n and P")
    parser.add_argument("--rounds", type=positive, help="5, with --quick 1, with --growth 3")
    parser.add_argument("--minutes", type=positive, help="at most so many; 56")
    parser.add_argument("--threads", type=positive, default=2, help="workers (2)")
    parser.add_argument("--readme", metavar="FILE",
                        help="run nothing: put the table of the last results into FILE")
    args = parser.parse_args()

    cases = report.load_cases()
    results = os.path.join(args.build, "results.jsonl")
    if args.readme:
        return report.write_readme(args.readme, results)

    known = list(GROWING if args.growth else cases)
    chosen = names(args.case, known, "case", parser) if args.case else known
    jemalloc = [name + "+je" for name in WITH_JEMALLOC]
    if args.growth or args.peer == "none":
        wanted = []
    elif args.peer:
        wanted = names(args.peer, PEERS + jemalloc, "peer", parser)
    else:
        wanted = PEERS
    about = tools()
    programs, missing = find_programs(args.build, wanted, "jemalloc" in about)
    for path in [programs[0].path, os.path.join(args.build, "cores")]:
        if not os.access(path, os.X_OK):
            parser.error(path + " is missing: build it first")
    for name in missing:
        say("no peer %s: skipped" % name)
    if "jemalloc" not in about:
        say("no %s: no peer is run with it" % JEMALLOC)

    rounds = args.rounds or (1 if args.quick else 3 if args.growth else 5)
    seconds = GROWTH if args.growth else QUICK if args.quick else FULL
    seconds = args.minutes * 60 if args.minutes else seconds
    shown = " ".join(["./dev bench"] + [shlex.quote(a) for a in sys.argv[1:] if a != args.build])
    head = {"date": time.strftime("%Y-%m-%d"), "command": shown,
            "machine": machine(), "tools": about, "threads": args.threads, "quick": args.quick,
            "rounds": rounds, "cases": chosen, "missing": missing}
    path = os.path.join(args.build, "growth.jsonl") if args.growth else results
    status = 0
    with open(path, "w") as log:
        log.write(json.dumps({"head": head}) + "\n")
        bench = Bench(args.build, log, args.quick, seconds)
        try:
            if args.growth:
                bench.growth(chosen, programs[0], rounds, 4 if args.quick else 7)
            else:
                bench.rounds(chosen, cases, programs, rounds, args.threads)
        except KeyboardInterrupt:
            status = 130
    report.write(args.build, growth=args.growth)
    if bench.failures:
        say("%d runs FAILED" % bench.failures)
        status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
