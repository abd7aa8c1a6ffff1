#include "plan/starter.h"

#include <string_view>

namespace muster::plan {

namespace {

constexpr std::string_view kStarter = R"(# A muster plan: what must survive, and how.
# Check it with `muster validate PLAN`, draw it with `muster graph PLAN`.
# Durations have a unit: 250ms, 30s, 2m, 4h, 7d.

muster: 1      # the version of the plan language
plan: shop     # a name for this plan

# Places that can fail as a whole. Three failure domains let muster move a service by itself;
# with two it asks a person first. `reference` names targets outside of this plan that tell a
# site whether it still sees the world: use some that are near it and that you may ask.
sites:
  east:
    region: us-east
    reference: ["192.0.2.53:53", "198.51.100.53:53"]
  west:
    region: us-west
    reference: ["192.0.2.53:53", "198.51.100.53:53"]
  witness:
    role: arbiter          # votes, and runs nothing
    region: eu-central
    reference: ["192.0.2.53:53", "198.51.100.53:53"]

# The built-in DNS server that sends users to the site that serves them.
dns:
  listen: 127.0.0.1:5353
  zones:
    - name: example.com
      name_servers: [ns1.example.com]
      records:
        - {name: ns1.example.com, type: A, answers: [192.0.2.2]}

services:
  shop:
    owner: team-shop
    impact: {tier: 1, loss_per_hour: 12000 USD}
    objectives:
      rpo: 30s             # the most data that may be lost, in time
      rto: 3m              # the longest outage, until users are back
    strategy: warm-standby # a smaller copy always runs at the standby site
    primary: east
    standby: [west]
    failover:
      mode: approve        # observe, approve (a person says yes) or automatic
      preset: balanced     # how sure to be before a move: fast, balanced, careful
      cooldown: 30m
      max_per_day: 2
    components:
      # A streaming pair of PostgreSQL servers. muster measures how far the standby is behind.
      orders:
        kind: postgres
        sites:
          east: {conninfo: "host=10.0.1.5 dbname=orders", data: /var/lib/postgresql/15/main}
          west: {conninfo: "host=10.1.1.5 dbname=orders", data: /var/lib/postgresql/15/main}
        # backup:          # taken by the node, and restored as a trial; needs `repositories:` below
        #   to: vault
        #   command: [pg_dumpall, -d, "${conninfo}"]
        #   from: standby
        #   schedule: "02:00"        # or 6h, "02:00 Mon-Fri", or five fields as in crontab
        #   zone: UTC
        #   keep: {daily: 7, weekly: 4, monthly: 12}
        #   verify: weekly           # only what was restored counts as protection

      # The application: watched by HTTP, scaled up at the new site after a move.
      web:
        kind: servers
        needs: [orders]    # moved after the database
        start: [systemctl, start, shop]
        stop: [systemctl, stop, shop]
        capacity: {normal: 2, standby: 1}
        probe: {http: "http://{address}/health", interval: 1s}
        sites:
          east: {hosts: ["10.0.1.10:8080", "10.0.1.11:8080"]}
          west: {hosts: ["10.1.1.10:8080", "10.1.1.11:8080"]}

      # The name that users know.
      entry:
        kind: dns
        needs: [web]
        record: {name: shop.example.com, type: A, ttl: 10s}
        answers:
          east: [10.0.1.10, 10.0.1.11]
          west: [10.1.1.10, 10.1.1.11]

# Where backups go, in restic's format. Make each once: muster repo init --repo PLACE
#
# repositories:
#   vault:
#     at: "s3:https://s3.us-west-2.example/vault"   # or a path, rest:https://…, sftp:user@host:path
#     password: {file: secrets/vault}               # a plan holds no secret itself
#     environment:
#       AWS_ACCESS_KEY_ID: {file: secrets/vault-id}
#       AWS_SECRET_ACCESS_KEY: {file: secrets/vault-key}
#     limit: {upload: 20MB/s}
#     region: us-west                               # another one than the data's
#     check: weekly
#     prune: weekly

# muster derives failover, switchover and rebuild from the above. A procedure of your own is run
# by hand, or replaces a derived one by `on: failover` and `service: shop`:
#
# procedures:
#   tell-everyone:
#     steps:
#       - {id: ask, action: approve, with: {message: "tell all customers?"}}
#       - {id: send, action: exec, needs: [ask], with: {argv: [/usr/local/bin/tell-customers]}}
)";

}  // namespace

std::string starter_plan() {
    return std::string(kStarter);
}

}  // namespace muster::plan
