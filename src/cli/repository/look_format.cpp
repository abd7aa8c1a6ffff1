#include "cli/repository/look_format.h"

#include "backup/format/go_json.h"
#include "base/units.h"
#include "cli/terminal_text.h"

namespace muster::cli {

namespace {

std::string padded(std::string text, std::size_t width) {
    return std::string(text.size() < width ? width - text.size() : 0, ' ') + text;
}

/// Writes JSON again with breaks and indents.
class Indenter {
  public:
    explicit Indenter(std::string_view json) : json_(json) {}

    std::string run() {
        for (std::size_t i = 0; i < json_.size(); ++i) {
            const char c = json_[i];
            if (is_in_text_) {
                out_ += c;
                is_in_text_ = is_escaped_ || c != '"';
                is_escaped_ = !is_escaped_ && c == '\\';
            } else if (c > ' ') {  // White space between tokens is made anew.
                take(c, i);
            }
        }
        return out_;
    }

  private:
    void take(char c, std::size_t at) {
        if (c == '{' || c == '[') {
            ++depth_;
            out_ += c;
            break_unless_empty(at);
        } else if (c == '}' || c == ']') {
            --depth_;
            if (out_.back() != '{' && out_.back() != '[') {
                break_line();
            }
            out_ += c;
        } else {
            out_ += c;
            is_in_text_ = c == '"';
            if (c == ':') {
                out_ += ' ';
            } else if (c == ',') {
                break_line();
            }
        }
    }
    void break_unless_empty(std::size_t at) {
        const auto next = json_.find_first_not_of(" \t\r\n", at + 1);
        if (next != std::string_view::npos && json_[next] != '}' && json_[next] != ']') {
            break_line();
        }
    }
    void break_line() {
        out_ += '\n';
        out_.append(2 * depth_, ' ');
    }

    std::string_view json_;
    std::string out_;
    std::size_t depth_ = 0;
    bool is_in_text_ = false;
    bool is_escaped_ = false;
};

}  // namespace

void JsonLine::begin(std::string_view name) {
    if (out_.size() > 1) {
        out_ += ',';
    }
    backup::append_json_string(out_, name);
    out_ += ':';
}

JsonLine& JsonLine::text(std::string_view name, std::string_view value) {
    begin(name);
    backup::append_json_string(out_, value);
    return *this;
}

JsonLine& JsonLine::number(std::string_view name, std::uint64_t value) {
    return raw(name, std::to_string(value));
}

JsonLine& JsonLine::flag(std::string_view name, bool value) {
    return raw(name, value ? "true" : "false");
}

JsonLine& JsonLine::raw(std::string_view name, std::string_view json) {
    begin(name);
    out_ += json;
    return *this;
}

std::string json_texts(std::span<const std::string> texts) {
    if (texts.empty()) {
        return "null";
    }
    std::string out;
    for (const auto& text : texts) {
        out += out.empty() ? '[' : ',';
        backup::append_json_string(out, text);
    }
    return out + "]";
}

std::string json_list(std::span<const std::string> items) {
    std::string out = "[";
    for (const auto& item : items) {
        out += out.size() > 1 ? "," : "";
        out += item;
    }
    return out + "]";
}

std::string indent_json(std::string_view json) {
    return Indenter(json).run();
}

std::string snapshot_json_head(const backup::Snapshot& snapshot) {
    std::string json = backup::encode_snapshot(snapshot);
    json.resize(json.rfind('}'));
    return json + R"(,"id":")" + snapshot.id.hex() + R"(","short_id":")" + snapshot.id.brief() +
           '"';
}

std::string local_time(const backup::Host& host, std::int64_t unix_seconds) {
    constexpr std::size_t kDateAndTime = 19;
    std::string text;
    backup::append_time(text, unix_seconds, 0, host.utc_offset(unix_seconds));
    text.resize(kDateAndTime);
    text[10] = ' ';
    return text;
}

std::string spaced(std::span<const std::string> texts) {
    std::string out;
    for (const auto& text : texts) {
        out += (out.empty() ? "" : " ") + text;
    }
    return "[" + out + "]";
}

std::string snapshot_line(const backup::Snapshot& snapshot, const backup::Host& host,
                          const Streams& streams) {
    return "snapshot " + snapshot.id.brief() + " of " + shown(spaced(snapshot.paths), streams) +
           " at " + local_time(host, snapshot.time.seconds) + " by " +
           shown(snapshot.username + "@" + snapshot.hostname, streams);
}

std::string local_rfc3339(const backup::Host& host, const backup::NodeTime& time) {
    std::string text;
    backup::append_time(text, time.seconds, time.nanoseconds, host.utc_offset(time.seconds));
    return text;
}

std::string mode_text(std::uint32_t go_mode) {
    // Go's os.FileMode.String: the bits from the highest down.
    constexpr std::string_view kKinds = "dalTLDpSugct?";
    constexpr std::string_view kPermissions = "rwxrwxrwx";
    constexpr unsigned kHighest = 31;
    std::string text;
    for (std::size_t i = 0; i < kKinds.size(); ++i) {
        if (((go_mode >> (kHighest - i)) & 1U) != 0) {
            text += kKinds[i];
        }
    }
    if (text.empty()) {
        text = "-";
    }
    for (std::size_t i = 0; i < kPermissions.size(); ++i) {
        const auto bit = kPermissions.size() - 1 - i;
        text += ((go_mode >> bit) & 1U) != 0 ? kPermissions[i] : '-';
    }
    return text;
}

std::string long_line(const backup::Host& host, const backup::Node& node, const std::string& path,
                      bool is_human_readable) {
    const std::string size =
        is_human_readable ? padded(human_size(ByteCount{static_cast<std::int64_t>(node.size)}), 11)
                          : padded(std::to_string(node.size), 6);
    return mode_text(node.mode) + " " + padded(std::to_string(node.uid), 5) + " " +
           padded(std::to_string(node.gid), 5) + " " + size + " " +
           local_time(host, node.mtime.seconds) + " " + path;
}

}  // namespace muster::cli
