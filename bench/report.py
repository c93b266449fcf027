# SPDX-License-Identifier: MIT
"""What bench/run.py found, for people: tables as text, HTML and Markdown, and charts by gnuplot."""

import json
import math
import os
import re
import statistics
import subprocess
import sys
from collections import namedtuple
from html import escape

EVEN = 1.1  # up to this ratio of medians, neither is slower
GREEN, RED, GREY = "#3a8f5c", "#c0504d", "#555555"
MARKS = "<!-- bench: begin -->", "<!-- bench: end -->"
KNOWN = ("best known: the lowest figure of any version of any peer, newest tokio and smol with "
         "jemalloc included, on the machine where the goals were set (2026-08)")
ROUNDS = "Behind a ratio: how many valid rounds pirn's figure and the peer's are medians of"

# One program in one case: values are those of the rounds that count. lacking: it has no such round.
Row = namedtuple("Row", "rt values median low high cpu void unsupported lacking")
# One metric of one case. ratio: pirn by the best peer; to_goal, to_known likewise. notes: by peer.
Result = namedtuple("Result",
                    "case metric rows pirn peer ratio goal to_goal to_known verdict notes")


def load_cases():
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "goals.json")
    with open(path) as f:
        return json.load(f)["cases"]


def load(path):
    """The head and the lines of a file of results, or None and nothing."""
    if not os.path.exists(path):
        return None, []
    with open(path) as f:
        lines = [json.loads(line) for line in f]
    return lines[0]["head"], lines[1:]


def value(line, metric):
    """A line's figure in the metric's unit, or None."""
    if metric["key"] == "cpu_ns_per_op":
        return cpu_per_op(line)
    found = line.get(metric["key"])
    return None if found is None else found * metric.get("scale", 1)


def cpu_per_op(line):
    if not line.get("seconds") or "cpu_seconds" not in line:
        return None
    return line["cpu_seconds"] / line["seconds"] * line["ns_per_op"]


def number(x):
    if x is None:
        return "-"
    if x == 0:
        return "0"
    if math.isinf(x):
        return "inf"
    for least, digits in (99.95, 0), (9.995, 1), (0.9995, 2):
        if abs(x) >= least:
            return "{:,.{}f}".format(x, digits)
    return "{:#.2g}".format(x)


def ratio(a, b):
    if a is None or b is None:
        return None
    if b == 0:
        return 1 if a == 0 else math.inf
    return a / b


def median(values):
    values = [v for v in values if v is not None]
    return statistics.median(values) if values else None


# ---- from lines to results ----

def row(rt, lines, metric):
    failed = any(line.get("failed") for line in lines)  # then nothing that it gave is quoted
    counted = [line for line in lines
               if not failed and "void" not in line and not line.get("unsupported")]
    values = [v for v in (value(line, metric) for line in counted) if v is not None]
    unsupported = any(line.get("unsupported") for line in lines)
    return Row(rt, values, median(values), min(values, default=None), max(values, default=None),
               median(cpu_per_op(line) for line in counted),
               [line["void"] for line in lines if "void" in line],
               unsupported, not counted and not unsupported)


def in_order(rts):
    """pirn, then its peers by name: who ran first changes from round to round."""
    return sorted(set(rts), key=lambda rt: (rt != "pirn", rt))


def result(case, metric, lines, comparable, notes):
    order = in_order(line["rt"] for line in lines)
    rows = [row(rt, [line for line in lines if line["rt"] == rt], metric) for rt in order]
    by_name = {r.rt: r for r in rows}
    pirn = by_name["pirn"]
    peers = [r for r in rows if r.rt != "pirn" and r.values]
    peer = min(peers, key=lambda r: r.median, default=None)
    against = ratio(pirn.median, peer.median if peer else None)

    goal = metric.get("goal") if comparable else None
    if isinstance(goal, str):
        other = peer if goal == "best" else by_name.get(goal)
        goal = EVEN * other.median if other and other.values else None
    if pirn.unsupported or not pirn.values:
        verdict = "unsupported" if pirn.unsupported else "void"
    elif against is None:
        verdict = "no peer"
    else:
        verdict = "ahead" if against <= 1 else "even" if against <= EVEN else "loses"
    return Result(case, metric, rows, pirn, peer, against, goal,
                  ratio(pirn.median, goal),
                  ratio(pirn.median, metric.get("best")) if comparable else None, verdict, notes)


def comparable(head):
    """Goals and what is known are for the default n and two workers, each with a core."""
    return not head["quick"] and head["threads"] == 2 and head["machine"]["cores"] >= 2


