#include "adapters/net/http_response_reader.h"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <optional>

#include "adapters/net/failure.h"
#include "adapters/net/http_chunks.h"

namespace muster::adapters {

namespace http = boost::beast::http;
using boost::system::error_code;

namespace {

class Parser final : public http::basic_parser<false> {
  public:
    explicit Parser(const HttpResponseReader::Wanted& wanted) : wanted_(wanted) {
        eager(true);
        skip(wanted.is_head);
        header_limit(kMaxHttpAnswerHeader);
        body_limit(boost::none);
    }
    [[nodiscard]] int status() const { return status_; }
    [[nodiscard]] bool is_cut() const { return is_cut_; }
    std::string& body() { return body_; }

  private:
    using string_view = boost::beast::string_view;
    void on_request_impl(http::verb, string_view, string_view, int, error_code&) override {}
    void on_response_impl(int code, string_view, int, error_code&) override { status_ = code; }
    void on_field_impl(http::field, string_view, string_view, error_code&) override {}
    void on_header_impl(error_code&) override {}
    void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
    std::size_t on_body_impl(string_view body, error_code&) override { return take(body); }
    void on_chunk_header_impl(std::uint64_t, string_view, error_code&) override {}
    std::size_t on_chunk_body_impl(std::uint64_t, string_view body, error_code&) override {
        return take(body);
    }
    void on_finish_impl(error_code&) override {}

    std::size_t take(string_view piece) {
        const auto room = wanted_.max_body - size_;
        const auto length = std::min(room, piece.size());
        if (wanted_.keeps_body) {
            body_.append(piece.data(), length);
        }
        size_ += length;
        is_cut_ = is_cut_ || length < piece.size();
        return piece.size();
    }

    HttpResponseReader::Wanted wanted_;
    int status_ = 0;
    std::size_t size_ = 0;
    bool is_cut_ = false;
    std::string body_;
};

constexpr int kSwitchingProtocols = 101;
constexpr int kFirstFinal = 200;

}  // namespace

struct HttpResponseReader::Impl {
    explicit Impl(const Wanted& the_wanted) : wanted(the_wanted) { parser.emplace(wanted); }
    [[nodiscard]] bool is_interim() const {
        return parser->is_done() && parser->status() < kFirstFinal &&
               parser->status() != kSwitchingProtocols;
    }
    // How much of `bytes` was used.
    Result<std::size_t> parse(std::string_view bytes);

    Wanted wanted;
    std::optional<Parser> parser;
    std::string unread;
    bool has_surplus = false;
};

HttpResponseReader::HttpResponseReader(Wanted wanted) : impl_(std::make_unique<Impl>(wanted)) {
}
HttpResponseReader::~HttpResponseReader() = default;

Result<std::size_t> HttpResponseReader::Impl::parse(std::string_view bytes) {
    std::size_t used = 0;
    while (used < bytes.size() && !parser->is_done() && !parser->is_cut()) {
        error_code failure;
        const auto rest = bytes.substr(used);
        if (!has_enough_for_beast(*parser, rest.size())) {
            break;
        }
        const auto taken = parser->put(boost::asio::buffer(rest.data(), rest.size()), failure);
        used += taken;
        if (failure && failure != http::error::need_more) {
            return Error{Errc::kCorrupt, "the answer is not HTTP: " + failure.message()};
        }
        if (is_interim()) {
            parser.emplace(wanted);
        } else if (failure || taken == 0) {
            break;
        }
    }
    return used;
}

Result<> HttpResponseReader::take(std::string_view bytes) {
    auto& unread = impl_->unread;
    if (unread.empty()) {
        TRY(const auto used, impl_->parse(bytes));
        unread.assign(bytes.substr(used));
    } else {
        unread.append(bytes);
        TRY(const auto used, impl_->parse(unread));
        unread.erase(0, used);
    }
    if (is_done()) {
        impl_->has_surplus = !unread.empty();
        return {};
    }
    // An endless chunk header never makes the parser advance.
    if (unread.size() > kMaxHttpAnswerHeader) {
        return Error{Errc::kCorrupt, "the answer is not HTTP: a chunk header has no end"};
    }
    return {};
}

Result<> HttpResponseReader::finish() {
    error_code failure;
    if (!is_done() && impl_->parser->got_some()) {
        impl_->parser->put_eof(failure);
    }
    if (!is_done() || failure) {
        return Error{Errc::kUnavailable, std::string(kReset)};
    }
    return {};
}

bool HttpResponseReader::is_done() const {
    return impl_->parser->is_done() || impl_->parser->is_cut();
}

bool HttpResponseReader::keeps_alive() const {
    return impl_->parser->is_done() && !impl_->has_surplus && impl_->parser->keep_alive();
}

int HttpResponseReader::status() const {
    return impl_->parser->status();
}

std::string HttpResponseReader::take_body() {
    return std::move(impl_->parser->body());
}

}  // namespace muster::adapters
