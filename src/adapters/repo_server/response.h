#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "adapters/repo_server/connection.h"

namespace muster::adapters::repo_server {

/// An answer without its body.
struct ResponseHead {
    int status = 200;
    std::string content_type = "text/plain; charset=utf-8";
    std::vector<std::pair<std::string, std::string>> headers;
};

/// Writes one answer. Its last word is whether the connection may serve another request.
class ResponseWriter {
  public:
    struct Form {
        bool keeps_alive = false;
        bool is_http_10 = false;  ///< No chunks: what has no length ends with the connection.
        bool is_head = false;     ///< The answer has no body, only its length.
    };

    ResponseWriter(Connection& connection, Clock& clock, PaceLimit pace, Form form)
        : connection_(connection), clock_(clock), pace_(pace), form_(form) {}

    /// A whole answer.
    Result<> send(const ResponseHead& head, std::string_view body);
    /// The status's own words as the body.
    Result<> send_status(int status);
    /// The answer to HEAD: the length of a body that does not follow.
    Result<> send_length(const ResponseHead& head, std::uint64_t length);
    Result<> send_file(const ResponseHead& head, FilePart part);
    /// An answer of unknown length: `begin`, any number of pieces, `end`.
    Result<> begin(const ResponseHead& head);
    Result<> piece(std::string_view text);
    Result<> end();

    /// The connection is to be closed after this answer.
    void close_after() { form_.keeps_alive = false; }
    [[nodiscard]] bool keeps_alive() const { return form_.keeps_alive; }
    /// 0 until the answer began.
    [[nodiscard]] int status() const { return status_; }

  private:
    Result<> write(std::string_view text);
    std::string head_text(const ResponseHead& head, std::string_view framing);

    Connection& connection_;
    Clock& clock_;
    PaceLimit pace_;
    Form form_;
    int status_ = 0;
};

}  // namespace muster::adapters::repo_server