def results_of(head, lines):
    """One result for each case and each of its metrics that any program gave."""
    found = []
    for case, spec in load_cases().items():
        of_case = [line for line in lines if line["case"] == case]
        for metric in spec["metrics"] if any(line["rt"] == "pirn" for line in of_case) else []:
            one = result(case, metric, of_case, comparable(head), spec.get("notes", {}))
            if metric is spec["metrics"][0] or any(r.values for r in one.rows):
                found.append(one)
    return found


# ---- words for results ----

def goal_text(r):
    goal = r.metric.get("goal")
    if goal == "best":
        return "best peer"
    return goal if isinstance(goal, str) else number(goal)


def met_text(r):
    if r.to_goal is None:
        return "-"
    return "met" if r.to_goal <= 1 else "not met"


def pirn_text(r):
    return number(r.pirn.median) if r.pirn.values else r.verdict


def ratio_text(r):
    """pirn by the best peer, and how many rounds each stands on."""
    if r.ratio is None:
        return "-"
    return "%s (%d/%d)" % (number(r.ratio), len(r.pirn.values), len(r.peer.values))


def lacking_text(r):
    """The peers that were to be compared, and could not be."""
    rts = [one.rt for one in r.rows if one.rt != "pirn" and one.lacking]
    return "no valid run, so not compared: " + ", ".join(rts) if rts else None


def notes_of(r):
    of_peer = r.notes.get(r.peer.rt) if r.peer else None
    return [note for note in (of_peer, lacking_text(r)) if note]


def notes(found):
    """What is to be known of the best peers, each thing once: footnotes 1, 2, ..."""
    return list(dict.fromkeys(note for r in found for note in notes_of(r)))


def notes_text(found):
    return ["[%d] %s" % (i + 1, note) for i, note in enumerate(notes(found))]


def peer_text(r, notes):
    text = "%s (%s)" % (number(r.peer.median), r.peer.rt) if r.peer else "-"
    marks = sorted(notes.index(note) + 1 for note in notes_of(r))
    return " ".join([text] + ["[%d]" % mark for mark in marks])


def known_text(r):
    return "%s (%s)" % (number(r.metric["best"]), r.metric["who"]) if "best" in r.metric else "-"


def rounds_text(r):
    if r.unsupported:
        return "unsupported"
    if not r.void:
        return str(len(r.values))
    return "%d, %d void: %s" % (len(r.values), len(r.void), ", ".join(dict.fromkeys(r.void)))


def tally(found):
    """How pirn stands, by the first metric of each case."""
    first = {}
    for r in found:
        first.setdefault(r.case, r)
    verdicts = [r.verdict for r in first.values()]
    counts = ["%s %d" % (v, verdicts.count(v)) for v in dict.fromkeys(sorted(verdicts))]
    text = "%d cases: %s" % (len(first), ", ".join(counts))
    if any(r.to_goal is not None for r in found):
        met = sum(met_text(r) == "met" for r in found)
        text += "; goals met: %d of %d" % (met, sum("goal" in r.metric for r in found))
    return text


def versions(lines):
    found = {}
    for line in lines:
        if "version" in line:
            found[line["rt"]] = line["version"]
    return {rt: found[rt] for rt in in_order(found)}


def machine_text(head):
    return "{cpu}, {cores} cores, {kernel}, {libc}".format(**head["machine"])


def remarks(head, lines):
    """What a reader of the figures must know first."""
    out = []
    cores = [line["cores"] for line in lines if "cores" in line]
    if head["quick"]:
        out.append("--quick: n is small, these figures are rough, and not compared with goals")
    if head["quick"] and cores and min(cores) < 0.9 * head["threads"]:
        out.append("the machine was busy: it gave as little as %.1f of %d cores, so verdicts mean "
                   "little" % (min(cores), head["threads"]))
    if not head["quick"] and not comparable(head):
        out.append("not compared with goals, which are for two workers on two cores or more")
    if head["missing"]:
        out.append("skipped, not built: " + " ".join(head["missing"]))
    failed = dict.fromkeys("%s in %s (%s)" % (line["rt"], line["case"], line["void"])
                           for line in lines if line.get("failed"))
    if failed:
        out.append("FAILED: " + ", ".join(failed))
    return out


# ---- text ----

