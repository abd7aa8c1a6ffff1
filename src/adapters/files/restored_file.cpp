#include "adapters/files/restored_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "adapters/os/file_write.h"

namespace muster::adapters {

using backup::ByteView;

namespace {

constexpr std::size_t kPage = backup::Buffer::kPage;
constexpr std::size_t kLeastDirect = 1U << 20U;
constexpr std::size_t kLeastHole = 32U << 10U;
constexpr std::uint64_t kLeastReserved = 16U << 20U;

bool is_zero(ByteView content) {
    return content.empty() || (content[0] == 0 && std::memcmp(content.data(), content.data() + 1,
                                                              content.size() - 1) == 0);
}

}  // namespace

Error RestoredPlace::fail(const std::string& what, const std::string& path, int number) {
    if (number == ENOSPC || number == EDQUOT) {
        is_full = true;
    }
    return file_error(what, path, number);
}

Result<> RestoredFile::reserve(std::uint64_t size) {
    // Not for small files: it costs more than they do.
    if (size < kLeastReserved || place_.is_sparse) {
        return {};
    }
    if (::fallocate(fd_.get(), 0, 0, static_cast<off_t>(size)) != 0 &&
        (errno == ENOSPC || errno == EDQUOT || errno == EFBIG)) {
        return place_.fail("take the room for", path_, errno);
    }
    return {};
}

int RestoredFile::direct() {
    std::call_once(direct_once_, [this] {
        const std::string again = "/proc/self/fd/" + std::to_string(fd_.get());
        direct_.reset(::open(again.c_str(), O_WRONLY | O_DIRECT | O_CLOEXEC));
        is_direct_ = direct_.is_open();
    });
    return is_direct_ ? direct_.get() : -1;
}

Result<> RestoredFile::write_cached(std::uint64_t offset, ByteView content) {
    const int number = write_at(fd_.get(), content, offset);
    return number == 0 ? Result<>() : place_.fail("write", path_, number);
}

Result<> RestoredFile::write_run(std::uint64_t offset, ByteView content) {
    const auto address = reinterpret_cast<std::uintptr_t>(content.data());  // NOLINT
    const bool is_fit =
        content.size() >= kLeastDirect && address % kPage == offset % kPage && direct() >= 0;
    if (!is_fit) {
        return write_cached(offset, content);
    }
    const std::size_t head = (kPage - offset % kPage) % kPage;
    const std::size_t pages = (content.size() - head) / kPage * kPage;
    const int number = write_at(direct_.get(), content.subspan(head, pages), offset + head);
    if (number == EINVAL) {  // The file system has other rules.
        is_direct_ = false;
        return write_cached(offset, content);
    }
    if (number != 0) {
        return place_.fail("write", path_, number);
    }
    TRY_OK(write_cached(offset, content.first(head)));
    return write_cached(offset + head + pages, content.subspan(head + pages));
}

Result<> RestoredFile::write(std::uint64_t offset, ByteView content) {
    if (!place_.is_sparse || !state_.is_new) {
        return write_run(offset, content);
    }
    // What is not written stays a hole.
    while (!content.empty()) {
        std::size_t used = 0;
        std::size_t zeros = 0;
        while (used + zeros < content.size()) {
            const auto block =
                content.subspan(used + zeros, std::min(kPage, content.size() - used - zeros));
            if (is_zero(block)) {
                zeros += block.size();
            } else if (zeros >= kLeastHole) {
                break;
            } else {
                used += zeros + block.size();
                zeros = 0;
            }
        }
        if (zeros < kLeastHole) {
            used += zeros;
            zeros = 0;
        }
        TRY_OK(write_run(offset, content.first(used)));
        offset += used + zeros;
        content = content.subspan(used + zeros);
    }
    return {};
}

Result<std::size_t> RestoredFile::read(std::uint64_t offset, backup::ByteSpan into) {
    std::size_t done = 0;
    while (done < into.size()) {
        const auto got = ::pread(fd_.get(), into.data() + done, into.size() - done,
                                 static_cast<off_t>(offset + done));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return place_.fail("read", path_, errno);
        }
        if (got == 0) {
            break;
        }
        done += static_cast<std::size_t>(got);
    }
    return done;
}

Result<> RestoredFile::resize(std::uint64_t size) {
    struct stat status{};
    if (::fstat(fd_.get(), &status) != 0) {
        return place_.fail("look at", path_, errno);
    }
    if (static_cast<std::uint64_t>(status.st_size) != size &&
        ::ftruncate(fd_.get(), static_cast<off_t>(size)) != 0) {
        return place_.fail("set the size of", path_, errno);
    }
    return {};
}

Result<> RestoredFile::finish(const backup::Node& node, bool is_damaged) {
    direct_.reset();
    auto state = state_;
    state.is_damaged = is_damaged;
    return place_.metadata.apply(fd_.get(), node, path_, state);
}

}  // namespace muster::adapters
