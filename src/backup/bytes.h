#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace muster::backup {

using ByteView = std::span<const std::uint8_t>;  ///< Bytes to read.
using ByteSpan = std::span<std::uint8_t>;        ///< Bytes to write.

inline ByteView bytes_of(std::string_view text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};  // NOLINT
}
inline std::string_view text_of(ByteView bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};  // NOLINT
}

/// Owns bytes that begin at a page (4,096), so that a file opened with O_DIRECT takes them, and
/// that are not set to zero when they are made. Its size may change within its capacity for
/// nothing.
class Buffer {
  public:
    static constexpr std::size_t kPage = 4096;
    /// Beyond its size a buffer has at least so many bytes more that may be read: simdjson does.
    static constexpr std::size_t kSlack = 64;

    Buffer() = default;
    /// `size` bytes of undefined content.
    explicit Buffer(std::size_t size) { resize(size); }
    explicit Buffer(ByteView content) { append(content); }
    Buffer(Buffer&& other) noexcept;
    Buffer& operator=(Buffer&& other) noexcept;
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;
    ~Buffer();

    [[nodiscard]] std::size_t size() const { return size_; }
    [[nodiscard]] std::size_t capacity() const { return capacity_; }
    [[nodiscard]] bool empty() const { return size_ == 0; }
    [[nodiscard]] std::uint8_t* data() { return data_; }
    [[nodiscard]] const std::uint8_t* data() const { return data_; }
    [[nodiscard]] ByteView view() const { return {data_, size_}; }
    [[nodiscard]] ByteSpan span() { return {data_, size_}; }
    [[nodiscard]] std::string_view text() const { return text_of(view()); }

    /// Room for `capacity` bytes at least; what is held stays.
    void reserve(std::size_t capacity);
    /// New bytes at the end are undefined; grows by half at least, so that appending is cheap.
    void resize(std::size_t size);
    void append(ByteView more);
    void clear() { size_ = 0; }

  private:
    std::uint8_t* data_ = nullptr;
    std::size_t size_ = 0;
    std::size_t capacity_ = 0;
};

}  // namespace muster::backup
