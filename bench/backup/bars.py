"""The bars: how much faster, smaller and leaner than its peers muster is to be, each against the best of them in one run."""
MOST_MEMORY_MB = 256


class Faster:
    """So many times less of `what` than the best of the peers, or of the peers of one kind."""

    def __init__(self, corpus, step, factor, what="wall_s", kind=None):
        self.corpus, self.step, self.factor, self.what, self.kind = corpus, step, factor, what, kind

    def text(self, _scale):
        measure = "faster" if self.what == "wall_s" else "less CPU"
        against = self.kind or "the best peer"
        amount = "not slower" if self.factor == 1 else f"{self.factor:g} times {measure}"
        return f"({self.corpus}) {self.step}: {amount} than {against}"

    def reached(self, rows, _scale):
        ours, best = own(rows, self.corpus, self.step), best_peer(rows, self.corpus, self.step, self.what, self.kind)
        if not ours or not best:
            return None
        ratio = best[self.what] / ours[self.what]
        return f"{ratio:.2f} times ({best['system']})", ratio >= self.factor


class Smaller:
    """At most so many MB after a step at scale 1, or so many more than after the step before."""

    def __init__(self, corpus, step, most_mb, since=None):
        self.corpus, self.step, self.most_mb, self.since = corpus, step, most_mb, since

    def text(self, scale):
        what = "repository grows by" if self.since else "repository has"
        return f"({self.corpus}) {self.step}: {what} at most {self.most_mb * scale:,.0f} MB"

    def reached(self, rows, scale):
        after = own(rows, self.corpus, self.step)
        before = own(rows, self.corpus, self.since) if self.since else {"repository_mb": 0}
        if not after or not before:
            return None
        size = after["repository_mb"] - before["repository_mb"]
        return f"{size:,.0f} MB", size <= self.most_mb * scale


class Leaner:
    """All steps of a corpus within the memory limit; not one is left out."""
    STEPS = 8

    def __init__(self, corpus):
        self.corpus = corpus

    def text(self, _scale):
        return f"({self.corpus}) every step: at most {MOST_MEMORY_MB} MB of memory"

    def reached(self, rows, _scale):
        ours = [row for row in rows if row["kind"] == "muster" and row["corpus"] == self.corpus]
        most = max(ours, key=lambda row: row["peak_mb"], default={"peak_mb": 0})
        if len(ours) < self.STEPS and most["peak_mb"] <= MOST_MEMORY_MB:
            return None
        return f"{most['peak_mb']:.0f} MB ({most['step']})", most["peak_mb"] <= MOST_MEMORY_MB


BARS = [
    Faster("a", "backup", 2.8), Faster("a", "backup", 4, "cpu_s", "restic"), Faster("a", "restore", 2.5),
    Faster("b", "backup", 2), Smaller("b", "backup", 1800), Faster("b", "backup3", 2),
    Smaller("b", "backup3", 90, since="backup2"), Faster("b", "restore", 2.5),
    Faster("c", "backup", 3.3), Faster("c", "backup2", 4), Faster("c", "restore", 2.5),
    Faster("c", "restore", 7, kind="restic"),
    Faster("d", "backup", 3.5), Faster("d", "backup2", 4),
    *[Faster(corpus, "check", 2) for corpus in "abcd"],
    *[Faster(corpus, step, 1) for corpus in "abcd" for step in ("prune", "prune2", "prune3")],
    *[Leaner(corpus) for corpus in "abcd"],
]


def own(rows, corpus, step):
    return next((row for row in rows if (row["kind"], row["corpus"], row["step"]) == ("muster", corpus, step)), None)


def best_peer(rows, corpus, step, what="wall_s", kind=None):
    peers = [row for row in rows if row["kind"] != "muster" and (row["corpus"], row["step"]) == (corpus, step)
             and kind in (None, row["kind"])]
    return min(peers, key=lambda row: row[what], default=None)


def judged(rows, scale):
    """Each bar of the corpora that were measured: what it says, what was reached, whether that meets it."""
    judgements = []
    for bar in BARS:
        if any(row["corpus"] == bar.corpus for row in rows):
            reached, is_met = bar.reached(rows, scale) or (None, None)
            judgements.append({"bar": bar.text(scale), "reached": reached, "met": is_met})
    return judgements
