#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

#include "backup/format/pack_header.h"

namespace muster::backup {

/// A blob and the pack that it lies in.
struct BlobPlace {
    ObjectId pack;
    PackedBlob blob;
};

/// An entry of the index: a blob, and the number of the pack that it lies in.
struct IndexEntry {
    std::uint32_t pack = 0;
    PackedBlob blob;
};

/// The entries of one pack: they have numbers that follow each other.
struct EntryRange {
    std::uint32_t first = 0;
    std::uint32_t count = 0;
};

/// Where every blob of a repository lies: a dense array of 48 bytes per blob and an open-addressing
/// table of 4-byte slots over it, 54 bytes per blob in all. A blob that lies in several packs has
/// several entries. Entries and packs keep the numbers by which they were added. May be used by
/// many threads at once.
class BlobIndex {
  public:
    /// Room for so many blobs, so that adding them moves nothing.
    void reserve(std::size_t blobs);
    /// Adds a pack's blobs; a pack that is known already adds nothing.
    void add(const IndexedPack& pack);
    /// Notes that somebody is about to store this blob: true for the first who asks, false when it
    /// is there or claimed already.
    bool claim(BlobType type, const ObjectId& id);
    /// Whether it is there or claimed.
    [[nodiscard]] bool has(BlobType type, const ObjectId& id) const;
    /// Where it lies (a claim that was not kept lies nowhere).
    [[nodiscard]] std::optional<BlobPlace> find(BlobType type, const ObjectId& id) const;
    /// All places.
    [[nodiscard]] std::vector<BlobPlace> find_all(BlobType type, const ObjectId& id) const;
    /// Hands out every entry, pack by pack as they were added; claims are not handed out.
    void for_each(const std::function<void(const BlobPlace&)>& visit) const;
    [[nodiscard]] std::size_t size() const;
    /// Names of the packs, in the order of their numbers.
    [[nodiscard]] std::vector<ObjectId> packs() const;
    [[nodiscard]] bool has_pack(const ObjectId& pack) const;
    [[nodiscard]] std::optional<std::uint32_t> pack_number(const ObjectId& pack) const;

    /// The number of the first entry that says where the blob lies; always the same.
    [[nodiscard]] std::optional<std::uint32_t> number_of(BlobType type, const ObjectId& id) const;
    /// Those of all entries.
    [[nodiscard]] std::vector<std::uint32_t> numbers_of(BlobType type, const ObjectId& id) const;
    /// The entry of that number, which is one of `number_of` or `entries_of`.
    [[nodiscard]] IndexEntry at(std::uint32_t number) const;
    /// The name of the pack of that number.
    [[nodiscard]] ObjectId pack_name(std::uint32_t pack) const;
    /// The entries of the pack of that number.
    [[nodiscard]] EntryRange entries_of(std::uint32_t pack) const;

  private:
    struct Entry {  // Nothing is set to zero: memory that is not used is not touched.
        std::array<std::uint8_t, ObjectId::kSize> id;
        std::uint32_t pack;  // The highest bit: a tree.
        std::uint32_t offset;
        std::uint32_t length;
        std::uint32_t plain_length;
    };
    // Entries that are allocated at once: so many that the system maps them, and only those in use
    // take memory.
    static constexpr std::size_t kSegment = 1U << 20U;

    [[nodiscard]] const Entry& entry(std::size_t number) const {
        return segments_[number / kSegment][number % kSegment];
    }
    [[nodiscard]] BlobPlace place(const Entry& entry) const;
    void append(const Entry& entry);
    void grow(std::size_t slots);
    void put_slot(std::size_t number);
    template <class Visit>
    void visit_numbers(BlobType type, const ObjectId& id, const Visit& visit) const;
    template <class Visit>
    void visit_matches(BlobType type, const ObjectId& id, const Visit& visit) const;

    mutable std::mutex mutex_;
    std::vector<std::unique_ptr<Entry[]>> segments_;  // NOLINT: dense arrays, never moved
    std::size_t size_ = 0;
    std::vector<std::uint32_t> slots_;  // Number of an entry, plus one; 0 is free.
    std::vector<ObjectId> packs_;
    std::vector<EntryRange> ranges_;  // By pack.
    std::unordered_map<ObjectId, std::uint32_t> pack_numbers_;
};

}  // namespace muster::backup
