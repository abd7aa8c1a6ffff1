#include "api/api.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/json.hpp>
#include <optional>
#include <set>

#include "api/encode.h"
#include "api/metrics.h"
#include "api/openapi.h"
#include "api/page.h"
#include "api/query.h"
#include "api/route.h"

namespace muster::api {
namespace {

namespace asio = boost::asio;
namespace json = boost::json;
using testing::HasSubstr;
using testing::Not;
using namespace std::chrono_literals;

constexpr const char* kToken = "0123456789abcdefghijklmnopqrstuv";

class FixedClock final : public Clock {
  public:
    [[nodiscard]] Instant now() const override { return Instant(100s); }
    [[nodiscard]] WallTime wall() const override { return WallTime{}; }
    Task<> sleep_until(Instant when) override {
        static_cast<void>(when);
        co_return Result<>{};
    }
};

/// A node with one service and one run; remembers what it was told.
class FakeNode final : public NodeView {
  public:
    FakeNode() {
        agent::ServiceStatus service;
        service.id = ServiceId("shop");
        service.primary = SiteId("east");
        service.epoch = Epoch{7};
        service.health = probe::Health::kUp;
        service.condition = "ok";
        service.rpo_now = 250ms;
        service.rpo = 30s;
        service.rto = 120s;
        service.mode = "automatic";
        service.last_move = agent::LastMove{run_id(),       "failover", SiteId("west"),
                                            SiteId("east"), WallTime{}, "done"};
        protection::JobStatus job;
        job.id = {ServiceId("shop"), ComponentId("orders"), "vault"};
        job.standing.state = "unverified";
        job.good.emplace().extent = {3, ByteCount{1000}};
        agent::ComponentStatus part;
        part.id = ComponentId("orders");
        part.backups.push_back(job);
        service.components.push_back(part);
        status_.node = NodeId("arbiter@host");
        status_.site = SiteId("arbiter");
        status_.plan = "shop";
        status_.services.push_back(service);
        service.components.clear();
        service.id = ServiceId("blind \"x\"\n");
        service.rpo_now.reset();
        service.health = probe::Health::kUnknown;
        status_.services.push_back(service);

        plan_.name = "shop";
        plan_.digest = "abc";
        run_.spec.id = run_id();
        run_.spec.cause.kind = "failover";
        run_.spec.cause.service = ServiceId("shop");
        plan::Step step;
        step.id = StepId("orders.fence");
        step.action = "postgres.fence";
        run_.spec.steps.push_back(step);
        run_.steps[step.id].status = workflow::StepStatus::kDone;
        run_.steps[step.id].outputs["proof"] = "actuated";
        run_.status = workflow::RunStatus::kDone;
    }
    static RunId run_id() { return RunId("r-1"); }

