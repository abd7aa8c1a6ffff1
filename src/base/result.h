#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace muster {

/// What a caller can do about a failure; a code exists only where a caller would act differently.
enum class Errc {
    kInvalid,         ///< The input or the plan is wrong: fix it.
    kNotFound,        ///< It is not there: the caller decides.
    kConflict,        ///< Somebody else was first: re-read and decide again.
    kDenied,          ///< Not allowed: stop and tell a person.
    kUnavailable,     ///< Nothing happened; retry with backoff.
    kTimedOut,        ///< Nothing happened in time; retry while the deadline allows.
    kOutcomeUnknown,  ///< It may have happened: observe first, then retry or undo.
    kCorrupt,         ///< The data can't be trusted: stop, quarantine, alert.
    kCancelled,       ///< Told to stop: unwind quietly.
};

/// The code's stable name, as it stands in journals and JSON: "invalid", "not_found", …
std::string_view to_string(Errc code);
/// The inverse of `to_string`; unknown names are kCorrupt, so that a reader never acts on a guess.
Errc errc_from(std::string_view name);

/// A failure as a value: a code to act on, a message that names the thing and the numbers (lower
/// case, no full stop), and a hint that says what to do next (may be empty).
class [[nodiscard]] Error {
  public:
    Error(Errc code, std::string message, std::string hint = {})
        : code_(code), message_(std::move(message)), hint_(std::move(hint)) {}

    [[nodiscard]] Errc code() const { return code_; }
    [[nodiscard]] const std::string& message() const { return message_; }
    [[nodiscard]] const std::string& hint() const { return hint_; }

    /// The same error with where it happened put before it: `.with("while reading the plan")`.
    [[nodiscard]] Error with(std::string_view context) &&;
    /// The same error with another hint.
    [[nodiscard]] Error hinting(std::string hint) &&;

  private:
    Errc code_;
    std::string message_;
    std::string hint_;
};

/// A value or an Error. Never dropped: handle it or return it.
template <class T = void>
class [[nodiscard]] Result : public std::expected<T, Error> {
  public:
    using std::expected<T, Error>::expected;
    Result(Error error) : std::expected<T, Error>(std::unexpected(std::move(error))) {}  // NOLINT

    /// The same result, its error (if any) with context put before it.
    [[nodiscard]] Result with(std::string_view context) && {
        if (this->has_value()) {
            return std::move(*this);
        }
        return Result(std::move(this->error()).with(context));
    }
};

}  // namespace muster

#define MUSTER_CAT_INNER(a, b) a##b
#define MUSTER_CAT(a, b) MUSTER_CAT_INNER(a, b)

// No braces within: the macros shall not count as nesting of the functions that use them.
#define MUSTER_TRY(name, leave, declaration, ...) \
    auto name = (__VA_ARGS__);                    \
    if (!name)                                    \
        leave std::move(name).error();            \
    declaration = std::move(name).value()
#define MUSTER_TRY_OK(name, leave, ...)   \
    if (auto name = (__VA_ARGS__); !name) \
    leave std::move(name).error()

/// `TRY(const auto x, f());` declares x from a Result, or returns its error.
#define TRY(declaration, ...) \
    MUSTER_TRY(MUSTER_CAT(result_, __LINE__), return, declaration, __VA_ARGS__)
/// `TRY_OK(f());` goes on when f succeeded, or returns its error.
#define TRY_OK(...) MUSTER_TRY_OK(MUSTER_CAT(result_, __LINE__), return, __VA_ARGS__)
/// `CO_TRY(const auto x, co_await f());`: TRY for coroutines.
#define CO_TRY(declaration, ...) \
    MUSTER_TRY(MUSTER_CAT(result_, __LINE__), co_return, declaration, __VA_ARGS__)
/// `CO_TRY_OK(co_await f());`: TRY_OK for coroutines.
#define CO_TRY_OK(...) MUSTER_TRY_OK(MUSTER_CAT(result_, __LINE__), co_return, __VA_ARGS__)
