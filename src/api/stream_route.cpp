#include <boost/json.hpp>
#include <deque>
#include <map>
#include <memory>
#include <optional>

#include "api/encode.h"
#include "api/query.h"
#include "api/route.h"

// Server-sent events (WHATWG HTML, section 9.2). Three kinds: "status" is the whole status after a
// change, "run" a run whose journal grew, "event" one entry of /api/v1/events with its id, so that
// a reader who comes back goes on where it stopped (Last-Event-ID).

namespace muster::api {

namespace json = boost::json;

namespace {

constexpr Duration kKeepAlive = std::chrono::seconds(15);
// Changes come in bursts; a reader needs no more than a few pictures a second.
constexpr Duration kSpacing = std::chrono::milliseconds(200);
// Small enough that a reader who comes back after long gets it in pieces that fit its buffer.
constexpr std::size_t kBatch = 200;
// What a reader who names no place gets of the past.
constexpr std::size_t kRecent = 100;

std::string frame(std::string_view name, const json::object& data, std::int64_t id = 0) {
    std::string text;
    if (id > 0) {
        text += "id: " + std::to_string(id) + "\n";
    }
    text += "event: " + std::string(name) + "\ndata: " + json::serialize(data) + "\n\n";
    return text;
}

// One reader's stream. `call` lives in the response's function for as long as the stream runs.
class Follower {
  public:
    Follower(const Call& call, Sink& sink, std::int64_t after)
        : call_(call), sink_(sink), after_(after) {}

    Task<> follow() {
        while (true) {
            CO_TRY_OK(co_await send_changes());
            const Instant now = call_.clock.now();
            const auto changed = co_await call_.node.changed(now + kKeepAlive);
            if (!changed && changed.error().code() != Errc::kTimedOut) {
                co_return changed;
            }
            if (call_.clock.now() - now >= kKeepAlive) {
                CO_TRY_OK(co_await sink_.send(": still here\n\n"));
            }
            CO_TRY_OK(co_await call_.clock.sleep_for(kSpacing));
        }
    }

  private:
    Task<> send_changes() {
        const Instant now = call_.clock.now();
        CO_TRY_OK(co_await sink_.send(
            frame("status", encode(call_.node.status(), now, StatusParts{.with_targets = false}))));
        CO_TRY_OK(co_await send_runs());
        co_return co_await send_events();
    }

    Task<> send_runs() {
        std::string text;
        for (const auto* run : call_.node.runs()) {
            auto& last = sent_[run->spec.id];
            if (last.is_final) {
                continue;
            }
            auto encoded = frame("run", encode(*run));
            if (encoded != last.text) {
                text += encoded;
            }
            last.is_final = workflow::is_final(run->status);
            last.text = last.is_final ? std::string() : std::move(encoded);
        }
        if (text.empty()) {
            co_return Result<>{};
        }
        co_return co_await sink_.send(std::move(text));
    }

    Task<> send_events() {
        std::size_t count = kBatch;
        while (count == kBatch) {
            CO_TRY(const auto events, co_await call_.node.events(after_, kBatch));
            count = events.size();
            std::string text;
            for (const auto& event : events) {
                text += frame("event", encode(event), event.id);
                after_ = std::max(after_, event.id);
            }
            if (!text.empty()) {
                CO_TRY_OK(co_await sink_.send(std::move(text)));
            }
            if (count == kBatch) {
                CO_TRY_OK(co_await call_.clock.sleep_for(kSpacing));
            }
        }
        co_return Result<>{};
    }

    struct Sent {
        bool is_final = false;
        std::string text;
    };
    const Call& call_;
    Sink& sink_;
    std::int64_t after_;
    std::map<RunId, Sent> sent_;
};

// The id before the newest kRecent events.
Task<std::int64_t> recent_place(std::shared_ptr<const Call> call) {
    std::deque<std::int64_t> newest;
    std::int64_t after = 0;
    std::size_t count = kMaxEvents;
    while (count == kMaxEvents) {
        CO_TRY(const auto events, co_await call->node.events(after, kMaxEvents));
        count = events.size();
        for (const auto& event : events) {
            after = event.id;
            newest.push_back(event.id);
        }
        while (newest.size() > kRecent) {
            newest.pop_front();
        }
    }
    co_return newest.empty() ? 0 : newest.front() - 1;
}

Task<> follow(std::shared_ptr<const Call> call, std::optional<std::int64_t> place, Sink* sink) {
    std::int64_t after = 0;
    if (place) {
        after = *place;
    } else {
        CO_TRY(after, co_await recent_place(call));
    }
    Follower follower(*call, *sink, after);
    co_return co_await follower.follow();
}

}  // namespace

Task<Response> get_stream(Call call) {
    const auto last = call.request.headers.find("last-event-id");
    if (last != call.request.headers.end()) {
        call.request.query["after"] = last->second;
    }
    std::optional<std::int64_t> after;
    if (call.request.query.contains("after")) {
        CO_TRY(after, query_number(call, "after", {0, 0, INT64_MAX}));
    }
    Response response;
    response.content_type = "text/event-stream";
    response.headers["Cache-Control"] = "no-store";
    response.headers["X-Accel-Buffering"] = "no";
    response.body = "retry: 1000\n\n";
    // Shared: std::function must be copyable, and the call outlives this handler.
    const auto shared = std::make_shared<const Call>(std::move(call));
    response.stream = [shared, after](Sink& sink) { return follow(shared, after, &sink); };
    co_return response;
}

}  // namespace muster::api
