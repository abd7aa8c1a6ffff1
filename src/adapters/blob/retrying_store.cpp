#include "adapters/blob/retrying_store.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace muster::adapters {

using backup::FileKind;
using backup::StoredName;

namespace {

bool is_passing(Errc code) {
    return code == Errc::kUnavailable || code == Errc::kTimedOut || code == Errc::kOutcomeUnknown;
}

}  // namespace

RetryingStore::RetryingStore(std::unique_ptr<backup::BlobStore> inner, backup::Host& host,
                             RetryPolicy policy, RetryNote note)
    : inner_(std::move(inner)), host_(host), policy_(policy), note_(std::move(note)) {
}

RetryingStore::Course RetryingStore::start(std::string what) const {
    return {.what = std::move(what), .began = host_.now()};
}

Duration RetryingStore::pause_after(unsigned attempts) {
    const double grown = std::pow(policy_.factor, static_cast<double>(attempts) - 1);
    const double most = static_cast<double>(policy_.longest.count());
    const double pause = std::min(static_cast<double>(policy_.first.count()) * grown, most);
    std::array<std::uint8_t, 1> chance{};
    host_.fill_random(chance);
    // From three quarters to five quarters: many writers that failed at once come back apart.
    return Duration(static_cast<std::int64_t>(pause * (0.75 + 0.5 * chance.front() / 255.0)));
}

bool RetryingStore::wait_for_next(Course& course, const Error& error) {
    course.attempts += 1;
    course.may_be_done = course.may_be_done || error.code() == Errc::kOutcomeUnknown;
    if (!is_passing(error.code()) || course.attempts >= policy_.attempts || host_.is_stopped()) {
        return false;
    }
    const auto pause = pause_after(course.attempts);
    if (host_.now() + pause > course.began + policy_.limit) {
        return false;
    }
    if (note_) {
        note_(course.what, error, pause);
    }
    host_.pause(pause);
    return !host_.is_stopped();
}

template <class T>
Result<T> RetryingStore::persist(Course& course, const std::function<Result<T>()>& attempt) {
    for (;;) {
        auto result = attempt();
        if (result || !wait_for_next(course, result.error())) {
            if (result || !is_passing(result.error().code())) {
                return result;
            }
            const auto& last = result.error();
            return Error{course.may_be_done ? Errc::kOutcomeUnknown : last.code(),
                         last.message() + " (attempt " + std::to_string(course.attempts) + ")",
                         last.hint()};
        }
    }
}

Result<> RetryingStore::create() {
    auto course = start("create");
    return persist<void>(course, [this] { return inner_->create(); });
}

Result<std::vector<backup::Listed>> RetryingStore::list(FileKind kind) {
    auto course = start("list " + std::string(place_of(kind)));
    return persist<std::vector<backup::Listed>>(course, [&] { return inner_->list(kind); });
}

Result<std::uint64_t> RetryingStore::size(const StoredName& name) {
    auto course = start("look at " + name.str());
    return persist<std::uint64_t>(course, [&] { return inner_->size(name); });
}

Result<> RetryingStore::read(const StoredName& name, std::uint64_t offset, backup::ByteSpan into) {
    auto course = start("read " + name.str());
    return persist<void>(course, [&] { return inner_->read(name, offset, into); });
}

Result<backup::Buffer> RetryingStore::load(const StoredName& name) {
    auto course = start("load " + name.str());
    return persist<backup::Buffer>(course, [&] { return inner_->load(name); });
}

Result<> RetryingStore::compare_config(backup::ByteView content, Error conflict) {
    const auto found = load({});
    if (!found) {
        return Error{Errc::kOutcomeUnknown,
                     "can't tell whose config is there: " + found.error().message()};
    }
    return std::ranges::equal(found->view(), content) ? Result<>() : Result<>(std::move(conflict));
}

Result<> RetryingStore::write(const StoredName& name, backup::ByteView content) {
    auto course = start("write " + name.str());
    auto done = persist<void>(course, [&] { return inner_->write(name, content); });
    if (!done && done.error().code() == Errc::kConflict && name.kind == FileKind::kConfig &&
        course.may_be_done) {
        return compare_config(content, std::move(done).error());
    }
    return done;
}

Result<> RetryingStore::remove(const StoredName& name) {
    auto course = start("remove " + name.str());
    auto done = persist<void>(course, [&] { return inner_->remove(name); });
    if (!done && done.error().code() == Errc::kNotFound && course.may_be_done) {
        return {};
    }
    return done;
}

Result<std::optional<WallTime>> RetryingStore::retained_until(const StoredName& name) {
    auto course = start("look at " + name.str());
    return persist<std::optional<WallTime>>(course,
                                            [&] { return backup::retained_until(*inner_, name); });
}

Result<> RetryingStore::retain(const StoredName& name, WallTime until) {
    auto course = start("lock " + name.str());
    return persist<void>(course, [&] { return backup::retain(*inner_, name, until); });
}

}  // namespace muster::adapters
