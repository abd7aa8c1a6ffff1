#include "backup/blob_index.h"

#include <bit>

#include "base/check.h"

namespace muster::backup {

namespace {

constexpr std::uint32_t kTreeBit = 1U << 31U;
constexpr std::uint32_t kPackMask = kTreeBit - 1;
constexpr std::uint32_t kNowhere = kPackMask;  // The pack of a claim.
constexpr std::size_t kLeastSlots = 1U << 10U;

std::uint32_t type_bit(BlobType type) {
    return type == BlobType::kTree ? kTreeBit : 0;
}

}  // namespace

void BlobIndex::reserve(std::size_t blobs) {
    const std::scoped_lock lock(mutex_);
    const std::size_t slots = std::bit_ceil(blobs + blobs / 3 + kLeastSlots);
    if (slots > slots_.size()) {
        grow(slots);
    }
}

void BlobIndex::grow(std::size_t slots) {
    slots_.assign(slots, 0);
    for (std::size_t number = 0; number < size_; ++number) {
        put_slot(number);
    }
}

void BlobIndex::put_slot(std::size_t number) {
    const std::size_t mask = slots_.size() - 1;
    std::size_t slot = std::hash<ObjectId>{}(ObjectId{entry(number).id}) & mask;
    while (slots_[slot] != 0) {
        slot = (slot + 1) & mask;
    }
    slots_[slot] = static_cast<std::uint32_t>(number + 1);
}

void BlobIndex::append(const Entry& entry) {
    CHECK(size_ < kPackMask);
    if (slots_.size() * 3 < (size_ + 1) * 4) {
        grow(std::max(kLeastSlots, slots_.size() * 2));
    }
    if (size_ % kSegment == 0 && size_ / kSegment == segments_.size()) {
        segments_.push_back(std::make_unique_for_overwrite<Entry[]>(kSegment));  // NOLINT
    }
    segments_[size_ / kSegment][size_ % kSegment] = entry;
    put_slot(size_);
    ++size_;
}

void BlobIndex::add(const IndexedPack& pack) {
    const std::scoped_lock lock(mutex_);
    const auto number = static_cast<std::uint32_t>(packs_.size());
    CHECK(number < kNowhere);
    if (!pack_numbers_.emplace(pack.id, number).second) {
        return;
    }
    packs_.push_back(pack.id);
    ranges_.push_back(
        {static_cast<std::uint32_t>(size_), static_cast<std::uint32_t>(pack.blobs.size())});
    for (const auto& blob : pack.blobs) {
        append({blob.id.bytes, number | type_bit(blob.type), blob.offset, blob.length,
                blob.plain_length});
    }
}

template <class Visit>
void BlobIndex::visit_numbers(BlobType type, const ObjectId& id, const Visit& visit) const {
    if (slots_.empty()) {
        return;
    }
    const std::size_t mask = slots_.size() - 1;
    for (std::size_t slot = std::hash<ObjectId>{}(id)&mask; slots_[slot] != 0;
         slot = (slot + 1) & mask) {
        const std::uint32_t number = slots_[slot] - 1;
        const Entry& found = entry(number);
        if (found.id == id.bytes && (found.pack & kTreeBit) == type_bit(type) && !visit(number)) {
            return;
        }
    }
}

template <class Visit>
void BlobIndex::visit_matches(BlobType type, const ObjectId& id, const Visit& visit) const {
    visit_numbers(type, id, [&](std::uint32_t number) { return visit(entry(number)); });
}

bool BlobIndex::claim(BlobType type, const ObjectId& id) {
    const std::scoped_lock lock(mutex_);
    bool is_known = false;
    visit_matches(type, id, [&](const Entry&) {
        is_known = true;
        return false;
    });
    if (!is_known) {
        append({id.bytes, kNowhere | type_bit(type), 0, 0, 0});
    }
    return !is_known;
}

bool BlobIndex::has(BlobType type, const ObjectId& id) const {
    const std::scoped_lock lock(mutex_);
    bool is_known = false;
    visit_matches(type, id, [&](const Entry&) {
        is_known = true;
        return false;
    });
    return is_known;
}

BlobPlace BlobIndex::place(const Entry& entry) const {
    return {packs_[entry.pack & kPackMask],
            {ObjectId{entry.id}, (entry.pack & kTreeBit) != 0 ? BlobType::kTree : BlobType::kData,
             entry.offset, entry.length, entry.plain_length}};
}

std::optional<BlobPlace> BlobIndex::find(BlobType type, const ObjectId& id) const {
    const std::scoped_lock lock(mutex_);
    std::optional<BlobPlace> found;
    visit_matches(type, id, [&](const Entry& match) {
        if ((match.pack & kPackMask) != kNowhere) {
            found = place(match);
        }
        return !found.has_value();
    });
    return found;
}

std::vector<BlobPlace> BlobIndex::find_all(BlobType type, const ObjectId& id) const {
    const std::scoped_lock lock(mutex_);
    std::vector<BlobPlace> found;
    visit_matches(type, id, [&](const Entry& match) {
        if ((match.pack & kPackMask) != kNowhere) {
            found.push_back(place(match));
        }
        return true;
    });
    return found;
}

void BlobIndex::for_each(const std::function<void(const BlobPlace&)>& visit) const {
    const std::scoped_lock lock(mutex_);
    for (std::size_t number = 0; number < size_; ++number) {
        if ((entry(number).pack & kPackMask) != kNowhere) {
            visit(place(entry(number)));
        }
    }
}

std::size_t BlobIndex::size() const {
    const std::scoped_lock lock(mutex_);
    return size_;
}

std::vector<ObjectId> BlobIndex::packs() const {
    const std::scoped_lock lock(mutex_);
    return packs_;
}

bool BlobIndex::has_pack(const ObjectId& pack) const {
    const std::scoped_lock lock(mutex_);
    return pack_numbers_.contains(pack);
}

std::optional<std::uint32_t> BlobIndex::pack_number(const ObjectId& pack) const {
    const std::scoped_lock lock(mutex_);
    const auto found = pack_numbers_.find(pack);
    return found == pack_numbers_.end() ? std::nullopt : std::optional(found->second);
}

std::optional<std::uint32_t> BlobIndex::number_of(BlobType type, const ObjectId& id) const {
    const std::scoped_lock lock(mutex_);
    std::optional<std::uint32_t> found;
    visit_numbers(type, id, [&](std::uint32_t number) {
        if ((entry(number).pack & kPackMask) != kNowhere) {
            found = number;
        }
        return !found.has_value();
    });
    return found;
}

std::vector<std::uint32_t> BlobIndex::numbers_of(BlobType type, const ObjectId& id) const {
    const std::scoped_lock lock(mutex_);
    std::vector<std::uint32_t> found;
    visit_numbers(type, id, [&](std::uint32_t number) {
        if ((entry(number).pack & kPackMask) != kNowhere) {
            found.push_back(number);
        }
        return true;
    });
    return found;
}

IndexEntry BlobIndex::at(std::uint32_t number) const {
    const std::scoped_lock lock(mutex_);
    CHECK(number < size_ && (entry(number).pack & kPackMask) != kNowhere);
    return {entry(number).pack & kPackMask, place(entry(number)).blob};
}

ObjectId BlobIndex::pack_name(std::uint32_t pack) const {
    const std::scoped_lock lock(mutex_);
    CHECK(pack < packs_.size());
    return packs_[pack];
}

EntryRange BlobIndex::entries_of(std::uint32_t pack) const {
    const std::scoped_lock lock(mutex_);
    CHECK(pack < ranges_.size());
    return ranges_[pack];
}

}  // namespace muster::backup