def text_tables(head, found, lines):
    out = []
    for r in found:
        parts = []
        if r.ratio is not None:
            parts.append("pirn/%s %s" % (r.peer.rt, ratio_text(r)))
        if r.to_goal is not None:
            parts.append("pirn/goal (%s) %s" % (number(r.goal), number(r.to_goal)))
        if r.to_known is not None:
            parts.append("pirn/best known (%s, %s) %s" % (
                number(r.metric["best"]), r.metric["who"], number(r.to_known)))
        if r.verdict in ("loses", "void", "unsupported"):
            parts.append("pirn " + r.verdict.upper())
        out.append("; ".join(["%s, %s" % (r.case, r.metric["unit"])] + parts))
        out.append("  %-10s %10s %10s %10s %10s %8s  %s" % (
            "rt", "median", "min", "max", "CPU ns/op", "pirn/it", "rounds"))
        for one in r.rows:
            figures = [one.median, one.low, one.high, one.cpu]
            out.append("  %-10s %10s %10s %10s %10s %8s  %s" % (
                one.rt, *map(number, figures), number(ratio(r.pirn.median, one.median)),
                rounds_text(one)))
        below = [r.notes[one.rt] for one in r.rows if one.values and one.rt in r.notes]
        out += ["  " + text for text in dict.fromkeys(below + [lacking_text(r)]) if text]
        out.append("")
    out += remarks(head, lines)
    out.append(tally(found))
    return "\n".join(out)


# ---- charts ----

def gnuplot(script, path):
    """Draws path; the SVG itself, fit to stand in HTML, or nothing where there is no gnuplot."""
    try:
        done = subprocess.run(["gnuplot"], input=script, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired) as error:
        print("no chart: %s" % error, file=sys.stderr)
        return ""
    if done.returncode != 0 or "</svg>" not in done.stdout:
        print("no chart: %s" % done.stderr.strip(), file=sys.stderr)
        return ""
    with open(path, "w") as f:
        f.write(done.stdout)
    return done.stdout[done.stdout.index("<svg"):]


def terminal(name, width, height):
    # The name keeps the ids of charts in one page apart.
    return ("set terminal svg size %d,%d font 'sans-serif,13' noenhanced background 'white' "
            "name '%s'\nset border 3 lc rgb '%s'\nset tics nomirror\n"
            % (width, height, name.replace("-", "_"), GREY))


def ratio_chart(found, build):
    first = {}
    for r in found:
        first.setdefault(r.case, r)
    shown = list(first.values())
    finite = [x for r in shown for x in (r.ratio, r.to_known) if x and x < math.inf]
    low = max(min(finite + [0.5]) / 1.5, 0.001)
    high = min(max(finite + [2]) * 1.5, 1000)

    bars = {"ahead": [], "even": [], "loses": []}
    known, cases, sides = [], [], []
    for y, r in enumerate(shown):
        side = r.verdict
        if r.ratio is not None:
            x = min(max(r.ratio, low), high)
            bars[r.verdict].append("%g %d 1 %g %g %g" % (x, y, x, y - 0.38, y + 0.38))
            side = "%s (%s)" % (number(r.ratio), r.peer.rt)
        if r.to_known is not None:
            known.append("%g %d" % (min(max(r.to_known, low), high), y))
        cases.append("'%s' %d" % (r.case, y))
        sides.append("set label '%s' at graph 1.01, first %d" % (side, y))

    script = [terminal("ratios", 900, 24 * len(shown) + 140),
              "set logscale x", "set xrange [%g:%g]" % (low, high),
              "set yrange [%g:-0.7]" % (len(shown) - 0.3),
              "set ytics (%s) scale 0" % ", ".join(cases), *sides, "set rmargin 18",
              "set xtics add (0.2, 0.5, 2, 5)", "set grid xtics lc rgb '#dddddd'",
              "set style fill solid 1.0", "set key outside top center horizontal",
              "set xlabel 'pirn by the best peer of this run: under 1, pirn is ahead'",
              "set arrow from 1, graph 0 to 1, graph 1 nohead front lc rgb '#000000'"]
    plots = []

    def plot(name, data, how):
        if data:
            script.append("$%s << EOD\n%s\nEOD" % (name, "\n".join(data)))
            plots.append("$%s %s" % (name, how))

    for verdict, colour in ("ahead", GREEN), ("even", "#b0b060"), ("loses", RED):
        plot(verdict, bars[verdict],
             "using 1:2:3:4:5:6 with boxxyerror lc rgb '%s' title '%s'" % (colour, verdict))
    plot("known", known, "using 1:2 with points pt 4 ps 0.8 lw 1.5 lc rgb '#000000' "
         "title 'pirn by the best figure known'")
    if not plots:
        return ""
    script.append("plot " + ", ".join(plots))
    return gnuplot("\n".join(script) + "\n", os.path.join(build, "ratios.svg"))


