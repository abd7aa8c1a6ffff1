#include "cli/render.h"

#include <gtest/gtest.h>

#include "cli/table.h"

namespace muster::cli {
namespace {

constexpr const char* kStatus = R"({"plan":"shop","site":"arbiter","uptime_s":125,
  "is_eligible":true,"has_full_picture":true,"services":[
  {"id":"shop","primary":"east","condition":"ok","rpo_now_s":0.25,"rpo_s":30,"detail":"",
   "last_move":null,"active_run":null},
  {"id":"billing","primary":"west","condition":"exposed","rpo_now_s":null,"rpo_s":5,
   "detail":"no standby answers","active_run":"r-1",
   "last_move":{"kind":"failover","to":"west","status":"done","at":"2026-11-21T05:08:28.123Z"}}]})";

TEST(RenderStatus, IsATableWithNotesForWhatIsNotOk) {
    const JsonText status(kStatus);
    EXPECT_EQ(render_status(status.root(), false),
              "plan shop, seen from arbiter, up 2 min 5 s\n"
              "SERVICE  SITE  HEALTH   RPO NOW / OBJECTIVE  LAST MOVE\n"
              "shop     east  ok       250 ms / 30s         none\n"
              "billing  west  exposed  unknown / 5s         failover to west, done, "
              "2026-11-21T05:08Z\n"
              "billing: no standby answers\n"
              "billing: watch its run: muster run watch r-1\n");
}

TEST(RenderBackups, NeverShowsAnUnknownAgeAsANumber) {
    const JsonText answer(R"({"backups":[
      {"service":"shop","component":"orders","repository":"vault","state":"protected","detail":"",
       "activity":"","hold":"","last":{"at":"2026-11-21T02:00:00.000Z","bytes":1048576},
       "verified_age_s":3600,"next":"2026-11-22T02:00:00.000Z"},
      {"service":"shop","component":"web","repository":"vault","state":"unverified",
       "detail":"nothing was backed up yet","activity":"backup","hold":"","last":null,
       "verified_age_s":null,"next":null}]})");
    EXPECT_EQ(render_backups(answer.root(), false),
              "BACKUP OF    REPOSITORY  STATE       LAST                  SIZE      "
              "VERIFIED DATA IS  NEXT\n"
              "shop/orders  vault       protected   2026-11-21 02:00:00Z  1.00 MiB  "
              "1 h 0 min old     2026-11-22 02:00:00Z\n"
              "shop/web     vault       unverified  never                           "
              "unknown           backup now\n"
              "shop/web to vault: nothing was backed up yet\n");
    const JsonText odd(R"({"backups":[{"next":"x","last":{"at":"2026"}}]})");
    EXPECT_NE(render_backups(odd.root(), true), "");
}

constexpr const char* kForecast = R"({"plan":"p","site":"s","is_eligible":true,
  "has_full_picture":true,"services":[{"id":"shop","primary":"east","condition":"ok",
  "forecasts":[{"kind":"failover","to":"west","verdict":"exceeds",
    "text":"at least 3.00 s p50, 9.00 s p95 of 8.00 s (RTO), from 1 run; never measured: decide",
    "detect":{"p50_s":1,"p95_s":2,"samples":3},"decide":{"p50_s":null,"p95_s":null,"samples":0},
    "steps":[{"id":"orders.fence","p50_s":2,"p95_s":7,"samples":1,"is_awaited":true,
              "is_critical":true,"critical_share":1},
             {"id":"web.release","p50_s":1,"p95_s":1,"samples":1,"is_awaited":false}]}]}]})";

TEST(RenderStatus, TellsWhatTheNextFailoverWouldTake) {
    const JsonText status(kForecast);
    const auto text = render_status(status.root(), false);
    EXPECT_NE(text.find("shop: next failover: at least 3.00 s p50, 9.00 s p95 of 8.00 s (RTO), "
                        "from 1 run; never measured: decide: over the RTO\n"),
              std::string::npos)
        << text;
    EXPECT_EQ(text.find("orders.fence"), std::string::npos);
}

TEST(RenderStatus, ShowsTheCriticalPathWhenAsked) {
    const JsonText status(kForecast);
    const auto text = render_status_in_full(status.root(), false);
    EXPECT_NE(text.find("STEP          P50      P95      FROM  ON THE CRITICAL PATH\n"
                        "detect        1.00 s   2.00 s   3     always\n"
                        "decide        unknown  unknown  0     always\n"
                        "orders.fence  2.00 s   7.00 s   1     yes, 100 %\n"
                        "web.release   1.00 s   1.00 s   1     no: users are back before it\n"),
              std::string::npos)
        << text;
}

TEST(RenderStatus, ColoursOnlyWhenAsked) {
    const JsonText status(kStatus);
    EXPECT_EQ(render_status(status.root(), false).find('\x1b'), std::string::npos);
    EXPECT_NE(render_status(status.root(), true).find("\x1b[32mok\x1b[0m"), std::string::npos);
}

