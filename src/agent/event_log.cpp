#include "agent/event_log.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cstdio>

namespace muster::agent {

namespace json = boost::json;

namespace {

constexpr Duration kPatience = std::chrono::seconds(5);

std::string text(const json::object& object, std::string_view key) {
    const auto* found = object.if_contains(key);
    return found != nullptr && found->is_string() ? std::string(found->get_string())
                                                  : std::string();
}

}  // namespace

std::string encode(const Event& event) {
    json::object data;
    for (const auto& [name, value] : event.data) {
        data[name] = value;
    }
    return json::serialize(json::object{{"id", event.id},
                                        {"at", format_wall(event.at)},
                                        {"name", event.name},
                                        {"severity", event.severity},
                                        {"subject", event.subject},
                                        {"message", event.message},
                                        {"data", std::move(data)}});
}

Result<Event> decode_event(const std::string& source) {
    boost::system::error_code failed;
    const auto value = json::parse(source, failed);
    const auto* object = failed ? nullptr : value.if_object();
    const auto* id = object == nullptr ? nullptr : object->if_contains("id");
    if (id == nullptr || !id->is_int64()) {
        return Error{Errc::kCorrupt, "an event record can't be read"};
    }
    Event event;
    event.id = id->get_int64();
    event.at = parse_wall(text(*object, "at")).value_or(WallTime{});
    event.name = text(*object, "name");
    event.severity = text(*object, "severity");
    event.subject = text(*object, "subject");
    event.message = text(*object, "message");
    const auto* data = object->if_contains("data");
    if (data != nullptr && data->is_object()) {
        for (const auto& entry : data->get_object()) {
            event.data[std::string(entry.key())] = text(data->get_object(), entry.key());
        }
    }
    return event;
}

EventLog::EventLog(SiteId site, Executor executor, Clock& clock, Log& log, state::Store& store)
    : prefix_("events/" + site.str() + "/"),
      clock_(clock),
      log_(log),
      store_(store),
      queued_(std::move(executor)) {
}

std::string EventLog::key_of(std::int64_t id) const {
    std::array<char, 32> buffer{};
    std::snprintf(buffer.data(), buffer.size(), "%012lld", static_cast<long long>(id));
    return prefix_ + buffer.data();
}

Task<> EventLog::open() {
    CO_TRY(const auto entry, co_await store_.get("number-of-" + prefix_, clock_.now() + kPatience));
    if (entry) {
        next_id_ = std::strtoll(entry->value.c_str(), nullptr, 10) + 1;
    }
    co_return Result<>{};
}

void EventLog::append(Event event) {
    event.id = next_id_++;
    event.at = clock_.wall();
    if (queue_.size() == kQueued) {
        queue_.pop_front();
        log_.warn("events.dropped", {{"queued", kQueued}});
    }
    queue_.push_back(std::move(event));
    queued_.notify();
}

Task<> EventLog::write_one() {
    const auto event = queue_.front();
    state::Transaction change;
    change.ops.push_back(state::Op::put(key_of(event.id), encode(event)));
    change.ops.push_back(state::Op::put("number-of-" + prefix_, std::to_string(event.id)));
    if (event.id > kKept) {
        change.ops.push_back(state::Op::erase(key_of(event.id - kKept)));
    }
    CO_TRY_OK(co_await store_.commit(std::move(change), clock_.now() + kPatience));
    if (!queue_.empty() && queue_.front().id == event.id) {
        queue_.pop_front();
    }
    co_return Result<>{};
}

Task<> EventLog::write_behind() {
    while (true) {
        if (queue_.empty()) {
            CO_TRY_OK(co_await queued_.wait());
            continue;
        }
        const auto written = co_await write_one();
        if (!written) {
            log_.warn("events.unwritten", {{"error", written.error().message()}});
            CO_TRY_OK(co_await clock_.sleep_for(std::chrono::seconds(1)));
        }
    }
}

Task<std::vector<Event>> EventLog::read(std::int64_t after, std::size_t limit) {
    if (after < 0) {
        after = std::max<std::int64_t>(0, next_id_ - 1 - static_cast<std::int64_t>(limit));
    }
    state::Store::Range range;
    range.prefix = prefix_;
    range.from = key_of(after + 1);
    range.limit = limit;
    CO_TRY(const auto entries, co_await store_.list(std::move(range), clock_.now() + kPatience));
    std::vector<Event> events;
    for (const auto& entry : entries) {
        CO_TRY(auto event, decode_event(entry.value));
        events.push_back(std::move(event));
    }
    for (const auto& waiting : queue_) {
        if (waiting.id > after && events.size() < limit &&
            (events.empty() || waiting.id > events.back().id)) {
            events.push_back(waiting);
        }
    }
    co_return events;
}

}  // namespace muster::agent
