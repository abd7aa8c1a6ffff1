#include "backup/repository_lock.h"

#include <chrono>

#include "backup/format/go_json.h"
#include "backup/format/json_reader.h"
#include "backup/format/zone_clock.h"

namespace muster::backup {

namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

// restic's numbers: internal/restic/lock.go and its design document, "Locks".
constexpr Duration kWait = milliseconds(200);
constexpr Duration kRenewEvery = minutes(5);
constexpr Duration kLostAfter = seconds(22 * 60 + 30);
constexpr std::chrono::microseconds kStaleAfter = minutes(30);  // A lock may name any year.
constexpr Duration kRetryPause = seconds(1);
constexpr Duration kKeeperPause = milliseconds(500);

std::string encode_lock(const LockFile& lock, const Host& host) {
    std::string out = R"({"time":")";
    append_time(out, local_time(host, lock.time));
    out += R"(","exclusive":)";
    out += lock.is_exclusive ? "true" : "false";
    out += R"(,"hostname":)";
    append_json_string(out, lock.holder.hostname);
    out += R"(,"username":)";
    append_json_string(out, lock.holder.username);
    out += R"(,"pid":)" + std::to_string(lock.holder.pid);
    out += R"(,"uid":)" + std::to_string(lock.holder.uid);
    return out + R"(,"gid":)" + std::to_string(lock.holder.gid) + "}";
}

Result<> read_lock_field(std::string_view key, dom::element value, LockFile& lock) {
    if (key == "time") {
        TRY(const auto text, json_text(value, "a lock's time"));
        TRY(const auto time, parse_time(text));
        lock.time =
            WallTime(seconds(time.seconds)) + std::chrono::duration_cast<std::chrono::microseconds>(
                                                  std::chrono::nanoseconds(time.nanoseconds));
    } else if (key == "exclusive") {
        bool is_exclusive = false;
        if (value.get_bool().get(is_exclusive) != simdjson::SUCCESS) {
            return Error(Errc::kCorrupt, "a lock does not say whether it is exclusive");
        }
        lock.is_exclusive = is_exclusive;
    } else if (key == "hostname") {
        TRY(const auto text, json_text(value, "a lock's host"));
        lock.holder.hostname = text;
    } else if (key == "username") {
        TRY(const auto text, json_text(value, "a lock's user"));
        lock.holder.username = text;
    } else if (key == "pid") {
        TRY(const auto number, json_number(value, "a lock's process"));
        lock.holder.pid = static_cast<std::int64_t>(number);
    }
    return {};
}

Result<LockFile> decode_lock(const ObjectId& id, const Buffer& json) {
    TRY(const auto root, parse_json(json, "the lock"));
    TRY(const auto object, json_object(root, "the lock"));
    LockFile lock;
    lock.id = id;
    for (const auto field : object) {
        TRY_OK(read_lock_field(field.key, field.value, lock));
    }
    return lock;
}

Error held_by(const LockFile& lock) {
    return Error(
        Errc::kConflict,
        "the repository is locked " + std::string(lock.is_exclusive ? "exclusively " : "") +
            "by process " + std::to_string(lock.holder.pid) + " of " + lock.holder.username +
            " on " + lock.holder.hostname + " since " + format_wall(lock.time),
        "wait for it (--retry-lock 10m), or, if you know that it is dead, `muster unlock`");
}

/// Where nothing may be written there is nobody who could harm a reader.
Error not_written(Error error) {
    if (error.code() != Errc::kDenied) {
        return error;
    }
    const std::string more = "only to read, --no-lock does without a lock";
    auto hint = error.hint().empty() ? more : error.hint() + "; " + more;
    return std::move(error).with("can't lock the repository").hinting(std::move(hint));
}

}  // namespace

Result<std::vector<LockFile>> read_locks(const Repository& repository) {
    TRY(const auto files, repository.store().list(FileKind::kLock));
    std::vector<LockFile> locks;
    for (const auto& file : files) {
        if (file.size == 0) {
            continue;
        }
        TRY(const auto id, ObjectId::parse(file.name));
        const auto json = repository.load_unpacked(FileKind::kLock, id);
        if (!json && json.error().code() == Errc::kNotFound) {
            continue;
        }
        if (!json) {
            return Error(json.error()).with("while reading the lock " + file.name);
        }
        TRY(auto lock, decode_lock(id, *json));
        locks.push_back(std::move(lock));
    }
    return locks;
}

bool is_stale(const LockFile& lock, Host& host) {
    if (host.wall() - lock.time > kStaleAfter) {
        return true;
    }
    return lock.holder.hostname == host.identity().hostname && !host.is_alive(lock.holder.pid);
}

