#include "adapters/repo_server/quota.h"

#include <filesystem>

#include "adapters/repo_server/repo_folder.h"

namespace muster::adapters::repo_server {

namespace fs = std::filesystem;

namespace {

constexpr Duration kCountEvery = std::chrono::minutes(1);

}  // namespace

Result<> Quota::measure() {
    std::error_code failure;
    std::int64_t total = 0;
    fs::recursive_directory_iterator entries(folder_, failure);
    while (!failure && entries != fs::recursive_directory_iterator()) {
        std::error_code gone;  // Of a file that went meanwhile.
        if (entries->path().filename() == kUploads) {
            entries.disable_recursion_pending();  // They have taken their share already.
        } else if (entries->is_regular_file(gone)) {
            const auto size = entries->file_size(gone);
            total += gone ? 0 : static_cast<std::int64_t>(size);
        }
        entries.increment(failure);
    }
    if (failure) {
        return Error{Errc::kDenied, "can't measure " + folder_ + ": " + failure.message(),
                     "let the account that muster runs as read all of it"};
    }
    kept_ = total;
    counted_ = clock_.now();
    return {};
}

bool Quota::take_once(std::int64_t bytes) {
    auto taken = taken_.load();
    do {
        if (bytes > most_ - kept_ - taken) {
            return false;
        }
    } while (!taken_.compare_exchange_weak(taken, taken + bytes));
    return true;
}

bool Quota::count_again() {
    const std::scoped_lock lock(mutex_);
    return clock_.now() - counted_ >= kCountEvery && measure().has_value();
}

bool Quota::take(std::int64_t bytes) {
    return take_once(bytes) || (count_again() && take_once(bytes));
}

// First in the one, then out of the other: never is more promised than there is.
void Quota::keep(std::int64_t bytes) {
    kept_ += bytes;
    taken_ -= bytes;
}

}  // namespace muster::adapters::repo_server
