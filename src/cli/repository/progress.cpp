#include "cli/repository/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <iostream>
#include <string_view>
#include <utility>

namespace muster::cli {

namespace {

constexpr double kMostPerSecond = 60;  // As restic.

/// What the environment asks for; 0: nothing.
double wanted_per_second() {
    for (const char* const name : {"MUSTER_PROGRESS_FPS", "RESTIC_PROGRESS_FPS"}) {
        const char* const text = std::getenv(name);  // NOLINT: nobody sets it
        if (text == nullptr || *text == '\0') {
            continue;
        }
        char* end = nullptr;
        const double rate = std::strtod(text, &end);
        return *end == '\0' && std::isfinite(rate) ? std::clamp(rate, 0.0, kMostPerSecond) : 0;
    }
    return 0;
}

/// As many characters as the terminal shows in a line: a longer one could not be erased.
std::string fit(std::string line) {
    winsize size{};
    if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1) {
        line.resize(std::min<std::size_t>(line.size(), size.ws_col - 1U));
    }
    return line;
}

/// Whether a shell has put the command into the background: then it leaves the terminal alone.
bool is_in_background() {
    const auto group = ::tcgetpgrp(STDOUT_FILENO);
    return group > 0 && group != ::getpgrp();
}

}  // namespace

bool is_live_terminal(const Streams& streams) {
    const char* const kind = std::getenv("TERM");  // NOLINT: nobody sets it
    return &streams.out == &std::cout && ::isatty(STDOUT_FILENO) == 1 && kind != nullptr &&
           std::string_view(kind) != "" && std::string_view(kind) != "dumb";
}

Progress::Kind Progress::choose_kind(const Session& session, const Streams& streams) {
    if (session.options().is_quiet) {
        return Kind::kNone;
    }
    if (streams.is_json) {
        return Kind::kJson;
    }
    if (is_live_terminal(streams)) {
        return Kind::kTerminal;
    }
    return wanted_per_second() > 0 ? Kind::kLines : Kind::kNone;
}

Progress::Progress(Session& session)
    : session_(session),
      kind_(choose_kind(session, session.streams())),
      begun_(session.host().now()) {
    const double usual = kind_ == Kind::kJson ? kMostPerSecond : 1;
    const double wanted = wanted_per_second();
    interval_ = std::chrono::duration_cast<Duration>(
        std::chrono::duration<double>(1 / (wanted > 0 ? wanted : usual)));
}

Progress::~Progress() {
    stop();
}

void Progress::start(Look look, Encode encode) {
    if (!is_shown()) {
        return;
    }
    look_ = std::move(look);
    encode_ = std::move(encode);
    meter_.add(session_.host().now(), look_().done.bytes);
    ticker_ = std::jthread([this](const std::stop_token& stop) { tick(stop); });
}

void Progress::find_total(Scan scan) {
    if (is_shown() && scan) {
        scanner_ = std::jthread([this, scan = std::move(scan)](const std::stop_token& stop) {
            is_total_known_ = scan(found_, stop);
        });
    }
}

void Progress::set_total(Amount total) {
    found_.entries = total.files;
    found_.bytes = total.bytes;
    is_total_known_ = true;
}

void Progress::stop() {
    scanner_ = {};  // Asks it to stop, and waits.
    ticker_ = {};
    const std::scoped_lock lock(mutex_);
    erase();
}

void Progress::print(const std::function<void()>& body) {
    const std::scoped_lock lock(mutex_);
    erase();
    body();
}

void Progress::tick(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    while (!ended_.wait_for(lock, stop, interval_, [] { return false; }) &&
           !stop.stop_requested()) {
        show();
    }
}

void Progress::show() {
    const Instant now = session_.host().now();
    ProgressFigures figures = look_();
    meter_.add(now, figures.done.bytes);
    figures.elapsed = now - begun_;
    figures.bytes_per_second = meter_.per_second();
    if (is_total_known_) {
        figures.total = Amount{found_.entries, found_.bytes};
    }
    auto& out = session_.streams().out;
    if (kind_ == Kind::kJson) {
        out << encode_(figures) << std::endl;  // NOLINT: somebody waits for it
    } else if (kind_ == Kind::kLines) {
        out << progress_line(figures) << std::endl;  // NOLINT
    } else if (!is_in_background()) {
        out << "\r" << fit(progress_line(figures)) << "\x1b[K" << std::flush;
        is_line_there_ = true;
    }
}

void Progress::erase() {
    if (std::exchange(is_line_there_, false)) {
        session_.streams().out << "\r\x1b[K" << std::flush;
    }
}

}  // namespace muster::cli
