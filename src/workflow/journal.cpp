#include "workflow/journal.h"

#include <array>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <cstdio>
#include <optional>

#include "workflow/json_reader.h"
#include "workflow/seal.h"

namespace muster::workflow {

namespace json = boost::json;

namespace {

constexpr std::array kStates{
    std::pair{Observation::State::kDone, std::string_view("done")},
    std::pair{Observation::State::kNotDone, std::string_view("not_done")},
    std::pair{Observation::State::kUnknown, std::string_view("unknown")},
};

std::optional<Entry::Kind> kind_from(std::string_view name) {
    for (int value = 0; value <= static_cast<int>(Entry::Kind::kStatus); ++value) {
        const auto kind = static_cast<Entry::Kind>(value);
        if (to_string(kind) == name) {
            return kind;
        }
    }
    return std::nullopt;
}

std::optional<RunStatus> status_from(std::string_view name) {
    for (int value = 0; value <= static_cast<int>(RunStatus::kRolledBack); ++value) {
        const auto status = static_cast<RunStatus>(value);
        if (to_string(status) == name) {
            return status;
        }
    }
    return std::nullopt;
}

void put_text(json::object& out, std::string_view key, const std::string& text) {
    if (!text.empty()) {
        out[key] = text;
    }
}

// Only what an entry of its kind uses is written.
json::object to_json(const Entry& entry) {
    json::object out{
        {"kind", to_string(entry.kind)},
        {"at_us", entry.at.time_since_epoch().count()},
        {"after_ns", entry.after.count()},
    };
    put_text(out, "step", entry.step.str());
    put_text(out, "by", entry.by);
    put_text(out, "reason", entry.reason);
    if (entry.attempt != 0) {
        out["attempt"] = entry.attempt;
    }
    if (!entry.outputs.empty()) {
        json::object outputs;
        for (const auto& [name, text] : entry.outputs) {
            outputs[name] = text;
        }
        out["outputs"] = std::move(outputs);
    }
    for (const auto& [state, name] : kStates) {
        if (entry.seen == state) {
            out["seen"] = name;
        }
    }
    if (entry.error) {
        out["error"] = json::object{{"code", to_string(entry.error->code())},
                                    {"message", entry.error->message()},
                                    {"hint", entry.error->hint()}};
    }
    if (entry.until) {
        out["until_ns"] = entry.until->count();
    }
    if (entry.kind == Entry::Kind::kStatus) {
        out["status"] = to_string(entry.status);
    }
    return out;
}

void read_optional(const json::value& value, JsonReader& reader, Entry& out) {
    const auto maybe_text = [&reader](std::string_view key) {
        return reader.has(key) ? reader.text(key) : std::string{};
    };
    out.step = StepId(maybe_text("step"));
    out.by = maybe_text("by");
    out.reason = maybe_text("reason");
    out.until = reader.maybe_duration("until_ns");
    if (reader.has("attempt")) {
        out.attempt = static_cast<int>(reader.integer("attempt"));
    }
    if (reader.has("outputs")) {
        out.outputs = reader.fields("outputs");
    }
    if (reader.has("error")) {
        JsonReader error(value.get_object().at("error"), "an error");
        out.error.emplace(errc_from(error.text("code")), error.text("message"), error.text("hint"));
        if (const auto status = error.status(); !status) {
            reader.fail(status.error().message());
        }
    }
}

Result<Entry> entry_from_json(const json::value& value) {
    JsonReader reader(value, "an entry");
    Entry out;
    const auto kind = kind_from(reader.text("kind"));
    if (!kind) {
        reader.fail("its kind is unknown");
    }
    out.kind = kind.value_or(Entry::Kind::kTimer);
    out.at = reader.wall("at_us");
    out.after = reader.duration("after_ns");
    read_optional(value, reader, out);
    if (reader.has("seen")) {
        const auto name = reader.text("seen");
        for (const auto& [state, known] : kStates) {
            out.seen = known == name ? std::optional(state) : out.seen;
        }
        if (!out.seen) {
            reader.fail("\"seen\" is unknown");
        }
    }
    if (out.kind == Entry::Kind::kStatus) {
        const auto status = status_from(reader.text("status"));
        if (!status) {
            reader.fail("\"status\" is unknown");
        }
        out.status = status.value_or(RunStatus::kWaiting);
    }
    TRY_OK(reader.status());
    return out;
}

Result<> check_header(JsonReader& reader, const RunId& run) {
    const auto version = reader.integer("version");
    const auto owner = reader.text("run");
    TRY_OK(reader.status());
    if (version != kJournalVersion) {
        return Error{Errc::kInvalid,
                     "it has version " + std::to_string(version) + "; this muster reads version " +
                         std::to_string(kJournalVersion),
                     "start the muster that wrote it, or a newer one"};
    }
    if (owner != run.str()) {
        return Error{Errc::kCorrupt, "it belongs to run " + owner};
    }
    return {};
}

Result<Opened<SpecRecord>> open_spec(std::string_view text, const RunId& run) {
    TRY(const auto body, unseal(text, {}));
    JsonReader reader(body.record, "the first record");
    TRY_OK(check_header(reader, run));
    Opened<SpecRecord> out;
    out.sum = body.sum;
    TRY(out.record.spec, spec_from_json(reader.object("spec")));
    TRY(out.record.traits, traits_from_json(reader.object("traits")));
    if (out.record.spec.id != run) {
        return Error{Errc::kCorrupt, "it belongs to run " + out.record.spec.id.str()};
    }
    return out;
}

Result<Opened<Record>> open_record(std::string_view text, const Place& place) {
    TRY(const auto body, unseal(text, place.previous_sum));
    JsonReader reader(body.record, "the record");
    TRY_OK(check_header(reader, place.run));
    Opened<Record> out;
    out.sum = body.sum;
    out.record.number = reader.integer("number");
    out.record.writer = reader.text("writer");
    const auto& entries = reader.array("entries");
    if (out.record.number != place.number) {
        reader.fail("it is number " + std::to_string(out.record.number));
    }
    TRY_OK(reader.status());
    for (const auto& entry : entries) {
        TRY(auto read, entry_from_json(entry));
        out.record.entries.push_back(std::move(read));
    }
    return out;
}

}  // namespace

std::string spec_key(const RunId& run) {
    return "runs/" + run.str() + "/spec";
}

std::string record_key(const RunId& run, std::int64_t number) {
    std::array<char, 24> digits{};
    std::snprintf(digits.data(), digits.size(), "%08lld", static_cast<long long>(number));
    return "runs/" + run.str() + "/journal/" + digits.data();
}

std::string lock_key(const ServiceId& service) {
    return "locks/run/" + service.str();
}

Sealed encode(const SpecRecord& record) {
    return seal(
        json::object{
            {"version", kJournalVersion},
            {"run", record.spec.id.str()},
            {"spec", spec_to_json(record.spec)},
            {"traits", traits_to_json(record.traits)},
        },
        {});
}

Sealed encode(const Record& record, const RunId& run, std::string_view previous_sum) {
    json::array entries;
    for (const auto& entry : record.entries) {
        entries.emplace_back(to_json(entry));
    }
    return seal(
        json::object{
            {"version", kJournalVersion},
            {"run", run.str()},
            {"number", record.number},
            {"writer", record.writer},
            {"entries", std::move(entries)},
        },
        previous_sum);
}

Result<Opened<SpecRecord>> decode_spec(std::string_view text, const RunId& run) {
    return open_spec(text, run).with("the spec of run " + run.str());
}

Result<Opened<Record>> decode_record(std::string_view text, const Place& place) {
    return open_record(text, place)
        .with("journal entry " + std::to_string(place.number) + " of run " + place.run.str());
}

}  // namespace muster::workflow
