#include "adapters/repo_server/request.h"

#include <algorithm>
#include <array>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <cstring>
#include <utility>

#include "adapters/net/http_chunks.h"
#include "base/check.h"

namespace muster::adapters::repo_server {

namespace http = boost::beast::http;

namespace {

using Parser = http::request_parser<http::buffer_body>;

Error not_http(const boost::system::error_code& failure) {
    return {Errc::kInvalid, "the request is not HTTP/1.1: " + failure.message()};
}

std::string text_of(const Parser& parser, http::field field) {
    return std::string(parser.get()[field]);
}

}  // namespace

struct RequestReader::Impl {
    std::optional<Parser> parser;
    bool awaits_continue = false;
    std::array<char, 64U << 10U> bytes{};
    std::size_t begin = 0;
    std::size_t end = 0;

    [[nodiscard]] boost::asio::const_buffer unread() const {
        return {bytes.data() + begin, end - begin};
    }
};

RequestReader::RequestReader(Connection& connection)
    : connection_(connection), impl_(std::make_unique<Impl>()) {
}
RequestReader::~RequestReader() = default;

// More bytes behind those that the parser could not use yet.
Result<> RequestReader::receive(Instant deadline) {
    auto& [parser, awaits_continue, bytes, begin, end] = *impl_;
    std::memmove(bytes.data(), bytes.data() + begin, end - begin);
    end -= std::exchange(begin, 0);
    if (end == bytes.size()) {
        return Error{Errc::kInvalid, "a line of the request has no end"};
    }
    TRY(const auto size, connection_.read(std::span(bytes).subspan(end), deadline));
    if (size == 0) {
        return Error{Errc::kUnavailable, "the peer has left"};
    }
    end += size;
    return {};
}

Result<> RequestReader::await_request(Instant deadline) {
    return impl_->begin == impl_->end ? receive(deadline) : Result<>();
}

Result<RequestHead> RequestReader::read_head(Instant deadline) {
    auto& parser = impl_->parser.emplace();
    parser.header_limit(kMaxHead);
    parser.body_limit(boost::none);
    while (!parser.is_header_done()) {
        boost::system::error_code failure;
        impl_->begin += parser.put(impl_->unread(), failure);
        if (failure == http::error::need_more) {
            TRY_OK(receive(deadline));
        } else if (failure) {
            return not_http(failure);
        }
    }
    RequestHead head;
    head.method = std::string(parser.get().method_string());
    head.target = std::string(parser.get().target());
    head.accept = text_of(parser, http::field::accept);
    head.range = text_of(parser, http::field::range);
    head.authorization = text_of(parser, http::field::authorization);
    if (const auto length = parser.content_length()) {
        head.content_length = *length;
    }
    head.has_body = !parser.is_done();
    head.keeps_alive = parser.keep_alive();
    head.is_http_10 = parser.get().version() == 10;
    impl_->awaits_continue =
        boost::beast::iequals(parser.get()[http::field::expect], "100-continue") && head.has_body;
    return head;
}

Result<> RequestReader::tell_continue(Instant deadline) {
    impl_->awaits_continue = false;
    constexpr std::string_view kLine = "HTTP/1.1 100 Continue\r\n\r\n";
    TRY(const auto written, connection_.write(kLine, deadline));
    if (written != kLine.size()) {
        return Error{Errc::kUnavailable, "the peer does not read"};
    }
    return {};
}

Result<std::size_t> RequestReader::read_body(std::span<char> into, Instant deadline) {
    CHECK(impl_->parser && !into.empty());
    auto& parser = *impl_->parser;
    if (impl_->awaits_continue) {
        TRY_OK(tell_continue(deadline));
    }
    auto& body = parser.get().body();
    body.data = into.data();
    body.size = into.size();
    while (!parser.is_done() && body.size == into.size()) {
        if (impl_->begin == impl_->end ||
            !has_enough_for_beast(parser, impl_->end - impl_->begin)) {
            TRY_OK(receive(deadline));
            continue;
        }
        boost::system::error_code failure;
        impl_->begin += parser.put(impl_->unread(), failure);
        if (failure == http::error::need_more) {
            TRY_OK(receive(deadline));
        } else if (failure && failure != http::error::need_buffer) {
            return not_http(failure);
        }
    }
    return into.size() - body.size;
}

bool RequestReader::is_body_read() const {
    return !impl_->parser || impl_->parser->is_done();
}

bool RequestReader::is_continue_awaited() const {
    return impl_->awaits_continue;
}

}  // namespace muster::adapters::repo_server
