#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <ostream>
#include <stop_token>
#include <thread>

#include "backup/archive/scan.h"
#include "cli/repository/progress_text.h"
#include "cli/repository/session.h"

namespace muster::cli {

/// Whether a person sees the standard output, on a terminal whose lines can be erased.
bool is_live_terminal(const Streams& streams);

/// Shows how far a command is, from a thread of its own: on a terminal one line that is written
/// over each second, with `--json` lines of restic's type "status", 60 a second as restic. The
/// variable MUSTER_PROGRESS_FPS or RESTIC_PROGRESS_FPS sets another rate, and asks for plain lines
/// where there is no terminal. Nothing when quiet.
class Progress {
  public:
    /// `done` and `problems`; the rest is filled in here.
    using Look = std::function<ProgressFigures()>;
    /// A line of JSON, without its end.
    using Encode = std::function<std::string(const ProgressFigures&)>;
    /// Counts what there is to do; false when it did not come to the end.
    using Scan = std::function<bool(backup::ScanCounts&, const std::stop_token&)>;

    explicit Progress(Session& session);
    ~Progress();
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;

    [[nodiscard]] bool is_shown() const { return kind_ != Kind::kNone; }
    [[nodiscard]] Duration elapsed() const { return session_.host().now() - begun_; }

    /// From now on, until `stop`. Nothing happens when nothing is to be shown.
    void start(Look look, Encode encode);
    /// Finds out the total beside the work; an empty function: it stays unknown.
    void find_total(Scan scan);
    /// It is known already.
    void set_total(Amount total);
    /// Erases the line for good.
    void stop();
    /// Prints something else meanwhile, one thread at a time.
    void print(const std::function<void()>& body);

  private:
    enum class Kind { kNone, kTerminal, kLines, kJson };

    static Kind choose_kind(const Session& session, const Streams& streams);
    void tick(const std::stop_token& stop);
    void show();
    void erase();

    Session& session_;
    Kind kind_;
    Duration interval_;
    Instant begun_;
    Look look_;
    Encode encode_;
    RateMeter meter_;
    backup::ScanCounts found_;
    std::atomic<bool> is_total_known_{false};
    std::mutex mutex_;  // For all that is printed.
    std::condition_variable_any ended_;
    bool is_line_there_ = false;
    std::jthread scanner_;  // Last: they use all of the above.
    std::jthread ticker_;
};

}  // namespace muster::cli
