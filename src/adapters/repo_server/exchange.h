#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include "adapters/repo_server/accounts.h"
#include "adapters/repo_server/log_limit.h"
#include "adapters/repo_server/quota.h"
#include "adapters/repo_server/repo_folder.h"
#include "adapters/repo_server/repo_server.h"
#include "adapters/repo_server/request.h"
#include "adapters/repo_server/response.h"
#include "adapters/repo_server/upload.h"

namespace muster::adapters::repo_server {

/// What all connections of one server share.
struct Shared {
    const Options options;
    Clock& clock;
    Log& log;
    std::unique_ptr<Accounts> accounts;  ///< None: no account is asked for.
    std::unique_ptr<Quota> quota;        ///< None: no limit.
    std::atomic<bool> is_stopping = false;
    LogLimit denied{clock};
    LogLimit kept{clock};
    LogLimit full{clock};
    LogLimit crowded{clock};

    Shared(Options with, Clock& with_clock, Log& with_log)
        : options(std::move(with)), clock(with_clock), log(with_log) {}
};

/// One request and its answer. What it returns is how the connection fared; every refusal is an
/// answer.
class Exchange {
  public:
    struct Ends {
        RequestReader& reader;
        ResponseWriter& writer;
        const std::string& peer;  ///< For the log.
    };

    Exchange(Shared& shared, Ends ends, const RequestHead& head)
        : shared_(shared), ends_(ends), head_(head) {}

    Result<> answer();

  private:
    /// How an upload ended.
    struct Outcome {
        int status = 200;
        bool is_over_quota = false;
        std::optional<Error> error = {};  ///< Says the status, if there is one.
    };

    [[nodiscard]] bool is_admitted(Credentials* credentials);
    Result<> answer_repository(const Target& target, const RepoFolder& folder);
    Result<> answer_object(const Target& target, const RepoFolder& folder);
    Result<> list(ObjectType type, const RepoFolder& folder);
    Result<> get(const Target& target, const RepoFolder& folder);
    Result<> tell_size(const Target& target, const RepoFolder& folder);
    Result<> save(const Target& target, const RepoFolder& folder);
    Result<> remove(const Target& target, const RepoFolder& folder);
    [[nodiscard]] Outcome receive(const Target& target, const RepoFolder& folder);
    [[nodiscard]] Outcome receive_body(ObjectType type, Upload& upload, Reservation& reservation);
    Result<> status(int status);
    Result<> not_allowed(const std::string& methods);
    Result<> refuse(const Error& error);
    Result<> refuse_full(const RepoFolder& folder);
    [[nodiscard]] std::uint64_t most_bytes(ObjectType type) const;

    Shared& shared_;
    Ends ends_;
    const RequestHead& head_;
};

}  // namespace muster::adapters::repo_server
