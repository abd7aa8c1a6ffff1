#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace muster::adapters {

/// The headers of an answer, and what may wait unparsed, end there.
inline constexpr std::size_t kMaxHttpAnswerHeader = 32U << 10U;

/// Collects one HTTP/1.x answer from the bytes that arrive: Beast's parser, without its streams and
/// without keeping headers. Interim answers (1xx) are passed over.
class HttpResponseReader {
  public:
    struct Wanted {
        bool is_head = false;      ///< The answer to HEAD has no body, whatever its headers say.
        bool keeps_body = true;    ///< Otherwise the body is read, and forgotten.
        std::size_t max_body = 0;  ///< The answer is done when so much of its body has come.
    };
    explicit HttpResponseReader(Wanted wanted);
    ~HttpResponseReader();
    HttpResponseReader(const HttpResponseReader&) = delete;
    HttpResponseReader& operator=(const HttpResponseReader&) = delete;

    /// kCorrupt when this is no HTTP answer, or one with headers over the limit.
    Result<> take(std::string_view bytes);
    /// The connection has ended: kUnavailable when the answer is not whole.
    Result<> finish();
    [[nodiscard]] bool is_done() const;
    /// Another request may follow on the connection.
    [[nodiscard]] bool keeps_alive() const;
    [[nodiscard]] int status() const;
    /// At most `max_body` bytes.
    [[nodiscard]] std::string take_body();

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace muster::adapters
