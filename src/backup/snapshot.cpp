#include "backup/snapshot.h"

#include <array>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <limits>
#include <tuple>

namespace muster::backup {
namespace {

namespace json = boost::json;

struct Count {
    std::string_view name;
    std::uint64_t BackupSummary::* value;
};
constexpr std::array kCounts{
    Count{"files_new", &BackupSummary::files_new},
    Count{"files_changed", &BackupSummary::files_changed},
    Count{"files_unmodified", &BackupSummary::files_unmodified},
    Count{"dirs_new", &BackupSummary::dirs_new},
    Count{"dirs_changed", &BackupSummary::dirs_changed},
    Count{"dirs_unmodified", &BackupSummary::dirs_unmodified},
    Count{"data_blobs", &BackupSummary::data_blobs},
    Count{"tree_blobs", &BackupSummary::tree_blobs},
    Count{"data_added", &BackupSummary::data_added},
    Count{"data_added_packed", &BackupSummary::data_added_packed},
    Count{"total_files_processed", &BackupSummary::total_files_processed},
    Count{"total_bytes_processed", &BackupSummary::total_bytes_processed},
};

/// Writes the fields of one JSON object, one after the other.
class ObjectWriter {
  public:
    explicit ObjectWriter(std::string& out) : out_(out) { out_.push_back('{'); }

    void begin(std::string_view name) {
        if (!is_first_) {
            out_.push_back(',');
        }
        is_first_ = false;
        append_json_string(out_, name);
        out_.push_back(':');
    }
    void time(std::string_view name, const GoTime& value) {
        begin(name);
        out_.push_back('"');
        append_time(out_, value);
        out_.push_back('"');
    }
    void id(std::string_view name, const ObjectId& value) {
        begin(name);
        append_json_string(out_, value.hex());
    }
    void optional_id(std::string_view name, const std::optional<ObjectId>& value) {
        if (value) {
            id(name, *value);
        }
    }
    /// Left out when empty, as Go's omitempty; so are the others called optional.
    void optional_text(std::string_view name, std::string_view value) {
        if (!value.empty()) {
            begin(name);
            append_json_string(out_, value);
        }
    }
    void number(std::string_view name, std::uint64_t value) {
        begin(name);
        out_ += std::to_string(value);
    }
    void optional_number(std::string_view name, std::uint64_t value) {
        if (value != 0) {
            number(name, value);
        }
    }
    void texts(std::string_view name, const std::vector<std::string>& values) {
        begin(name);
        out_.push_back('[');
        for (std::size_t i = 0; i < values.size(); ++i) {
            if (i > 0) {
                out_.push_back(',');
            }
            append_json_string(out_, values[i]);
        }
        out_.push_back(']');
    }
    void optional_texts(std::string_view name, const std::vector<std::string>& values) {
        if (!values.empty()) {
            texts(name, values);
        }
    }
    void end() { out_.push_back('}'); }

  private:
    std::string& out_;
    bool is_first_ = true;
};

void append_summary(std::string& out, const BackupSummary& summary) {
    ObjectWriter writer(out);
    writer.time("backup_start", summary.backup_start);
    writer.time("backup_end", summary.backup_end);
    for (const auto& count : kCounts) {
        writer.number(count.name, summary.*count.value);
    }
    writer.end();
}

Error bad_field(std::string_view name, std::string_view expected) {
    return {Errc::kCorrupt, "the field " + std::string(name) + " is not " + std::string(expected)};
}

/// Reads fields of one JSON object; a field that is null counts as missing, as in Go.
class ObjectReader {
  public:
    explicit ObjectReader(const json::object& object) : object_(object) {}

    [[nodiscard]] const json::value* find(std::string_view name) const {
        const auto* const value = object_.if_contains(name);
        return value == nullptr || value->is_null() ? nullptr : value;
    }
    Result<> read(std::string_view name, std::string& into) const {
        const auto* const value = find(name);
        if (value == nullptr) {
            return {};
        }
        if (!value->is_string()) {
            return bad_field(name, "a text");
        }
        into = value->get_string();
        return {};
    }
    Result<> read(std::string_view name, std::vector<std::string>& into) const {
        const auto* const value = find(name);
        if (value == nullptr) {
            return {};
        }
        if (!value->is_array()) {
            return bad_field(name, "a list of texts");
        }
        for (const auto& item : value->get_array()) {
            if (!item.is_string()) {
                return bad_field(name, "a list of texts");
            }
            into.emplace_back(item.get_string());
        }
        return {};
    }
    Result<> read(std::string_view name, GoTime& into) const {
        if (find(name) == nullptr) {
            return {};
        }
        std::string text;
        TRY_OK(read(name, text));
        TRY(into, parse_time(text).with("in the field " + std::string(name)));
        return {};
    }
    Result<> read(std::string_view name, std::optional<ObjectId>& into) const {
        if (find(name) == nullptr) {
            return {};
        }
        std::string text;
        TRY_OK(read(name, text));
        auto id = ObjectId::parse(text);
        if (!id) {
            return bad_field(name, "an id of 64 lower case hexadecimal digits");
        }
        into = *id;
        return {};
    }
    template <class Number>
    Result<> read_number(std::string_view name, Number& into) const {
        const auto* const value = find(name);
        if (value == nullptr) {
            return {};
        }
        boost::system::error_code failure;
        const auto number = value->to_number<Number>(failure);
        if (failure || value->is_double()) {
            return bad_field(name, "a whole number from 0 to " +
                                       std::to_string(std::numeric_limits<Number>::max()));
        }
        into = number;
        return {};
    }

