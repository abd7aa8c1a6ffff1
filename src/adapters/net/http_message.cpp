#include "adapters/net/http_message.h"

#include <algorithm>
#include <array>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/serializer.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/url/authority_view.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>
#include <cctype>
#include <cstdint>
#include <cstdio>

#include "adapters/net/http_chunks.h"

namespace muster::adapters {

namespace http = boost::beast::http;

namespace {

// An endless chunk header never makes the parser advance; beyond this the peer is refused.
constexpr std::size_t kMaxUnparsed = 64U << 10U;

HttpRefusal refusal_of(const boost::system::error_code& failure) {
    if (failure == http::error::header_limit) {
        return {431, "the request's headers are larger than 8 KiB"};
    }
    if (failure == http::error::body_limit) {
        return {413, "the request's body is larger than 1 MiB"};
    }
    return {400, "the request is not HTTP/1.1: " + failure.message()};
}

}  // namespace

struct HttpRequestReader::Impl {
    http::request_parser<http::string_body> parser;
    bool was_continue_asked = false;
    Impl() {
        parser.eager(true);
        parser.header_limit(kMaxHttpHeader);
        parser.body_limit(kMaxHttpBody);
    }
};

HttpRequestReader::HttpRequestReader() : impl_(std::make_unique<Impl>()) {
}
HttpRequestReader::~HttpRequestReader() = default;

std::optional<HttpRefusal> HttpRequestReader::take(std::string& bytes) {
    auto& parser = impl_->parser;
    while (!bytes.empty() && !parser.is_done() && has_enough_for_beast(parser, bytes.size())) {
        boost::system::error_code failure;
        const std::size_t used = parser.put(boost::asio::buffer(bytes), failure);
        bytes.erase(0, used);
        if (failure == http::error::need_more) {
            break;
        }
        if (failure) {
            return refusal_of(failure);
        }
        if (used == 0) {
            break;
        }
    }
    if (!parser.is_done() && bytes.size() > kMaxUnparsed) {
        return HttpRefusal{400, "a chunk header of the request has no end"};
    }
    return std::nullopt;
}

bool HttpRequestReader::is_done() const {
    return impl_->parser.is_done();
}

bool HttpRequestReader::wants_continue() {
    const auto& parser = impl_->parser;
    if (impl_->was_continue_asked || !parser.is_header_done() || parser.is_done()) {
        return false;
    }
    impl_->was_continue_asked = true;
    return lower_case(parser.get()[http::field::expect]) == "100-continue";
}

bool HttpRequestReader::keeps_alive() const {
    return impl_->parser.keep_alive();
}

bool HttpRequestReader::is_http_10() const {
    return impl_->parser.get().version() == 10;
}

std::optional<HttpRefusal> HttpRequestReader::release(HttpServerRequest& into) {
    auto message = impl_->parser.release();
    const std::string_view target(message.target().data(), message.target().size());
    const auto url = target.starts_with('/') ? boost::urls::parse_origin_form(target)
                                             : boost::urls::parse_uri(target);
    if (!url || url->path().empty()) {
        return HttpRefusal{400, "the request's target is not a path"};
    }
    into.method = std::string(message.method_string());
    into.path = url->path();
    for (const auto& parameter : url->params()) {
        into.query[parameter.key] = parameter.value;
    }
    for (const auto& field : message) {
        into.headers[lower_case(field.name_string())] = std::string(field.value());
    }
    into.body = std::move(message.body());
    return std::nullopt;
}

std::string lower_case(std::string_view text) {
    std::string result(text);
    std::ranges::transform(result, result.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return result;
}

bool is_own_host(std::string_view host) {
    const auto parsed = boost::urls::parse_authority(host);
    if (!parsed || parsed->has_userinfo()) {
        return false;
    }
    const auto kind = parsed->host_type();
    return kind == boost::urls::host_type::ipv4 || kind == boost::urls::host_type::ipv6 ||
           lower_case(std::string(parsed->host())) == "localhost";
}

// How many bytes there were.
template <class Buffers>
static std::size_t append_to(std::string* text, const Buffers& buffers) {
    std::size_t size = 0;
    for (const auto& buffer : boost::beast::buffers_range_ref(buffers)) {
        text->append(static_cast<const char*>(buffer.data()), buffer.size());
        size += buffer.size();
    }
    return size;
}

std::string http_head(const HttpServerResponse& response, HttpFraming framing, bool keeps_alive) {
    http::response<http::empty_body> head(static_cast<http::status>(response.status), 11);
    for (const auto& [name, value] : response.headers) {
        head.set(name, value);
    }
    head.set(http::field::server, "muster");
    head.set("X-Content-Type-Options", "nosniff");
    if (!response.content_type.empty()) {
        head.set(http::field::content_type, response.content_type);
    }
    if (framing == HttpFraming::kLength) {
        head.set(http::field::content_length, std::to_string(response.body.size()));
    } else if (framing == HttpFraming::kChunked) {
        head.set(http::field::transfer_encoding, "chunked");
    }
    head.set(http::field::connection, keeps_alive ? "keep-alive" : "close");

    http::response_serializer<http::empty_body> serializer(head);
    std::string text;
    boost::system::error_code failure;
    while (!serializer.is_header_done() && !failure) {
        serializer.next(failure, [&](auto&, const auto& buffers) {
            serializer.consume(append_to(&text, buffers));
        });
    }
    return text;
}

std::string http_chunk(std::string_view piece) {
    if (piece.empty()) {
        return {};
    }
    std::array<char, 24> size{};
    std::snprintf(size.data(), size.size(), "%zx\r\n", piece.size());
    std::string chunk(size.data());
    chunk.append(piece);
    chunk.append("\r\n");
    return chunk;
}

HttpServerResponse http_error(const HttpRefusal& refusal) {
    // The messages are our own, plain ASCII without quotes.
    HttpServerResponse response;
    response.status = refusal.status;
    response.body =
        R"({"error":{"code":"invalid","message":")" + refusal.message + R"(","hint":""}})" + "\n";
    return response;
}

}  // namespace muster::adapters
