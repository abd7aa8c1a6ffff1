#include "adapters/action/notify_action.h"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "adapters/action/journal_text.h"
#include "adapters/action/web_call.h"
#include "adapters/os/secret_source.h"

namespace muster::adapters {

using plan::Type;
using workflow::Call;
using workflow::Observation;

namespace {

// Many webhook addresses are secrets themselves: so they may be kept outside of the plan.
Result<std::string> address_of(const plan::Node& with) {
    if (auto url = with.text("webhook"); !url.empty()) {
        return url;
    }
    TRY(auto url, read_secret({with.text("webhook_file"), with.text("webhook_env")}));
    return url.reveal();
}

std::string body_of(const Call& call) {
    boost::json::object body;
    body["event"] = call.with.text("event", "step.notify");
    body["service"] = call.service.str();
    body["run"] = call.run.str();
    body["step"] = call.step.str();
    body["message"] = journal_text(call.with.text("message"));
    return boost::json::serialize(body);
}

}  // namespace

Type NotifyAction::parameters() {
    std::vector<plan::Field> fields{
        {"webhook", Type::text("the address to post to"), false, ""},
        {"webhook_file", Type::text("a file with that address"), false, ""},
        {"webhook_env", Type::text("an environment variable of muster with that address"), false,
         ""},
        {"message", Type::text("what to tell"), true, ""},
        {"event", Type::text("the event's name"), false, "step.notify"},
    };
    for (auto& field : token_fields()) {
        fields.push_back(std::move(field));
    }
    auto type = Type::object(std::move(fields), "tells a webhook");
    type.exactly_one_of = {"webhook", "webhook_file", "webhook_env"};
    return type;
}

workflow::Traits NotifyAction::traits() const {
    return {.timeout = std::chrono::seconds(10), .is_idempotent = true};
}

Task<Observation> NotifyAction::observe(Call /*call*/, Instant /*deadline*/) {
    co_return Observation{};
}

Task<Fields> NotifyAction::apply(Call call, Instant deadline) {
    CO_TRY(auto url, address_of(call.with));
    CO_TRY(auto web, read_web_call(plan::Node{}, call));
    web.request.method = "POST";
    web.request.url = std::move(url);
    web.request.headers["Content-Type"] = "application/json";
    web.request.body = body_of(call);
    CO_TRY_OK(add_token(web.request, call.with));
    CO_TRY(const auto response, co_await http_.send(web.request, deadline));
    if (!web.is_good(response)) {
        co_return bad_answer(web, response);
    }
    Fields outputs{{"status", std::to_string(response.status)}};
    co_return outputs;
}

Task<> NotifyAction::undo(Call /*call*/, Instant /*deadline*/) {
    co_return Error{Errc::kInvalid, "what was told can't be taken back"};
}

}  // namespace muster::adapters
