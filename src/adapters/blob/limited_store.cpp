#include "adapters/blob/limited_store.h"

#include <algorithm>

namespace muster::adapters {

using backup::StoredName;

Throttle::Throttle(std::uint64_t bytes_per_second, backup::Host& host)
    : rate_(bytes_per_second), host_(host) {
}

Duration Throttle::book_turn(std::uint64_t bytes) {
    const std::scoped_lock lock(mutex_);
    const auto now = host_.now();
    const auto turn = std::max(now, free_at_);
    const double seconds = static_cast<double>(bytes) / static_cast<double>(rate_);
    free_at_ = turn + Duration(static_cast<std::int64_t>(seconds * 1e9));
    return turn - now;
}

void Throttle::book(std::uint64_t bytes) {
    if (rate_ != 0) {
        book_turn(bytes);
    }
}

void Throttle::pass(std::uint64_t bytes) {
    if (rate_ == 0) {
        return;
    }
    const auto wait = book_turn(bytes);
    if (wait > Duration::zero()) {
        host_.pause(wait);
    }
}

LimitedStore::LimitedStore(std::unique_ptr<backup::BlobStore> inner, backup::Host& host,
                           Rates rates)
    : inner_(std::move(inner)),
      upload_(rates.upload_kib_s * 1024, host),
      download_(rates.download_kib_s * 1024, host) {
}

Result<> LimitedStore::read(const StoredName& name, std::uint64_t offset, backup::ByteSpan into) {
    download_.pass(into.size());
    return inner_->read(name, offset, into);
}

// How much came is known afterwards; the next one waits for it.
Result<backup::Buffer> LimitedStore::load(const StoredName& name) {
    download_.pass(0);
    auto loaded = inner_->load(name);
    if (loaded) {
        download_.book(loaded->size());
    }
    return loaded;
}

Result<> LimitedStore::write(const StoredName& name, backup::ByteView content) {
    upload_.pass(content.size());
    return inner_->write(name, content);
}

}  // namespace muster::adapters
