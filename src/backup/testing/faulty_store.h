#pragma once

#include <algorithm>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "backup/blob_store.h"

namespace muster::backup::testing {

/// What goes wrong at a call. A store keeps its word (BlobStore) with the first six; with the last
/// two it does not.
enum class Fault : std::uint8_t {
    kUnavailable,    ///< Nothing happens.
    kTimedOut,       ///< Nothing happens.
    kDenied,         ///< Nothing happens, and never will.
    kLostReply,      ///< It happens, and is reported as kOutcomeUnknown.
    kLostRequest,    ///< Nothing happens, and is reported as kOutcomeUnknown.
    kShortRead,      ///< The first half arrives, then kUnavailable; for reads and loads.
    kTruncatedList,  ///< The last entry of a list is missing without a word; for lists.
    kFlippedBit,     ///< One bit of what is read or loaded is wrong without a word.
};

/// Passes every call on but those that a test picks by their number.
class FaultyStore final : public BlobStore {
  public:
    explicit FaultyStore(BlobStore& inner) : inner_(inner) {}

    /// From call `at` on (the first one is 0) `times` calls fail so; earlier plans are forgotten,
    /// and the count begins anew.
    void fail(Fault fault, std::uint64_t at, std::uint64_t times = 1) {
        const std::scoped_lock lock(mutex_);
        faults_ = {fault};
        period_ = 0;
        first_ = at;
        end_ = at + times;
        calls_ = 0;
    }
    /// Call 0, `period`, 2 · `period` … fail, each with the next of these faults in turn.
    void fail_every(std::uint64_t period, std::vector<Fault> faults) {
        const std::scoped_lock lock(mutex_);
        faults_ = std::move(faults);
        period_ = period;
        calls_ = 0;
    }
    /// How many calls there were since `fail`.
    [[nodiscard]] std::uint64_t calls() const {
        const std::scoped_lock lock(mutex_);
        return calls_;
    }

    Result<> create() override {
        return change([this] { return inner_.create(); });
    }
    Result<std::vector<Listed>> list(FileKind kind) override {
        const auto fault = next();
        TRY_OK(refuse(fault));
        TRY(auto listed, inner_.list(kind));
        if (fault == Fault::kTruncatedList && !listed.empty()) {
            listed.pop_back();
        }
        return listed;
    }
    Result<std::uint64_t> size(const StoredName& name) override {
        TRY_OK(refuse(next()));
        return inner_.size(name);
    }
    Result<> read(const StoredName& name, std::uint64_t offset, ByteSpan into) override {
        const auto fault = next();
        TRY_OK(refuse(fault));
        if (fault == Fault::kShortRead) {
            TRY_OK(inner_.read(name, offset, into.first(into.size() / 2)));
            return Error{Errc::kUnavailable, "the connection ended"};
        }
        TRY_OK(inner_.read(name, offset, into));
        damage(fault, into);
        return {};
    }
    Result<Buffer> load(const StoredName& name) override {
        const auto fault = next();
        TRY_OK(refuse(fault));
        TRY(auto loaded, inner_.load(name));
        if (fault == Fault::kShortRead) {
            return Error{Errc::kUnavailable, "the connection ended"};
        }
        damage(fault, loaded.span());
        return loaded;
    }
    Result<> write(const StoredName& name, ByteView content) override {
        return change([&] { return inner_.write(name, content); });
    }
    Result<> remove(const StoredName& name) override {
        return change([&] { return inner_.remove(name); });
    }
    [[nodiscard]] StoreTraits traits() const override { return inner_.traits(); }

  private:
    std::optional<Fault> next() {
        const std::scoped_lock lock(mutex_);
        const auto number = calls_++;
        if (period_ != 0 && number % period_ == 0) {
            return faults_[number / period_ % faults_.size()];
        }
        const bool is_planned = period_ == 0 && number >= first_ && number < end_;
        return is_planned ? std::optional(faults_.front()) : std::nullopt;
    }
    static Result<> refuse(std::optional<Fault> fault) {
        if (fault == Fault::kUnavailable || fault == Fault::kLostReply ||
            fault == Fault::kLostRequest) {
            return Error{Errc::kUnavailable, "injected: unavailable"};
        }
        if (fault == Fault::kTimedOut) {
            return Error{Errc::kTimedOut, "injected: no answer in time"};
        }
        if (fault == Fault::kDenied) {
            return Error{Errc::kDenied, "injected: denied"};
        }
        return {};
    }
    template <class Call>
    Result<> change(const Call& call) {
        const auto fault = next();
        if (fault == Fault::kLostReply) {
            TRY_OK(call());
        }
        if (fault == Fault::kLostReply || fault == Fault::kLostRequest) {
            return Error{Errc::kOutcomeUnknown, "injected: the connection was lost"};
        }
        TRY_OK(refuse(fault));
        return call();
    }
    static void damage(std::optional<Fault> fault, ByteSpan bytes) {
        if (fault == Fault::kFlippedBit && !bytes.empty()) {
            bytes[bytes.size() / 2] ^= 1U;
        }
    }

    BlobStore& inner_;
    mutable std::mutex mutex_;
    std::vector<Fault> faults_;
    std::uint64_t period_ = 0;
    std::uint64_t first_ = 0;
    std::uint64_t end_ = 0;
    std::uint64_t calls_ = 0;
};

}  // namespace muster::backup::testing
