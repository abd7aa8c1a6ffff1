#include "adapters/repo_server/accounts.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <sstream>
#include <system_error>
#include <utility>

#include "base/check.h"

namespace muster::adapters::repo_server {

namespace {

constexpr Duration kRememberTime = std::chrono::minutes(1);
constexpr Duration kLookEvery = std::chrono::seconds(1);
constexpr std::size_t kMostAccounts = 10'000;
constexpr std::size_t kLargestFile = 4U << 20U;
constexpr std::size_t kLongestName = 128;
constexpr const char* kMakeOne = "make one with: htpasswd -B -c FILE ACCOUNT";

// Letters beyond ASCII come as bytes above 0x7f. With --private-repos the name is a folder's.
bool is_account_name(std::string_view name) {
    return !name.empty() && name.size() <= kLongestName && !name.starts_with('.') &&
           std::ranges::all_of(name, [](unsigned char c) {
               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c >= 0x80 || std::string_view("@._-").contains(static_cast<char>(c));
           });
}

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view kSpace = " \t\r";
    const auto first = std::min(text.find_first_not_of(kSpace), text.size());
    text.remove_prefix(first);
    return text.substr(0, text.find_last_not_of(kSpace) + 1);
}

Error unusable(int number, const std::string& why, std::string hint) {
    return {Errc::kInvalid, "line " + std::to_string(number) + " " + why, std::move(hint)};
}

}  // namespace

Result<std::map<std::string, std::string>> read_accounts(std::string_view text) {
    std::map<std::string, std::string> accounts;
    for (int number = 1; !text.empty(); ++number) {
        const auto end = std::min(text.find('\n'), text.size());
        const auto line = trimmed(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
        if (line.empty() || line.starts_with('#')) {
            continue;
        }
        // The line itself may hold a password: it is never part of a message.
        const auto colon = line.find(':');
        if (colon == std::string_view::npos || !is_account_name(line.substr(0, colon))) {
            return unusable(number, "has no account's name",
                            "write ACCOUNT:HASH; names have letters, digits, \"@\", \".\", \"_\", "
                            "\"-\", and don't begin with a dot");
        }
        const auto rest = line.substr(colon + 1);
        const auto hash = rest.substr(0, rest.find(':'));
        if (!is_supported_hash(hash)) {
            return unusable(number,
                            "has a hash that is neither bcrypt (of a cost up to 17) nor {SHA}",
                            "make it with: htpasswd -B FILE ACCOUNT");
        }
        accounts.insert_or_assign(std::string(line.substr(0, colon)), std::string(hash));
        if (accounts.size() > kMostAccounts) {
            return unusable(number, "is beyond the most accounts, which is 10000", "");
        }
    }
    if (accounts.empty()) {
        return Error{Errc::kInvalid, "it has no account", kMakeOne};
    }
    return accounts;
}

Accounts::Accounts(std::string file, Clock& clock, Log& log)
    : file_(std::move(file)), clock_(clock), log_(log), looked_(clock.now()) {
    CHECK(RAND_bytes(key_.data(), static_cast<int>(key_.size())) == 1);
}

Result<std::unique_ptr<Accounts>> Accounts::load(const std::string& file, Clock& clock, Log& log) {
    std::unique_ptr<Accounts> accounts(new Accounts(file, clock, log));
    TRY_OK(accounts->read().with("while reading the accounts of " + file));
    return accounts;
}

Result<Accounts::Stamp> Accounts::stamp() const {
    struct stat entry{};
    if (::stat(file_.c_str(), &entry) != 0) {
        return Error{errno == ENOENT ? Errc::kNotFound : Errc::kDenied,
                     std::generic_category().message(errno), kMakeOne};
    }
    const std::int64_t seconds = entry.st_mtim.tv_sec;
    return Stamp{seconds * 1'000'000'000 + entry.st_mtim.tv_nsec, entry.st_size, entry.st_ino};
}

Result<> Accounts::read() {
    TRY(const auto state, stamp());
    std::ifstream stream(file_, std::ios::binary);
    std::ostringstream text;
    text << stream.rdbuf();
    if (!stream || text.str().size() > kLargestFile) {
        return Error{Errc::kDenied, "it can't be read, or is larger than 4 MiB",
                     "let the account that muster runs as read it"};
    }
    TRY(auto hashes, read_accounts(text.str()));
    const std::lock_guard lock(mutex_);
    hashes_ = std::move(hashes);
    remembered_.clear();
    read_ = state;
    return {};
}

void Accounts::reload() {
    const auto done = read();
    if (!done) {
        log_.error("repo.accounts_kept", {{"file", file_}, {"reason", done.error().message()}});
        return;
    }
    const std::lock_guard lock(mutex_);
    log_.info("repo.accounts_read", {{"file", file_}, {"accounts", hashes_.size()}});
}

void Accounts::reload_if_changed() {
    {
        const std::lock_guard lock(mutex_);
        if (clock_.now() - looked_ < kLookEvery) {
            return;
        }
        looked_ = clock_.now();
    }
    const auto now = stamp();
    {
        // What can't be read is remembered as seen, so that it is told once and not every second.
        const std::lock_guard lock(mutex_);
        const Stamp seen = now ? *now : Stamp{};
        if (std::exchange(read_, seen) == seen) {
            return;
        }
    }
    reload();
}

Accounts::Digest Accounts::digest_of(const Credentials& credentials) const {
    // No account's name holds a NUL, so that the two can't run into one another.
    std::string text = credentials.account + '\0' + credentials.password.reveal();
    Digest digest{};
    unsigned size = 0;
    const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
    CHECK(HMAC(EVP_sha256(), key_.data(), static_cast<int>(key_.size()), bytes, text.size(),
               digest.data(), &size) != nullptr);
    OPENSSL_cleanse(text.data(), text.size());
    return digest;
}

bool Accounts::is_remembered(const Credentials& credentials, const Digest& digest) {
    const std::lock_guard lock(mutex_);
    const auto found = remembered_.find(credentials.account);
    if (found == remembered_.end() || found->second.until <= clock_.now()) {
        return false;
    }
    return CRYPTO_memcmp(found->second.digest.data(), digest.data(), digest.size()) == 0;
}

bool Accounts::has(const std::string& account) {
    const std::lock_guard lock(mutex_);
    return hashes_.contains(account);
}

bool Accounts::verify(const Credentials& credentials) {
    reload_if_changed();
    const auto digest = digest_of(credentials);
    if (is_remembered(credentials, digest)) {
        return true;
    }
    std::string hash = nobodys_hash();
    {
        const std::lock_guard lock(mutex_);
        const auto found = hashes_.find(credentials.account);
        hash = found == hashes_.end() ? hash : found->second;
    }
    places_.acquire();
    const bool matches = password_matches(hash, credentials.password);
    places_.release();
    const std::lock_guard lock(mutex_);
    // The file may have been read meanwhile: a password that was taken away is not remembered.
    const auto found = hashes_.find(credentials.account);
    if (!matches || found == hashes_.end() || found->second != hash) {
        return false;
    }
    remembered_.insert_or_assign(credentials.account,
                                 Remembered{digest, clock_.now() + kRememberTime});
    return true;
}

}  // namespace muster::adapters::repo_server