def growth_charts(lines, build):
    """One chart for each case, and for the bytes of a task; a list of SVG."""
    charts = []
    per = {"ns_per_op": "ns per op", "bytes_per_task": "bytes per task"}
    for case in dict.fromkeys(line["case"] for line in lines):
        for key in per:
            points = {}
            for line in lines:
                if line["case"] == case and "void" not in line and line.get(key, 0) > 0:
                    points.setdefault(line["threads"], {}).setdefault(
                        line["n"], []).append(line[key])
            if not points:
                continue
            name = "growth-%s-%s" % (case, key)
            script = [terminal(name, 560, 360), "set title '%s, %s' noenhanced" % (case, per[key]),
                      "set logscale xy", "set xlabel 'n'", "set ylabel '%s'" % per[key],
                      "set format x '10^%T'", "set termoption enhanced",
                      "set grid lc rgb '#dddddd'", "set key outside right",
                      "set xrange [700:1.5e7]"]
            plots = []
            for i, threads in enumerate(sorted(points)):
                data = ["%d %g" % (n, statistics.median(values))
                        for n, values in sorted(points[threads].items())]
                script.append("$p%d << EOD\n%s\nEOD" % (threads, "\n".join(data)))
                plots.append("$p%d with linespoints lw 2 pt 7 ps 0.5 lc %d title 'P = %d'"
                             % (threads, i + 1, threads))
            script.append("plot " + ", ".join(plots))
            charts.append(gnuplot("\n".join(script) + "\n", os.path.join(build, name + ".svg")))
    return charts


# ---- HTML ----

STYLE = """
body { font: 15px/1.5 sans-serif; max-width: 1320px; margin: 2em auto; padding: 0 1em; color: #222 }
h1, h2, h3 { line-height: 1.2; margin: 1.6em 0 .5em }
table { border-collapse: collapse; margin: .5em 0 1em; font-size: 13px;
	font-variant-numeric: tabular-nums }
th, td { padding: .15em .5em; border-bottom: 1px solid #ddd; text-align: right;
	white-space: nowrap }
th { border-bottom: 2px solid #888; vertical-align: bottom }
td.l, th.l { text-align: left }
tr.loses td, tr.unsupported td, tr.void td { background: #f9dedc }
tr.ahead td:first-child { color: #23733f; font-weight: bold }
tr.loses td:first-child { color: #a02622; font-weight: bold }
tr.pirn td { font-weight: bold }
tr.what td { white-space: normal }
svg { max-width: 100%; height: auto }
.scroll { overflow-x: auto }
"""


def html_table(columns, rows):
    """columns: names, those for text with a leading <; rows: (class, cells)."""
    left = [c.startswith("<") for c in columns]
    out = ["<div class=scroll><table>", "<tr>" + "".join(
        "<th%s>%s</th>" % (" class=l" if l else "", escape(c.lstrip("<")))
        for c, l in zip(columns, left)) + "</tr>"]
    for kind, cells in rows:
        out.append('<tr class="%s">' % kind + "".join(
            "<td%s>%s</td>" % (" class=l" if l else "", escape(c))
            for c, l in zip(cells, left)) + "</tr>")
    return "\n".join(out + ["</table></div>"])


def html_head(head, lines):
    what = [("machine", machine_text(head)), ("date", head["date"]), ("command", head["command"]),
            ("workers", "P = %d" % head["threads"]), ("rounds", "%d" % head["rounds"])]
    what += list(head["tools"].items())
    what += [(rt, version) for rt, version in versions(lines).items()]
    if head["missing"]:
        what.append(("skipped, not built", " ".join(head["missing"])))
    return html_table(["<what", "<which"], [("what", pair) for pair in what])


def html_summary(head, found, lines, build):
    out = ["<p>" + escape(tally(found)) + ".</p>"]
    out += ["<p><b>%s.</b></p>" % escape(remark) for remark in remarks(head, lines)]
    out.append(ratio_chart(found, build))
    out.append("<p>Medians of up to %d valid rounds; lower is better; pirn and its peers took "
               "turns. %s. Rows where pirn loses or has nothing to show are red; a ratio up to %g "
               "is even. %s. A goal that names a peer means %g times that peer's figure.</p>"
               % (head["rounds"], ROUNDS, EVEN, escape(KNOWN.capitalize()), EVEN))
    out.append(html_table(
        ["<case", "<unit", "pirn", "best peer", "pirn/peer", "<verdict", "goal", "pirn/goal",
         "<", "best known", "pirn/known"],
        [(r.verdict, [r.case, r.metric["unit"], pirn_text(r), peer_text(r, notes(found)),
                      ratio_text(r), r.verdict, goal_text(r), number(r.to_goal),
                      met_text(r), known_text(r), number(r.to_known)]) for r in found]))
    out += ["<p>%s.</p>" % escape(note) for note in notes_text(found)]
    return out