TEST(RenderStatus, SaysWhenTheNodeCannotSee) {
    const JsonText blind(R"({"plan":"p","site":"s","is_eligible":false,
      "why_not_eligible":"2 of 2 references fail","has_full_picture":false,"services":[]})");
    EXPECT_EQ(render_status(blind.root(), false),
              "plan p, seen from s, up unknown\n"
              "this node abstains: 2 of 2 references fail\n"
              "the first picture is not complete yet\n"
              "SERVICE  SITE  HEALTH  RPO NOW / OBJECTIVE  LAST MOVE\n");
}

TEST(RenderRun, ShowsEveryStepWithItsTimeOutputsOrError) {
    const JsonText run(R"({"kind":"failover","service":"shop","from":"east","to":"west",
      "status":"waiting","summary":"east is down","reason":"step orders.promote failed","steps":[
      {"id":"orders.fence","status":"done","took_s":0.42,"ended":"x","attempts":1,
       "outputs":{"artefact":"","proof":"actuated"}},
      {"id":"orders.promote","status":"failed","took_s":3,"ended":"x","attempts":2,
       "error":"no answer"},
      {"id":"web.scale","status":"pending","outputs":{}}]})");
    EXPECT_EQ(render_run(run.root(), false),
              "failover shop east → west: waiting\n"
              "  east is down\n"
              "  step orders.promote failed\n"
              "  ✓ done      orders.fence             420 ms    proof actuated\n"
              "  ✗ failed    orders.promote           3.00 s    attempt 2 no answer\n"
              "  · pending   web.scale\n");
}

TEST(RenderRuns, ListsThem) {
    const JsonText runs(R"({"runs":[{"id":"r-1","kind":"failover","service":"shop","from":"east",
      "to":"west","status":"done","is_final":true,"took_s":4.1,"steps_done":5,"steps_total":5,
      "is_automatic":true}]})");
    EXPECT_EQ(render_runs(runs.root(), false),
              "RUN  KIND      SERVICE           STATUS  TOOK    STEPS  BY\n"
              "r-1  failover  shop east → west  done    4.10 s  5/5    muster\n");
}

TEST(RenderPreview, NamesGuardsStepsAndThePointOfNoReturn) {
    const JsonText preview(R"({"kind":"failover","from":"east","to":"west","is_allowed":false,
      "guards":[{"name":"fence","state":"stopped","reason":"no proof","would_change":"a fence"}],
      "steps":[{"id":"orders.promote","action":"postgres.promote","phase":"promote",
      "point_of_no_return":true}],
      "forecast":{"text":"unknown: no run has measured its steps yet",
                  "steps":[{"id":"orders.promote","p50_s":0.12,"p95_s":null}]}})");
    EXPECT_EQ(render_preview(preview.root(), false),
              "failover from east to west\n"
              "GUARD  STATE    WHAT WAS SEEN\n"
              "fence  stopped  no proof; would pass: a fence\n"
              "\n"
              "STEP            ACTION            PHASE    P50     P95      NOTE\n"
              "orders.promote  postgres.promote  promote  120 ms  unknown  point of no return\n"
              "\n"
              "in all: unknown: no run has measured its steps yet\n"
              "\n"
              "a guard stops it; --force overrides what may be overridden\n");
}

TEST(RenderEvent, IsOneLine) {
    const JsonText event(R"({"at":"2026-11-21T05:08:28.123Z","name":"run.started",
      "severity":"info","subject":"shop","message":"failover east to west"})");
    EXPECT_EQ(render_event(event.root(), false),
              "2026-11-21T05:08:28.123Z run.started          shop                 failover east to "
              "west");
}

TEST(JsonView, ReadsPastWhatIsMissingOrOdd) {
    const JsonText document(R"({"a":1,"b":{"c":"x"},"d":null})");
    const auto root = document.root();
    EXPECT_EQ(root.text("a"), "");
    EXPECT_EQ(root["b"].text("c"), "x");
    EXPECT_TRUE(root["d"].is_empty());
    EXPECT_EQ(root["none"]["deeper"].number("x"), std::nullopt);
    EXPECT_EQ(root.whole("a"), 1);
    EXPECT_EQ(root.whole("b"), std::nullopt);
    EXPECT_EQ(JsonText(R"({"attempts":1e49})").root().whole("attempts"), 9'000'000'000'000'000);
    EXPECT_TRUE(JsonText("nonsense").root().items("a").empty());
}

TEST(Table, CountsCharactersNotBytes) {
    Table table({"A", "B"});
    table.add({{"→→"}, {"x"}});
    table.add({{""}, {"y"}});
    EXPECT_EQ(table.render(false), "A   B\n→→  x\n    y\n");
}

}  // namespace
}  // namespace muster::cli