    [[nodiscard]] agent::NodeStatus status() const override { return status_; }
    [[nodiscard]] const plan::Plan& plan() const override { return plan_; }
    [[nodiscard]] Result<decide::Decision> why(const ServiceId& service) const override {
        if (service.str() != "shop") {
            return Error{Errc::kNotFound, "there is no service " + service.str()};
        }
        decide::Decision decision;
        decision.service = service;
        decision.summary = "all is well";
        decision.stages.push_back({"votes", decide::Stage::State::kPassed, "1 of 1", ""});
        return decision;
    }
    [[nodiscard]] const workflow::Run* find_run(const RunId& run) const override {
        return run == run_id() ? &run_ : nullptr;
    }
    [[nodiscard]] std::vector<const workflow::Run*> runs() const override { return {&run_}; }
    Task<std::vector<agent::Event>> events(std::int64_t after, std::size_t limit) override {
        std::vector<agent::Event> list;
        for (std::int64_t id = after + 1; id <= 5 && list.size() < limit; ++id) {
            list.push_back({id, WallTime{}, "run.started", "info", "shop", "began", {}});
        }
        co_return list;
    }
    Task<> changed(Instant deadline) override {
        static_cast<void>(deadline);
        co_return Error{Errc::kCancelled, "the node stops"};
    }
    Result<> back_up(const ServiceId& service, const ComponentId& component,
                     bool with_trial) override {
        told_ = "back up " + service.str() + "/" + component.str() + (with_trial ? " and try" : "");
        return {};
    }
    Task<> accept_backup(ServiceId service, ComponentId component, std::string by) override {
        told_ = "accept " + service.str() + "/" + component.str() + " by " + by;
        co_return Result<>{};
    }
    Task<agent::MovePreview> preview(agent::MoveRequest request) override {
        told_ = "preview " + request.to.str();
        co_return agent::MovePreview{};
    }
    Task<RunId> move(agent::MoveRequest request) override {
        told_ = "move " + request.service.str() + " " + request.to.str() + " by " + request.by +
                (request.is_forced ? " forced" : "");
        if (request.to.str() == "mars") {
            co_return Error{Errc::kDenied, "guard ready: mars is not ready", "wait for it"};
        }
        co_return run_id();
    }
    Task<RunId> run_procedure(std::string name, Fields parameters, std::string by) override {
        told_ = "procedure " + name + " " + parameters["mode"] + " by " + by;
        co_return run_id();
    }
    Task<RunId> approve_decision(ServiceId service, std::string by) override {
        told_ = "approve " + service.str() + " by " + by;
        co_return run_id();
    }
    Task<> resume(RunId run, std::string by) override { return tell("resume", run, by); }
    Task<> abort(RunId run, std::string by) override { return tell("abort", run, by); }
    Task<> rollback(RunId run, std::string by) override { return tell("rollback", run, by); }
    Task<> approve(RunId run, StepId step, std::string by) override {
        return tell("approve " + step.str() + " of", run, by);
    }
    Task<> reload() override {
        co_return Error{Errc::kInvalid, "plan.yaml:3:1: error: unknown key \"sitez\"", "mend it"};
    }
    Task<> tell(std::string what, RunId run, std::string by) {
        told_ = what + " " + run.str() + " by " + by;
        co_return Result<>{};
    }

    agent::NodeStatus status_;
    plan::Plan plan_;
    workflow::Run run_;
    std::string told_;
};

class ApiTest : public testing::Test {
  protected:
    template <class T>
    T await(Task<T> task) {
        asio::io_context loop;
        std::optional<Result<T>> result;
        asio::co_spawn(loop, std::move(task),
                       [&](const std::exception_ptr&, Result<T> value) { result = value; });
        loop.run();
        return std::move(*result).value();
    }
    Response ask(Request request) { return await(api_.handle(std::move(request))); }
    Response get(const std::string& path, Fields query = {}) {
        return ask({"GET", path, std::move(query), {}, "", true});
    }
    Response post(const std::string& path, std::string body, Fields headers = {}) {
        headers.emplace("authorization", std::string("Bearer ") + kToken);
        headers.emplace("content-type", "application/json");
        headers.emplace("host", "127.0.0.1:8420");
        return ask({"POST", path, {}, std::move(headers), std::move(body), true});
    }

