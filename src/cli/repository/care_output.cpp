#include "cli/repository/care_output.h"

#include "backup/format/go_json.h"
#include "base/units.h"
#include "cli/repository/progress.h"
#include "cli/terminal_text.h"

namespace muster::cli {

namespace {

constexpr Duration kProgressEvery = std::chrono::seconds(1);

}  // namespace

std::string quoted(const std::string& text) {
    std::string out;
    backup::append_json_string(out, text);
    return out;
}

std::string id_list(const std::vector<backup::ObjectId>& ids) {
    if (ids.empty()) {
        return "null";
    }
    std::string out = "[";
    for (const auto& id : ids) {
        out += (out.size() > 1 ? ",\"" : "\"") + id.hex() + "\"";
    }
    return out + "]";
}

std::string size_text(std::uint64_t bytes) {
    return human_size(ByteCount{static_cast<std::int64_t>(bytes)});
}

std::string counted(std::uint64_t count, const std::string& what) {
    return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

CareOutput::CareOutput(Session& session)
    : session_(session),
      is_live_(!session.streams().is_json && !session.options().is_quiet &&
               is_live_terminal(session.streams())),
      shown_(session.host().now()) {
}

void CareOutput::clear_progress() {
    if (is_progress_shown_) {
        session_.streams().out << "\r\x1b[K";
        is_progress_shown_ = false;
    }
}

void CareOutput::say(const std::string& line) {
    clear_progress();
    if (!is_json() && !session_.options().is_quiet) {
        session_.streams().out << (is_terminal(session_.streams()) ? printable_lines(line) : line)
                               << std::endl;  // NOLINT: a person watches
    }
}

void CareOutput::murmur(const std::string& line) {
    if (session_.options().verbosity > 0) {
        say(line);
    }
}

void CareOutput::note(const std::string& line) {
    say(line);
}

void CareOutput::error(const Error& error) {
    clear_progress();
    if (is_json()) {
        session_.streams().err << R"({"message_type":"error","message":)" << quoted(error.message())
                               << "}\n";
    } else {
        session_.streams().err << "error: " << printable_lines(error.message()) << "\n";
    }
}

void CareOutput::progress(const std::string& what, std::uint64_t done, std::uint64_t all) {
    const Instant now = session_.host().now();
    if (!is_live_) {
        return;
    }
    if (what != what_) {
        what_ = what;
        meter_ = {};
    }
    meter_.add(now, done);
    if (now - shown_ < kProgressEvery) {
        return;
    }
    shown_ = now;
    is_progress_shown_ = true;
    ProgressFigures figures;
    figures.done.bytes = done;
    figures.total = Amount{0, all};
    figures.bytes_per_second = meter_.per_second();
    session_.streams().out << "\r" << count_line(what, figures) << "\x1b[K" << std::flush;
}

}  // namespace muster::cli
