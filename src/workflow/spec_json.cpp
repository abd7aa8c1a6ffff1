#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "workflow/json_reader.h"
#include "workflow/seal.h"

// A run's spec as JSON. Every member of RunSpec is here; a new one needs a new journal version or
// must be readable when it is missing.

namespace muster::workflow {

namespace json = boost::json;

namespace {

constexpr int kMaxNodeDepth = 100;

json::array mark_to_json(const plan::Mark& mark) {
    return {mark.line, mark.column};
}

plan::Mark mark_from_json(const json::value& value, JsonReader& reader) {
    const auto* pair = value.if_array();
    if (pair == nullptr || pair->size() != 2 || !(*pair)[0].is_int64() || !(*pair)[1].is_int64()) {
        reader.fail("a mark is no pair of numbers");
        return {};
    }
    return {static_cast<int>((*pair)[0].get_int64()), static_cast<int>((*pair)[1].get_int64())};
}

json::object node_to_json(const plan::Node& node) {
    json::object out;
    if (node.kind == plan::Node::Kind::kScalar) {
        out[node.is_quoted ? "quoted" : "text"] = node.scalar;
    } else if (node.kind == plan::Node::Kind::kList) {
        json::array items;
        for (const auto& item : node.items) {
            items.emplace_back(node_to_json(item));
        }
        out["list"] = std::move(items);
    } else if (node.kind == plan::Node::Kind::kMap) {
        json::array entries;
        for (const auto& entry : node.entries) {
            entries.emplace_back(
                json::array{entry.key, node_to_json(entry.value), mark_to_json(entry.key_mark)});
        }
        out["map"] = std::move(entries);
    }
    out["mark"] = mark_to_json(node.mark);
    return out;
}

plan::Node node_from_json(const json::value& value, int depth, JsonReader& parent);

void entry_from_json(const json::value& value, int depth, plan::Node& map, JsonReader& reader) {
    const auto* triple = value.if_array();
    if (triple == nullptr || triple->size() != 3 || !(*triple)[0].is_string()) {
        reader.fail("an entry of a map is no triple");
        return;
    }
    plan::Node::Entry entry;
    entry.key = std::string((*triple)[0].get_string());
    entry.value = node_from_json((*triple)[1], depth, reader);
    entry.key_mark = mark_from_json((*triple)[2], reader);
    map.entries.push_back(std::move(entry));
}

plan::Node node_from_json(const json::value& value, int depth, JsonReader& parent) {
    plan::Node out;
    JsonReader reader(value, "a parameter");
    if (depth > kMaxNodeDepth) {
        parent.fail("parameters are nested too deep");
        return out;
    }
    if (reader.has("text") || reader.has("quoted")) {
        out.kind = plan::Node::Kind::kScalar;
        out.is_quoted = reader.has("quoted");
        out.scalar = reader.text(out.is_quoted ? "quoted" : "text");
    } else if (reader.has("list")) {
        out.kind = plan::Node::Kind::kList;
        for (const auto& item : reader.array("list")) {
            out.items.push_back(node_from_json(item, depth + 1, reader));
        }
    } else if (reader.has("map")) {
        out.kind = plan::Node::Kind::kMap;
        for (const auto& entry : reader.array("map")) {
            entry_from_json(entry, depth + 1, out, reader);
        }
    }
    if (reader.has("mark")) {
        out.mark = mark_from_json(value.get_object().at("mark"), reader);
    }
    if (const auto status = reader.status(); !status) {
        parent.fail(status.error().message());
    }
    return out;
}

json::object fields_to_json(const Fields& fields) {
    json::object out;
    for (const auto& [name, text] : fields) {
        out[name] = text;
    }
    return out;
}

void put_wall(json::object& out, std::string_view key, const std::optional<WallTime>& time) {
    if (time) {
        out[key] = time->time_since_epoch().count();
    }
}

json::object cause_to_json(const Cause& cause) {
    json::object out{
        {"kind", cause.kind},
        {"is_automatic", cause.is_automatic},
        {"requested_by", cause.requested_by},
        {"service", cause.service.str()},
        {"from", cause.from.str()},
        {"to", cause.to.str()},
        {"epoch", std::to_string(cause.epoch.value)},
        {"summary", cause.summary},
        {"decision", cause.decision},
        {"rpo_ns", cause.rpo.count()},
        {"rto_ns", cause.rto.count()},
    };
    put_wall(out, "outage_began_us", cause.outage_began);
    put_wall(out, "detected_us", cause.detected);
    put_wall(out, "decided_us", cause.decided);
    return out;
}

// As text: JSON numbers end at 2^63, epochs do not.
Epoch epoch_from(const std::string& text, JsonReader& reader) {
    Epoch out;
    for (const char c : text) {
        if (c < '0' || c > '9' || text.size() > 20) {
            reader.fail("\"epoch\" is no number");
            return {};
        }
        out.value = out.value * 10 + static_cast<std::uint64_t>(c - '0');
    }
    return out;
}

Result<Cause> cause_from_json(const json::value& value) {
    JsonReader reader(value, "the cause");
    Cause out;
    out.kind = reader.text("kind");
    out.is_automatic = reader.flag("is_automatic");
    out.requested_by = reader.text("requested_by");
    out.service = ServiceId(reader.text("service"));
    out.from = SiteId(reader.text("from"));
    out.to = SiteId(reader.text("to"));
    out.epoch = epoch_from(reader.text("epoch"), reader);
    out.summary = reader.text("summary");
    out.decision = reader.text("decision");
    out.rpo = reader.duration("rpo_ns");
    out.rto = reader.duration("rto_ns");
    out.outage_began = reader.maybe_wall("outage_began_us");
    out.detected = reader.maybe_wall("detected_us");
    out.decided = reader.maybe_wall("decided_us");
    TRY_OK(reader.status());
    return out;
}

json::object step_to_json(const plan::Step& step) {
    json::array needs;
    for (const auto& need : step.needs) {
        needs.emplace_back(need.str());
    }
    json::object out{
        {"id", step.id.str()},
        {"action", step.action},
        {"with", node_to_json(step.with)},
        {"needs", std::move(needs)},
        {"when", step.when},
        {"point_of_no_return", step.point_of_no_return},
        {"phase", step.phase},
        {"mark", mark_to_json(step.mark)},
    };
    if (step.timeout) {
        out["timeout_ns"] = step.timeout->count();
    }
    if (step.attempts) {
        out["attempts"] = *step.attempts;
    }
    if (step.backoff) {
        out["backoff_ns"] = step.backoff->count();
    }
    return out;
}

Result<plan::Step> step_from_json(const json::value& value) {
    JsonReader reader(value, "a step");
    plan::Step out;
    out.id = StepId(reader.text("id"));
    out.action = reader.text("action");
    out.with = node_from_json(reader.object("with"), 0, reader);
    for (const auto& need : reader.array("needs")) {
        if (!need.is_string()) {
            reader.fail("\"needs\" holds something that is no text");
            break;
        }
        out.needs.emplace_back(std::string(need.get_string()));
    }
    out.when = reader.text("when");
    out.point_of_no_return = reader.flag("point_of_no_return");
    out.phase = reader.text("phase");
    out.mark = mark_from_json(reader.array("mark"), reader);
    out.timeout = reader.maybe_duration("timeout_ns");
    out.backoff = reader.maybe_duration("backoff_ns");
    if (reader.has("attempts")) {
        out.attempts = static_cast<int>(reader.integer("attempts"));
    }
    TRY_OK(reader.status());
    return out;
}

}  // namespace

json::object spec_to_json(const RunSpec& spec) {
    json::array steps;
    for (const auto& step : spec.steps) {
        steps.emplace_back(step_to_json(step));
    }
    return {
        {"id", spec.id.str()},
        {"cause", cause_to_json(spec.cause)},
        {"plan_digest", spec.plan_digest},
        {"parameters", fields_to_json(spec.parameters)},
        {"steps", std::move(steps)},
    };
}

Result<RunSpec> spec_from_json(const json::value& value) {
    JsonReader reader(value, "the spec");
    RunSpec out;
    out.id = RunId(reader.text("id"));
    out.plan_digest = reader.text("plan_digest");
    out.parameters = reader.fields("parameters");
    const auto& cause = reader.object("cause");
    const auto& steps = reader.array("steps");
    TRY_OK(reader.status());
    TRY(out.cause, cause_from_json(cause));
    std::vector<plan::Step> all;
    for (const auto& step : steps) {
        TRY(auto read, step_from_json(step));
        all.push_back(std::move(read));
    }
    out.steps = std::move(all);
    return out;
}

json::object traits_to_json(const StepTraits& traits) {
    json::object out;
    for (const auto& [step, of] : traits) {
        out[step.str()] = json::object{
            {"timeout_ns", of.timeout.count()}, {"attempts", of.attempts},
            {"backoff_ns", of.backoff.count()}, {"is_idempotent", of.is_idempotent},
            {"can_undo", of.can_undo},          {"is_point_of_no_return", of.is_point_of_no_return},
        };
    }
    return out;
}

Result<StepTraits> traits_from_json(const json::value& value) {
    StepTraits out;
    const auto* object = value.if_object();
    if (object == nullptr) {
        return Error{Errc::kCorrupt, "the traits are no object"};
    }
    for (const auto& entry : *object) {
        JsonReader reader(entry.value(), "the traits of a step");
        Traits traits;
        traits.timeout = reader.duration("timeout_ns");
        traits.attempts = static_cast<int>(reader.integer("attempts"));
        traits.backoff = reader.duration("backoff_ns");
        traits.is_idempotent = reader.flag("is_idempotent");
        traits.can_undo = reader.flag("can_undo");
        traits.is_point_of_no_return = reader.flag("is_point_of_no_return");
        TRY_OK(reader.status());
        out.emplace(StepId(std::string(entry.key())), traits);
    }
    return out;
}

}  // namespace muster::workflow
