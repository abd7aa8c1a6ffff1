#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "adapters/os/unique_fd.h"
#include "base/fields.h"
#include "base/result.h"
#include "base/time.h"

namespace muster::adapters {

/// A program that is talked to through its standard input and output; what it says on its standard
/// error is kept for messages. It stays in our process group, so that ssh may ask a person for a
/// password, and ends when we do.
class PipeProcess {
  public:
    /// kNotFound, kDenied (no such program), kUnavailable (no process or descriptor left).
    static Result<std::unique_ptr<PipeProcess>> start(std::vector<std::string> argv,
                                                      const Fields& environment);
    PipeProcess(const PipeProcess&) = delete;
    PipeProcess& operator=(const PipeProcess&) = delete;
    /// Kills it.
    ~PipeProcess();

    /// Sends what it takes of `out` from `sent` on, and appends what has arrived to `in`; waits
    /// until one of both went on. kTimedOut after `patience`, kUnavailable when it has ended.
    Result<> move(const std::string& out, std::size_t& sent, std::string& in, Duration patience);
    /// It has neither ended nor said something unasked.
    [[nodiscard]] bool is_quiet() const;
    /// The last line of its standard error, cleaned; may be empty.
    [[nodiscard]] std::string last_words() const;

  private:
    PipeProcess(pid_t pid, UniqueFd channel, UniqueFd error);
    [[nodiscard]] Error ended() const;

    pid_t pid_;
    UniqueFd channel_;
    UniqueFd error_;
};

}  // namespace muster::adapters
