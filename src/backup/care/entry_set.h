#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

namespace muster::backup {

/// A set of entries of the index, a bit for each. May be used by many threads at once.
class EntrySet {
  public:
    /// Empty, for the numbers below `entries`.
    explicit EntrySet(std::size_t entries)
        : words_(std::make_unique<std::atomic<std::uint64_t>[]>(entries / kBits + 1)) {}  // NOLINT

    /// True when it was not in it.
    bool insert(std::uint32_t number) {
        const std::uint64_t bit = 1ULL << (number % kBits);
        return (words_[number / kBits].fetch_or(bit) & bit) == 0;
    }
    [[nodiscard]] bool contains(std::uint32_t number) const {
        return (words_[number / kBits].load() >> (number % kBits) & 1U) != 0;
    }
    void erase(std::uint32_t number) {
        words_[number / kBits].fetch_and(~(1ULL << (number % kBits)));
    }

  private:
    static constexpr std::size_t kBits = 64;
    std::unique_ptr<std::atomic<std::uint64_t>[]> words_;  // NOLINT: atomics do not move
};

}  // namespace muster::backup
