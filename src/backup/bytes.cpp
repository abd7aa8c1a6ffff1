#include "backup/bytes.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

namespace muster::backup {

namespace {

constexpr std::align_val_t kAlignment{Buffer::kPage};

}  // namespace

Buffer::Buffer(Buffer&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      capacity_(std::exchange(other.capacity_, 0)) {
}

Buffer& Buffer::operator=(Buffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
    return *this;
}

Buffer::~Buffer() {
    ::operator delete(data_, kAlignment);
}

void Buffer::reserve(std::size_t capacity) {
    if (capacity + kSlack <= capacity_) {
        return;
    }
    const std::size_t rounded = (capacity + kSlack + kPage - 1) / kPage * kPage;
    auto* grown = static_cast<std::uint8_t*>(::operator new(rounded, kAlignment));
    if (size_ > 0) {
        std::memcpy(grown, data_, size_);
    }
    ::operator delete(data_, kAlignment);
    data_ = grown;
    capacity_ = rounded;
}

void Buffer::resize(std::size_t size) {
    if (size + kSlack > capacity_) {
        reserve(std::max(size, capacity_ + capacity_ / 2));
    }
    size_ = size;
}

void Buffer::append(ByteView more) {
    if (!more.empty()) {
        const std::size_t before = size_;
        resize(before + more.size());
        std::memcpy(data_ + before, more.data(), more.size());
    }
}

}  // namespace muster::backup