    FakeNode node_;
    FixedClock clock_;
    NullLog log_;
    Api api_{node_, clock_, log_, Secret(kToken)};
};

TEST_F(ApiTest, StatusSaysUnknownAsNull) {
    const auto response = get("/api/v1/status");
    EXPECT_EQ(response.status, 200);
    const auto document = json::parse(response.body);
    const auto& services = document.at("services").as_array();
    EXPECT_EQ(services.at(0).at("rpo_now_s").as_double(), 0.25);
    EXPECT_EQ(services.at(0).at("last_move").at("to").as_string(), "east");
    EXPECT_TRUE(services.at(1).at("rpo_now_s").is_null());
    EXPECT_TRUE(services.at(1).at("active_run").is_null());
}

TEST_F(ApiTest, EveryGetAnswers) {
    for (const auto* path :
         {"/", "/healthz", "/metrics", "/api/v1/openapi.json", "/api/v1/status", "/api/v1/plan",
          "/api/v1/services/shop/why", "/api/v1/events", "/api/v1/stream", "/api/v1/runs",
          "/api/v1/runs/r-1", "/api/v1/runs/r-1/report"}) {
        EXPECT_EQ(get(path).status, 200) << path;
    }
}

TEST_F(ApiTest, ErrorsCarryCodeMessageAndHint) {
    const auto response = get("/api/v1/runs/r-9");
    EXPECT_EQ(response.status, 404);
    const auto error = json::parse(response.body).at("error");
    EXPECT_EQ(error.at("code").as_string(), "not_found");
    EXPECT_EQ(error.at("message").as_string(), "there is no run r-9");
    EXPECT_EQ(error.at("hint").as_string(), "list them: muster run list");
    EXPECT_EQ(get("/api/v1/services/none/why").status, 404);
    EXPECT_EQ(get("/api/v1/runs", {{"service", "shop"}}).status, 200);
    EXPECT_EQ(get("/api/v1/runs", {{"service", "shpo"}}).status, 404);
    EXPECT_EQ(get("/nowhere").status, 404);
    EXPECT_EQ(get("/api/v1/status/").status, 404);
    EXPECT_EQ(get("/api/v1/runs/r-1/report", {{"format", "pdf"}}).status, 400);
    EXPECT_EQ(post("/api/v1/status", "{}").status, 405);
    EXPECT_EQ(get("/api/v1/reload").headers.at("Allow"), "POST");
}

TEST_F(ApiTest, QueryNumbersOutOfRangeAreRefused) {
    for (const auto* limit : {"0", "1001", "-1", "x", "", "1e3", "99999999999999999999"}) {
        EXPECT_EQ(get("/api/v1/events", {{"limit", limit}}).status, 400) << limit;
    }
    const auto page = json::parse(get("/api/v1/events", {{"after", "2"}, {"limit", "2"}}).body);
    EXPECT_EQ(page.at("events").as_array().size(), 2U);
    EXPECT_EQ(page.at("next_after").as_int64(), 4);
}

TEST_F(ApiTest, MovesAreToldToTheNode) {
    const auto response =
        post("/api/v1/services/shop/failover", R"({"to":"west","by":"ann","force":true})");
    EXPECT_EQ(response.status, 202);
    EXPECT_EQ(response.headers.at("Location"), "/api/v1/runs/r-1");
    EXPECT_EQ(node_.told_, "move shop west by ann forced");
    EXPECT_EQ(post("/api/v1/services/shop/switchover", R"({"dry_run":true,"to":"west"})").status,
              200);
    EXPECT_EQ(node_.told_, "preview west");
    EXPECT_EQ(post("/api/v1/services/shop/rebuild", "").status, 202);
    EXPECT_EQ(post("/api/v1/services/shop/failover", R"({"to":"mars"})").status, 403);
}

TEST_F(ApiTest, RunsAndDecisionsAreSteered) {
    post("/api/v1/runs/r-1/resume", R"({"by":"ann"})");
    EXPECT_EQ(node_.told_, "resume r-1 by ann");
    post("/api/v1/runs/r-1/abort", "{}");
    EXPECT_EQ(node_.told_, "abort r-1 by local operator");
    post("/api/v1/runs/r-1/rollback", "");
    EXPECT_EQ(node_.told_, "rollback r-1 by local operator");
    post("/api/v1/runs/r-1/steps/orders.fence/approve", R"({"by":"ann"})");
    EXPECT_EQ(node_.told_, "approve orders.fence of r-1 by ann");
    EXPECT_EQ(post("/api/v1/services/shop/approve", "{}").status, 202);
    post("/api/v1/procedures/drain", R"({"parameters":{"mode":"hard"}})");
    EXPECT_EQ(node_.told_, "procedure drain hard by local operator");
    EXPECT_EQ(post("/api/v1/reload", "").status, 400);
}

TEST_F(ApiTest, BackupsAreShownAskedForAndAcceptedFor) {
    const auto jobs = json::parse(get("/api/v1/backups").body).at("backups").as_array();
    ASSERT_EQ(jobs.size(), 1U);
    EXPECT_EQ(jobs.at(0).at("state").as_string(), "unverified");
    EXPECT_TRUE(jobs.at(0).at("verified_age_s").is_null()) << "unknown is no number";
    EXPECT_EQ(jobs.at(0).at("last").at("bytes").as_int64(), 1000);
    const auto metrics = get("/metrics").body;
    const std::string labels = R"({service="shop",component="orders",repository="vault"} )";
    EXPECT_NE(metrics.find("muster_backup_protected" + labels + "0\n"), std::string::npos);
    EXPECT_NE(metrics.find("muster_backup_bytes" + labels + "1000\n"), std::string::npos);
    EXPECT_EQ(metrics.find("muster_backup_verified_age_seconds"), std::string::npos);
    EXPECT_EQ(post("/api/v1/backups/shop/orders/run", R"({"verify":true})").status, 202);
    EXPECT_EQ(node_.told_, "back up shop/orders and try");
    EXPECT_EQ(post("/api/v1/backups/shop/orders/run", R"({"verify":"yes"})").status, 400);
    EXPECT_EQ(post("/api/v1/backups/shop/orders/accept", R"({"by":"ann"})").status, 200);
    EXPECT_EQ(node_.told_, "accept shop/orders by ann");
}

TEST_F(ApiTest, BadBodiesAreNamed) {
    for (const auto* body : {"[]", "nonsense", R"({"to":1})", R"({"tp":"west"})",
                             R"({"dry_run":"yes"})", R"({"by":"a\u0000b"})"}) {
        EXPECT_EQ(post("/api/v1/services/shop/failover", body).status, 400) << body;
    }
    EXPECT_EQ(node_.told_, "");
}

TEST_F(ApiTest, ChangesNeedTheToken) {
    for (const auto& route : all_routes()) {
        EXPECT_EQ(route.needs_token, route.method == "POST") << route.pattern;
    }
    for (const auto* header : {"", "Bearer ", "Bearer wrong", "Basic 0123", kToken}) {
        const auto response =
            post("/api/v1/services/shop/failover", "{}", {{"authorization", header}});
        EXPECT_EQ(response.status, 401) << header;
        EXPECT_THAT(response.body, Not(HasSubstr(kToken)));
    }
    EXPECT_EQ(node_.told_, "");
}

TEST_F(ApiTest, AnEmptyTokenOpensNothing) {
    Api open(node_, clock_, log_, Secret());
    const auto response = await(
        open.handle({"POST", "/api/v1/reload", {}, {{"authorization", "Bearer "}}, "", true}));
    EXPECT_EQ(response.status, 401);
}

TEST_F(ApiTest, PagesOfOtherSitesAreRefusedEvenWithTheToken) {
    const auto* path = "/api/v1/services/shop/failover";
    EXPECT_EQ(post(path, "{}", {{"origin", "https://evil.example"}}).status, 403);
    EXPECT_EQ(post(path, "{}", {{"origin", "null"}}).status, 403);
    EXPECT_EQ(post(path, "{}", {{"sec-fetch-site", "cross-site"}}).status, 403);
    EXPECT_EQ(post(path, "{}", {{"content-type", "text/plain"}}).status, 400);
    EXPECT_EQ(post(path, "{}", {{"origin", "http://127.0.0.1:8420"}}).status, 202);
}

TEST_F(ApiTest, TheOpenApiDocumentNamesEveryRoute) {
    const auto document = json::parse(openapi_document());
    const auto& paths = document.at("paths").as_object();
    std::size_t operations = 0;
    for (const auto& route : all_routes()) {
        const std::string pattern(route.pattern);
        ASSERT_TRUE(paths.contains(pattern)) << pattern;
        const auto& operation = paths.at(pattern).at(route.method == "GET" ? "get" : "post");
        EXPECT_FALSE(operation.at("summary").as_string().empty());
        EXPECT_EQ(operation.as_object().contains("security"), route.needs_token) << pattern;
        ++operations;
    }
    std::set<std::string> distinct;
    for (const auto& route : all_routes()) {
        distinct.insert(std::string(route.method) + " " + std::string(route.pattern));
    }
    EXPECT_EQ(distinct.size(), operations);
}

TEST_F(ApiTest, MetricsEscapeLabelsAndLeaveOutWhatIsUnknown) {
    const auto text = render_metrics(node_.status(), node_.runs());
    EXPECT_THAT(text, HasSubstr("muster_service_up{service=\"shop\"} 1\n"));
    EXPECT_THAT(text, HasSubstr("muster_rpo_seconds{service=\"shop\"} 0.25\n"));
    EXPECT_THAT(text,
                HasSubstr("muster_rto_objective_seconds{service=\"blind \\\"x\\\"\\n\"} 120\n"));
    EXPECT_THAT(text, Not(HasSubstr("muster_rpo_seconds{service=\"blind")));
    EXPECT_THAT(text, HasSubstr("# TYPE muster_rpo_seconds gauge\n"));
    EXPECT_THAT(text, HasSubstr("muster_decisions_total{service=\"shop\",by=\"operator\"} 1\n"));
}

agent::NodeStatus with_forecast(evidence::Forecast forecast) {
    agent::NodeStatus status;
    status.services.resize(1);
    status.services[0].id = ServiceId("shop");
    forecast.kind = "failover";
    forecast.rto = 2s;
    status.services[0].forecasts = {std::move(forecast)};
    return status;
}

TEST(Metrics, TellAForecastThatIsWholeFromALowerBound) {
    evidence::Forecast known;
    known.total = {500ms, 1s, 3};
    auto text = render_metrics(with_forecast(known), {});
    EXPECT_THAT(text, HasSubstr("muster_forecast_seconds{service=\"shop\",kind=\"failover\","
                                "quantile=\"0.95\"} 1\n"));
    EXPECT_THAT(text, HasSubstr("muster_forecast_exceeds_rto{service=\"shop\"} 0\n"));
    known.unknown = {"decide"};
    text = render_metrics(with_forecast(known), {});
    EXPECT_THAT(text, HasSubstr("muster_forecast_at_least_seconds{"));
    EXPECT_THAT(text, Not(HasSubstr("muster_forecast_seconds{")));
    EXPECT_THAT(text, Not(HasSubstr("muster_forecast_exceeds_rto{"))) << "unknown is never fine";
    known.total.p95 = 3s;
    EXPECT_THAT(render_metrics(with_forecast(known), {}),
                HasSubstr("muster_forecast_exceeds_rto{service=\"shop\"} 1\n"));
    EXPECT_THAT(render_metrics(with_forecast({}), {}), Not(HasSubstr("muster_forecast")));
}

TEST(Status, CarriesTheForecastAndNullForWhatIsUnknown) {
    evidence::Forecast forecast;
    forecast.unknown = {"detect"};
    evidence::StepForecast step;
    step.id = StepId("orders.fence");
    forecast.steps.push_back(step);
    const auto encoded =
        encode(with_forecast(forecast), Instant(100s), {}).at("services").at(0).at("forecasts");
    const auto& one = encoded.at(0);
    EXPECT_EQ(one.at("verdict"), "unknown");
    EXPECT_TRUE(one.at("p95_s").is_null());
    EXPECT_TRUE(one.at("steps").at(0).at("p50_s").is_null());
    EXPECT_EQ(one.at("unknown").at(0), "detect");
    EXPECT_TRUE(one.at("is_lower_bound").as_bool());
}

TEST_F(ApiTest, TheStreamBeginsWithStatusRunsAndEvents) {
    class Collect final : public Sink {
      public:
        Task<> send(std::string piece) override {
            text += piece;
            co_return Result<>{};
        }
        std::string text;
    };
    const auto response = get("/api/v1/stream", {{"after", "3"}});
    EXPECT_EQ(response.content_type, "text/event-stream");
    Collect sink;
    asio::io_context loop;
    asio::co_spawn(loop, response.stream(sink), [](const std::exception_ptr&, const Result<>&) {});
    loop.run();
    EXPECT_THAT(sink.text, HasSubstr("event: status\ndata: {\"node\":"));
    EXPECT_THAT(sink.text, HasSubstr("event: run\ndata: {\"id\":\"r-1\""));
    EXPECT_THAT(sink.text, Not(HasSubstr("id: 3\n")));
    EXPECT_THAT(sink.text, HasSubstr("id: 4\nevent: event\n"));
    EXPECT_THAT(sink.text, HasSubstr("id: 5\nevent: event\n"));
}

TEST(Match, CapturesWholeSegmentsOnly) {
    EXPECT_EQ(match("/runs/{id}", "/runs/r-1"), (Fields{{"id", "r-1"}}));
    EXPECT_EQ(match("/", "/"), Fields{});
    for (const auto* path : {"/runs/", "/runs", "/runs/a/b", "runs/a", "/other/a", ""}) {
        EXPECT_EQ(match("/runs/{id}", path), std::nullopt) << path;
    }
}

TEST(StatusPage, IsOneDocumentWithoutOutsideParts) {
    const std::string page(status_page());
    EXPECT_THAT(page, HasSubstr("<!doctype html>"));
    EXPECT_THAT(page, HasSubstr("new EventSource('/api/v1/stream')"));
    EXPECT_THAT(page, HasSubstr("prefers-color-scheme: dark"));
    EXPECT_THAT(page, Not(HasSubstr("https://")));
    EXPECT_THAT(page, Not(HasSubstr("innerHTML")));
    EXPECT_THAT(page, Not(HasSubstr("@MUSTER")));
}

}  // namespace
}  // namespace muster::api
