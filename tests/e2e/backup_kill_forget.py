#!/usr/bin/env python3
"""muster forget --prune is killed (kill -9) at random moments; no snapshot that is kept loses anything."""
from kill_stage import Engine, Killing, main


class Forgetting(Engine):
    """forget --prune: what the rule keeps is there after every kill."""

    def __init__(self, case, seed):
        super().__init__(case, seed)
        self.kept = []

    def prepare(self):
        self.corpus.change()
        self.run(["--json", "backup", "--pack-size", "4", "tree"])
        self.kept = list(self.pictures)[-2:]

    def argv(self):
        return ["forget", "--keep-last", "2", "--prune", "--max-unused", "0", "--repack-small", "--pack-size", "4"]

    def look(self):
        self.case.assertLessEqual(set(self.kept), self.there(), "a snapshot that the rule keeps is gone")
        self.forgotten()

    def shrink(self):
        pass


class Kills(Killing):
    def test_a_killed_forget_harms_nothing(self):
        self.kill_all(Forgetting)


if __name__ == "__main__":
    main()