Result<std::size_t> remove_locks(const Repository& repository, bool is_everyone_meant) {
    std::size_t removed = 0;
    TRY(const auto files, repository.store().list(FileKind::kLock));
    for (const auto& file : files) {
        TRY(const auto id, ObjectId::parse(file.name));
        bool is_meant = is_everyone_meant;
        if (!is_meant) {
            const auto json = repository.load_unpacked(FileKind::kLock, id);
            const auto lock = json ? decode_lock(id, *json) : Result<LockFile>(json.error());
            is_meant = lock && is_stale(*lock, repository.host());
        }
        if (is_meant) {
            const auto gone = repository.store().remove({FileKind::kLock, file.name});
            if (!gone && gone.error().code() != Errc::kNotFound) {
                return gone.error();
            }
            ++removed;
        }
    }
    return removed;
}

Result<> RepositoryLock::look() const {
    TRY(const auto locks, read_locks(repository_));
    for (const auto& lock : locks) {
        const bool is_conflict = lock.is_exclusive || settings_.kind == LockKind::kExclusive;
        if (own_ == lock.id || !is_conflict) {
            continue;
        }
        if (!is_stale(lock, repository_.host())) {
            return held_by(lock);
        }
        const auto gone = repository_.store().remove({FileKind::kLock, lock.id.hex()});
        if (!gone && gone.error().code() != Errc::kNotFound) {
            return gone.error();
        }
    }
    return {};
}

Result<> RepositoryLock::write_own() {
    auto& host = repository_.host();
    LockFile lock;
    lock.time = host.wall();
    lock.is_exclusive = settings_.kind == LockKind::kExclusive;
    lock.holder = host.identity();
    const Instant begun = host.now();
    TRY(const auto id,
        repository_.save_unpacked(FileKind::kLock, bytes_of(encode_lock(lock, host))));
    own_ = id;
    written_ = begun;
    return {};
}

Result<> RepositoryLock::begin() {
    if (!settings_.is_wanted) {
        return {};
    }
    auto& host = repository_.host();
    const Instant give_up = host.now() + settings_.retry_for;
    for (;;) {
        auto looked = look();
        if (looked) {
            auto written = write_own();
            begun_ = written_;
            return written ? std::move(written) : not_written(std::move(written).error());
        }
        if (looked.error().code() != Errc::kConflict || host.now() + kRetryPause > give_up ||
            host.is_stopped()) {
            return looked;
        }
        host.pause(kRetryPause);
    }
}

Result<> RepositoryLock::confirm() {
    if (!own_) {
        return {};
    }
    wait_for_others();
    auto looked = look();
    if (!looked) {
        release();
    }
    return looked;
}

/// Whoever looked before our lock was there has now written his own.
void RepositoryLock::wait_for_others() {
    auto& host = repository_.host();
    if (const Duration left = begun_ + kWait - host.now(); left > Duration(0)) {
        host.pause(left);
    }
}

void RepositoryLock::renew() {
    const auto before = own_;
    if (!write_own()) {
        is_lost_ = repository_.host().now() - written_ > kLostAfter;
        return;
    }
    (void)repository_.store().remove({FileKind::kLock, before->hex()});
}

void RepositoryLock::keep() {
    std::unique_lock lock(mutex_);
    while (!is_over_) {
        ended_.wait_for(lock, kKeeperPause);
        const Duration age = repository_.host().now() - written_;
        if (!is_over_ && age > kLostAfter) {  // The machine slept, or the store was away.
            is_lost_ = true;
        } else if (!is_over_ && age > kRenewEvery) {
            renew();
        }
    }
}

Result<> RepositoryLock::keep_while(const std::function<Result<>()>& body) {
    if (!own_) {
        return body();
    }
    is_over_ = false;
    Result<> outcome;
    repository_.host().run_parallel(2, [&](unsigned number) {
        if (number != 0) {
            keep();
            return;
        }
        outcome = body();
        const std::scoped_lock lock(mutex_);
        is_over_ = true;
        ended_.notify_all();
    });
    return outcome ? std::move(outcome) : explained(std::move(outcome).error());
}

/// What was missing may have been taken away by who has locked the repository at the same moment.
Error RepositoryLock::explained(Error error) const {
    if (error.code() != Errc::kNotFound && error.code() != Errc::kCorrupt) {
        return error;
    }
    const auto looked = look();
    if (looked || looked.error().code() != Errc::kConflict) {
        return error;
    }
    return {Errc::kConflict, looked.error().message() + "; beside it " + error.message(),
            looked.error().hint()};
}

Result<> RepositoryLock::verify() {
    if (!settings_.is_wanted) {
        return {};
    }
    const std::scoped_lock lock(mutex_);
    const auto lost = [] {
        return Error(
            Errc::kConflict,
            "the lock of the repository was lost while this ran: the machine stood still, or "
            "somebody removed it",
            "nothing was committed; run the command again");
    };
    if (is_lost_ || !own_ || repository_.host().now() - written_ > kLostAfter) {
        return lost();
    }
    wait_for_others();
    const auto size = repository_.store().size({FileKind::kLock, own_->hex()});
    if (!size && size.error().code() == Errc::kNotFound) {
        return lost();
    }
    return size ? look() : Result<>(size.error());
}

void RepositoryLock::release() {
    if (own_) {
        (void)repository_.store().remove({FileKind::kLock, own_->hex()});
        own_.reset();
    }
}

}  // namespace muster::backup
