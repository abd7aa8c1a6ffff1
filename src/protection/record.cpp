#include "protection/record.h"

#include <boost/json.hpp>

#include "workflow/json_reader.h"

namespace muster::protection {
namespace {

namespace json = boost::json;
using workflow::JsonReader;

std::int64_t micros(WallTime time) {
    return time.time_since_epoch().count();
}

void put(json::object& out, std::string_view key, const std::optional<WallTime>& time) {
    if (time) {
        out[key] = micros(*time);
    }
}

json::object encode_extent(const Extent& extent) {
    return {{"files", extent.files}, {"bytes", extent.bytes.bytes}};
}

Extent decode_extent(JsonReader& reader) {
    return {reader.integer("files"), ByteCount{reader.integer("bytes")}};
}

void put(json::object& out, std::string_view key, const std::optional<Taken>& taken) {
    if (!taken) {
        return;
    }
    out[key] = json::object{{"snapshot", taken->snapshot},
                            {"at", micros(taken->at)},
                            {"site", taken->site.str()},
                            {"epoch", taken->epoch.value},
                            {"extent", encode_extent(taken->extent)},
                            {"added", taken->added.bytes},
                            {"took_ns", taken->took.count()}};
}

void put(json::object& out, std::string_view key, const Trouble& trouble) {
    if (trouble.failures > 0) {
        out[key] = json::object{{"failures", trouble.failures},
                                {"retry_at", micros(trouble.retry_at)},
                                {"error", trouble.error}};
    }
}

class Decoder {
  public:
    explicit Decoder(const json::value& value) : reader_(value, "a record of backups") {}

    JsonReader& reader() { return reader_; }

    std::optional<Taken> taken(std::string_view key) {
        if (!reader_.has(key)) {
            return std::nullopt;
        }
        const json::value value = reader_.object(key);
        JsonReader part(value, key);
        Taken taken;
        taken.snapshot = part.text("snapshot");
        taken.at = part.wall("at");
        taken.site = SiteId(part.text("site"));
        taken.epoch = Epoch{static_cast<std::uint64_t>(part.integer("epoch"))};
        const json::value extent = part.object("extent");
        JsonReader inner(extent, "extent");
        taken.extent = decode_extent(inner);
        taken.added = ByteCount{part.integer("added")};
        taken.took = part.duration("took_ns");
        note(part);
        note(inner);
        return taken;
    }

    Trouble trouble(std::string_view key) {
        Trouble trouble;
        if (reader_.has(key)) {
            const json::value value = reader_.object(key);
            JsonReader part(value, key);
            trouble.failures = static_cast<int>(part.integer("failures"));
            trouble.retry_at = part.wall("retry_at");
            trouble.error = part.text("error");
            note(part);
        }
        return trouble;
    }

    void note(const JsonReader& part) {
        if (!part.status()) {
            reader_.fail(part.status().error().message());
        }
    }

  private:
    JsonReader reader_;
};

Result<json::value> parse(const std::string& text) {
    boost::system::error_code failure;
    auto value = json::parse(text, failure);
    if (failure) {
        return Error{Errc::kCorrupt, "a record of backups is no JSON"};
    }
    return value;
}

}  // namespace

std::string JobId::str() const {
    return service.str() + "/" + component.str() + " to " + repository;
}

std::string key_of(const JobId& job) {
    return std::string(kJobsPrefix) + job.service.str() + "/" + job.component.str() + "/" +
           job.repository;
}

std::string repository_key(const std::string& repository) {
    return std::string(kRepositoriesPrefix) + repository;
}

std::string encode(const JobRecord& record) {
    json::object out;
    out["first_seen"] = micros(record.first_seen);
    put(out, "covered", record.covered);
    put(out, "good", record.good);
    put(out, "verified", record.verified);
    put(out, "tried", record.tried);
    put(out, "doubtful", record.doubtful);
    out["doubt"] = record.doubt;
    json::array extents;
    for (const auto& extent : record.extents) {
        extents.push_back(encode_extent(extent));
    }
    out["extents"] = std::move(extents);
    put(out, "full", record.full);
    put(out, "backup", record.backup);
    put(out, "trial", record.trial);
    put(out, "forget", record.forget);
    out["failures"] = record.failures;
    out["is_forget_held"] = record.is_forget_held;
    return json::serialize(out);
}

std::string encode(const RepositoryRecord& record) {
    json::object out;
    out["first_seen"] = micros(record.first_seen);
    put(out, "checked", record.checked);
    put(out, "pruned", record.pruned);
    put(out, "check", record.check);
    put(out, "prune", record.prune);
    return json::serialize(out);
}

Result<JobRecord> decode_job(const std::string& text) {
    TRY(const auto value, parse(text));
    Decoder decoder(value);
    auto& reader = decoder.reader();
    JobRecord record;
    record.first_seen = reader.wall("first_seen");
    record.covered = reader.maybe_wall("covered");
    record.good = decoder.taken("good");
    record.verified = decoder.taken("verified");
    record.tried = reader.maybe_wall("tried");
    record.doubtful = decoder.taken("doubtful");
    record.doubt = reader.text("doubt");
    for (const auto& entry : reader.array("extents")) {
        JsonReader part(entry, "extents");
        record.extents.push_back(decode_extent(part));
        decoder.note(part);
    }
    record.full = reader.maybe_wall("full");
    record.backup = decoder.trouble("backup");
    record.trial = decoder.trouble("trial");
    record.forget = decoder.trouble("forget");
    record.failures = reader.integer("failures");
    record.is_forget_held = reader.flag("is_forget_held");
    TRY_OK(reader.status());
    return record;
}

Result<RepositoryRecord> decode_repository(const std::string& text) {
    TRY(const auto value, parse(text));
    Decoder decoder(value);
    auto& reader = decoder.reader();
    RepositoryRecord record;
    record.first_seen = reader.wall("first_seen");
    record.checked = reader.maybe_wall("checked");
    record.pruned = reader.maybe_wall("pruned");
    record.check = decoder.trouble("check");
    record.prune = decoder.trouble("prune");
    TRY_OK(reader.status());
    return record;
}

}  // namespace muster::protection