  private:
    const json::object& object_;
};

Result<> read_summary(const ObjectReader& snapshot, std::optional<BackupSummary>& into) {
    const auto* const value = snapshot.find("summary");
    if (value == nullptr) {
        return {};
    }
    if (!value->is_object()) {
        return bad_field("summary", "an object");
    }
    const ObjectReader reader(value->get_object());
    BackupSummary summary;
    TRY_OK(reader.read("backup_start", summary.backup_start));
    TRY_OK(reader.read("backup_end", summary.backup_end));
    for (const auto& count : kCounts) {
        TRY_OK(reader.read_number(count.name, summary.*count.value));
    }
    into = summary;
    return {};
}

Result<Snapshot> read_snapshot(const ObjectReader& reader) {
    if (reader.find("time") == nullptr || reader.find("tree") == nullptr) {
        return Error(Errc::kCorrupt, "it has no time or no tree");
    }
    Snapshot snapshot;
    std::optional<ObjectId> tree;
    TRY_OK(reader.read("time", snapshot.time));
    TRY_OK(reader.read("parent", snapshot.parent));
    TRY_OK(reader.read("tree", tree));
    TRY_OK(reader.read("paths", snapshot.paths));
    TRY_OK(reader.read("hostname", snapshot.hostname));
    TRY_OK(reader.read("username", snapshot.username));
    TRY_OK(reader.read_number("uid", snapshot.uid));
    TRY_OK(reader.read_number("gid", snapshot.gid));
    TRY_OK(reader.read("excludes", snapshot.excludes));
    TRY_OK(reader.read("tags", snapshot.tags));
    TRY_OK(reader.read("original", snapshot.original));
    TRY_OK(reader.read("program_version", snapshot.program_version));
    TRY_OK(read_summary(reader, snapshot.summary));
    snapshot.tree = tree.value_or(ObjectId{});
    return snapshot;
}

}  // namespace

WallTime Snapshot::wall() const {
    return WallTime(std::chrono::seconds(time.seconds)) +
           std::chrono::microseconds(time.nanoseconds / 1000);
}

bool Snapshot::is_newer_than(const Snapshot& other) const {
    const auto key = [](const Snapshot& of) {
        return std::tuple(of.time.seconds, of.time.nanoseconds, of.id);
    };
    return key(*this) > key(other);
}

std::string encode_snapshot(const Snapshot& snapshot) {
    std::string out;
    ObjectWriter writer(out);
    writer.time("time", snapshot.time);
    writer.optional_id("parent", snapshot.parent);
    writer.id("tree", snapshot.tree);
    writer.texts("paths", snapshot.paths);
    writer.optional_text("hostname", snapshot.hostname);
    writer.optional_text("username", snapshot.username);
    writer.optional_number("uid", snapshot.uid);
    writer.optional_number("gid", snapshot.gid);
    writer.optional_texts("excludes", snapshot.excludes);
    writer.optional_texts("tags", snapshot.tags);
    writer.optional_id("original", snapshot.original);
    writer.optional_text("program_version", snapshot.program_version);
    if (snapshot.summary) {
        writer.begin("summary");
        append_summary(out, *snapshot.summary);
    }
    writer.end();
    return out;
}

Result<Snapshot> decode_snapshot(std::string_view json, const ObjectId& id) {
    const std::string context = "while reading the snapshot " + id.brief();
    boost::system::error_code failure;
    const auto value = json::parse(json, failure);
    if (failure || !value.is_object()) {
        return Error(Errc::kCorrupt, context + ": it is not a JSON object");
    }
    TRY(auto snapshot, read_snapshot(ObjectReader(value.get_object())).with(context));
    snapshot.id = id;
    return snapshot;
}

}  // namespace muster::backup
