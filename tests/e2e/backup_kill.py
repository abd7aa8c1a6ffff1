#!/usr/bin/env python3
"""muster backup is killed (kill -9) at random moments; what it had told of as saved is there."""
import kill_stage


class Kills(kill_stage.Killing):
    def test_a_killed_backup_harms_nothing(self):
        self.kill_all(kill_stage.Engine)


if __name__ == "__main__":
    kill_stage.main()
