#pragma once

// For the actions' tests: a loop with the real runner and client, parameters as trees, and a small
// web server that remembers what it was asked.

#include <gtest/gtest.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "adapters/action/all_actions.h"
#include "adapters/os/folder_test_support.h"
#include "adapters/os/process_runner.h"
#include "adapters/os/system.h"
#include "base/task_group.h"

namespace muster::test {

inline plan::Node scalar(std::string text) {
    plan::Node node;
    node.kind = plan::Node::Kind::kScalar;
    node.scalar = std::move(text);
    return node;
}
inline plan::Node words(std::vector<std::string> texts) {
    plan::Node node;
    node.kind = plan::Node::Kind::kList;
    for (auto& text : texts) {
        node.items.push_back(scalar(std::move(text)));
    }
    return node;
}
inline plan::Node map(std::vector<std::pair<std::string, plan::Node>> entries) {
    plan::Node node;
    node.kind = plan::Node::Kind::kMap;
    for (auto& [key, value] : entries) {
        node.entries.push_back({key, {}, std::move(value)});
    }
    return node;
}

/// Everything that actions stand on, for real.
class ActionWorld {
  public:
    Clock& clock() { return clock_; }
    boost::asio::io_context& loop() { return loop_; }
    adapters::ActionDeps deps() { return {loop_.get_executor(), clock_, commands_, http_}; }
    template <class T>
    Result<T> run(Task<T> task) {
        std::optional<Result<T>> result;
        TaskGroup group(loop_.get_executor());
        group.spawn(keep(std::move(task), &result));
        loop_.restart();
        while (!result && loop_.run_one() > 0) {
        }
        if (!result) {
            return Error{Errc::kUnavailable, "the call never ended"};
        }
        loop_.poll();
        return std::move(*result);
    }

  private:
    template <class T>
    static Task<> keep(Task<T> task, std::optional<Result<T>>* result) {
        result->emplace(co_await std::move(task));
        co_return Result<>{};
    }

    boost::asio::io_context loop_;
    adapters::SystemClock clock_;
    adapters::ProcessRunner commands_{loop_.get_executor(), clock_};
    adapters::HttpClient http_{loop_.get_executor(), clock_};
};

/// What one request to the test's web server was.
struct Asked {
    std::string method;
    std::string path;
    std::string head;
    std::string body;
};

/// Answers each connection's single request by `answer`; silent when that gives no status.
class WebServer {
  public:
    struct Answer {
        int status = 200;
        std::string body;
    };
    using Handler = std::function<std::optional<Answer>(const Asked&)>;
    WebServer(boost::asio::io_context& loop, Handler handler)
        : acceptor_(loop, {boost::asio::ip::address_v4::loopback(), 0}),
          handler_(std::move(handler)) {
        boost::asio::co_spawn(loop, serve(), [](const std::exception_ptr& /*ended*/) {});
    }
    [[nodiscard]] std::string url(const std::string& path) const {
        return "http://127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port()) + path;
    }
    std::vector<Asked> asked;

  private:
    using Socket = boost::asio::ip::tcp::socket;
    boost::asio::awaitable<void> serve() {
        for (;;) {
            held_.push_back(co_await acceptor_.async_accept(boost::asio::use_awaitable));
            boost::asio::co_spawn(acceptor_.get_executor(), answer(held_.size() - 1),
                                  [](const std::exception_ptr& /*ended*/) {});
        }
    }
    boost::asio::awaitable<void> answer(std::size_t place) {
        namespace asio = boost::asio;
        std::string text;
        const auto size = co_await asio::async_read_until(
            held_.at(place), asio::dynamic_buffer(text), "\r\n\r\n", asio::use_awaitable);
        Asked request;
        request.head = text.substr(0, size);
        request.method = text.substr(0, text.find(' '));
        request.path = text.substr(text.find(' ') + 1);
        request.path.resize(request.path.find(' '));
        const auto length = request.head.find("Content-Length: ");
        if (length != std::string::npos) {
            const auto wanted = size + std::stoul(request.head.substr(length + 16));
            while (text.size() < wanted) {
                std::string more(wanted - text.size(), '\0');
                const auto got = co_await held_.at(place).async_read_some(asio::buffer(more),
                                                                          asio::use_awaitable);
                text += more.substr(0, got);
            }
        }
        request.body = text.substr(size);
        asked.push_back(request);
        const auto reply = handler_(request);
        if (!reply) {
            co_return;
        }
        const std::string out =
            "HTTP/1.1 " + std::to_string(reply->status) +
            " X\r\nConnection: close\r\nContent-Length: " + std::to_string(reply->body.size()) +
            "\r\n\r\n" + reply->body;
        co_await asio::async_write(held_.at(place), asio::buffer(out), asio::use_awaitable);
        held_.at(place).close();
    }

    boost::asio::ip::tcp::acceptor acceptor_;
    Handler handler_;
    std::deque<Socket> held_;  // A silent connection stays open.
};

}  // namespace muster::test
