#!/usr/bin/env python3
"""muster prune is killed (kill -9) at random moments; not one snapshot loses anything."""
from backup_kill_forget import Forgetting
from kill_stage import Killing, main


class Pruning(Forgetting):
    """prune alone, of what a forget before has left: not one snapshot may go."""

    def prepare(self):
        super().prepare()
        self.run(["forget", "--keep-last", "2"])
        self.forgotten()

    def argv(self):
        return ["prune", "--max-unused", "0", "--repack-small", "--pack-size", "4"]

    def look(self):
        self.case.assertEqual(set(self.kept), self.there())


class Kills(Killing):
    def test_a_killed_prune_harms_nothing(self):
        self.kill_all(Pruning)


if __name__ == "__main__":
    main()
