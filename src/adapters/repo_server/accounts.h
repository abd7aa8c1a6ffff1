#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <semaphore>
#include <string>
#include <string_view>

#include "adapters/repo_server/password.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/result.h"

namespace muster::adapters::repo_server {

/// Reads an htpasswd file's text into accounts and their hashes. kInvalid with the line when there
/// is none, or one has a name or a hash that can't be served.
Result<std::map<std::string, std::string>> read_accounts(std::string_view text);

/// The accounts of an htpasswd file. The file is read again when it changed, and on `reload()`; one
/// that can't be read leaves the accounts as they were. From any thread.
class Accounts {
  public:
    /// kNotFound, kDenied or kInvalid when the file can't be used.
    static Result<std::unique_ptr<Accounts>> load(const std::string& file, Clock& clock, Log& log);

    /// Whether the account exists and has this password. A password that was right is remembered
    /// for a minute as a keyed hash, since bcrypt is slow; at most two are checked at a time.
    bool verify(const Credentials& credentials);
    [[nodiscard]] bool has(const std::string& account);
    void reload();

  private:
    using Digest = std::array<unsigned char, 32>;
    struct Remembered {
        Digest digest;
        Instant until;
    };
    /// Tells one state of the file from another.
    struct Stamp {
        std::int64_t modified_ns = 0;
        std::int64_t size = 0;
        std::uint64_t inode = 0;
        bool operator==(const Stamp&) const = default;
    };

    Accounts(std::string file, Clock& clock, Log& log);
    [[nodiscard]] Digest digest_of(const Credentials& credentials) const;
    [[nodiscard]] Result<Stamp> stamp() const;
    Result<> read();
    void reload_if_changed();
    bool is_remembered(const Credentials& credentials, const Digest& digest);

    std::string file_;
    Clock& clock_;
    Log& log_;
    Digest key_{};
    std::counting_semaphore<2> places_{2};  // Guesses don't get the whole machine.
    std::mutex mutex_;                      // Guards all below.
    std::map<std::string, std::string> hashes_;
    std::map<std::string, Remembered> remembered_;
    Stamp read_;
    Instant looked_;
};

}  // namespace muster::adapters::repo_server