def html_programs(found):
    out = ["<h2>Every program</h2>"]
    for r in found:
        out.append("<h3>%s, %s</h3>" % (escape(r.case), escape(r.metric["unit"])))
        out.append(html_table(
            ["<", "median", "min", "max", "CPU ns/op", "pirn/it", "<rounds"],
            [("pirn" if one.rt == "pirn" else "",
              [one.rt, number(one.median), number(one.low), number(one.high), number(one.cpu),
               number(ratio(r.pirn.median, one.median)), rounds_text(one)]) for one in r.rows]))
        out += ["<p>%s.</p>" % escape(text) for text in [lacking_text(r)] if text]
    return out


def html_growth(head, lines, build):
    out = ["<h2>Growth: what one op of pirn costs, by n and P workers</h2>",
           "<p>%s; %s; medians of up to %d valid runs. More workers than cores take turns.</p>" % (
               escape(head["date"]), escape(machine_text(head)), head["rounds"])]
    out += growth_charts(lines, build)
    missing = sum("void" in line or "unsupported" in line for line in lines)
    if missing:
        out.append("<p>%d runs were void or unsupported.</p>" % missing)
    return out


def write(build, growth):
    """Makes the charts and report.html from what is in build; prints the tables of a new run."""
    head, lines = load(os.path.join(build, "results.jsonl"))
    growth_head, growth_lines = load(os.path.join(build, "growth.jsonl"))
    out = ["<!DOCTYPE html>", '<html lang="en"><meta charset="utf-8">',
           '<meta name="viewport" content="width=device-width">', "<title>pirn's bench</title>",
           "<style>" + STYLE + "</style>", "<h1>pirn beside its peers</h1>"]
    if head:
        found = results_of(head, lines)
        if not growth:
            print(text_tables(head, found, lines))
        out.append("<p>%s; %s</p>" % (escape(head["date"]), escape(machine_text(head))))
        out += html_summary(head, found, lines, build)
    if growth_head:
        out += html_growth(growth_head, growth_lines, build)
    if head:
        out += html_programs(found)
        out += ["<h2>Machine and versions</h2>", html_head(head, lines)]
    path = os.path.join(build, "report.html")
    with open(path, "w") as f:
        f.write("\n".join(out + ["</html>\n"]))
    print("see " + path)


# ---- Markdown ----

def markdown(head, lines):
    found = results_of(head, lines)
    out = ["%s on %s; P = %d, medians of up to %d valid rounds. Made by `%s`." % (
        head["date"], machine_text(head), head["threads"], head["rounds"], head["command"])]
    out += ["**%s.**" % remark for remark in remarks(head, lines)]
    out += ["", "| case | unit | pirn | best peer here | pirn/peer | goal | met? | best known |",
            "|---|---|--:|--:|--:|--:|---|--:|"]
    for r in found:
        against = ratio_text(r)
        if r.verdict == "loses":
            against = "**%s, pirn loses**" % against
        out.append("| %s |" % " | ".join([
            r.case, r.metric["unit"], pirn_text(r), peer_text(r, notes(found)), against,
            goal_text(r), met_text(r), known_text(r)]))
    out += [""] + [note + ".\n" for note in notes_text(found)]
    out += [tally(found) + ". %s. A ratio up to %g is even. " % (ROUNDS, EVEN)
            + KNOWN.capitalize() + ".", "",
            "Versions: " + ", ".join("%s %s" % pair for pair in versions(lines).items())
            + "; " + ", ".join("%s: %s" % pair for pair in head["tools"].items()) + "."]
    return "\n".join(out)


def write_readme(path, results):
    """Puts the table between the marks in the file at path; the exit status."""
    head, lines = load(results)
    try:
        with open(path) as f:
            text = f.read()
    except OSError as error:
        print("%s: %s" % (path, error.strerror), file=sys.stderr)
        return 1
    begin, end = map(re.escape, MARKS)
    if head is None or not re.search("%s.*%s" % (begin, end), text, re.DOTALL):
        print("%s is missing, or %s has no lines %s and %s" % (results, path, *MARKS),
              file=sys.stderr)
        return 1
    table = "%s\n%s\n%s" % (MARKS[0], markdown(head, lines), MARKS[1])
    text = re.sub("%s.*?%s" % (begin, end), lambda _: table, text, flags=re.DOTALL)
    with open(path, "w") as f:
        f.write(text)
    return 0
