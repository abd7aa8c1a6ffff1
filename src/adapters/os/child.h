#pragma once

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <string>
#include <vector>

#include "adapters/os/spawn.h"
#include "base/event.h"
#include "base/time.h"

namespace muster::adapters {

/// Watches one started program: reads its output, sees its end, kills its group when told to. All
/// calls and handlers run on one executor. Handlers hold it by shared_ptr, since a descriptor's
/// handler may run after the task that waited is gone.
class Child : public std::enable_shared_from_this<Child> {
  public:
    struct Limits {
        std::size_t max_output = 0;
        bool is_daemon = false;  ///< Output is a file; only the program's own end counts.
    };
    Child(const Executor& executor, Spawned spawned, Limits limits);
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;
    /// Kills the group when the program was not seen to end.
    ~Child();

    /// Starts reading; calls `stop` after `time_left`.
    void start(Duration time_left);
    /// SIGTERM to the group; SIGKILL 500 ms later, or as soon as the program itself has ended.
    void stop();
    /// Nothing more will come: it has ended and its output is read, or it can't be ended at all.
    [[nodiscard]] bool is_finished() const { return is_finished_; }
    /// `stop` was needed.
    [[nodiscard]] bool was_stopped() const { return is_stopping_; }
    /// Even SIGKILL did not end it in time (it hangs in the kernel).
    [[nodiscard]] bool is_stuck() const { return !has_ended_; }

    /// Its exit code, 128 + signal when a signal ended it. Reaps it; call once, when finished.
    int exit_code();
    [[nodiscard]] const std::string& output() const { return output_.text; }
    [[nodiscard]] const std::string& error() const { return error_.text; }
    [[nodiscard]] bool is_cut() const { return output_.is_cut || error_.is_cut; }
    /// Waits for the next change; look at is_finished() again. kCancelled when told to stop.
    Task<> changed() { return changed_.wait(); }

  private:
    struct Stream {
        explicit Stream(const Executor& executor) : descriptor(executor) {}
        boost::asio::posix::stream_descriptor descriptor;
        std::string text;
        std::vector<char> buffer;
        bool is_cut = false;
        bool is_open = false;
    };
    void read(Stream& stream);
    void keep(Stream& stream, std::size_t count);
    void read_file(Stream& stream, int file) const;
    void ended();
    void after(Duration delay, void (Child::*action)());
    void kill_group();
    void give_up();
    void look();

    pid_t pid_;
    Limits limits_;
    UniqueFd output_file_;
    UniqueFd error_file_;
    boost::asio::posix::stream_descriptor process_;
    Stream output_;
    Stream error_;
    boost::asio::steady_timer timer_;
    Event changed_;
    bool has_ended_ = false;
    bool is_stopping_ = false;
    bool is_killed_ = false;
    bool is_finished_ = false;
    bool is_reaped_ = false;
};

}  // namespace muster::adapters
