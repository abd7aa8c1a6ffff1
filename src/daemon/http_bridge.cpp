#include "daemon/http_bridge.h"

#include <utility>

namespace muster::daemon {

namespace {

class StreamSink final : public api::Sink {
  public:
    explicit StreamSink(adapters::HttpStream& stream) : stream_(stream) {}
    Task<> send(std::string piece) override { return stream_.send(std::move(piece)); }

  private:
    adapters::HttpStream& stream_;
};

Task<> run_stream(std::function<Task<>(api::Sink&)> produce, adapters::HttpStream* stream) {
    StreamSink sink(*stream);
    co_return co_await produce(sink);
}

Task<adapters::HttpServerResponse> answer(api::Api* api, adapters::HttpServerRequest request) {
    api::Request asked;
    asked.method = std::move(request.method);
    asked.path = std::move(request.path);
    asked.query = std::move(request.query);
    asked.headers = std::move(request.headers);
    asked.body = std::move(request.body);
    asked.is_local = request.is_local;
    CO_TRY(auto given, co_await api->handle(std::move(asked)));

    adapters::HttpServerResponse response;
    response.status = given.status;
    response.content_type = std::move(given.content_type);
    response.headers = std::move(given.headers);
    response.body = std::move(given.body);
    if (given.stream) {
        response.stream = [produce = std::move(given.stream)](adapters::HttpStream& stream) {
            return run_stream(produce, &stream);
        };
    }
    co_return response;
}

Task<adapters::HttpServerResponse> not_ready() {
    adapters::HttpServerResponse response;
    response.status = 503;
    response.body =
        R"({"error":{"code":"unavailable","message":"the node is starting","hint":"ask again"}})"
        "\n";
    response.headers["Retry-After"] = "1";
    co_return response;
}

}  // namespace

adapters::HttpServer::Handler serve_api(api::Api& api, const bool& is_ready) {
    return [&api, &is_ready](adapters::HttpServerRequest request) {
        return is_ready ? answer(&api, std::move(request)) : not_ready();
    };
}

}  // namespace muster::daemon
