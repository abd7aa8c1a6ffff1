#include "adapters/action/http_action.h"

#include "adapters/action/journal_text.h"
#include "adapters/action/web_call.h"

namespace muster::adapters {

using plan::Type;
using workflow::Call;
using workflow::Observation;

Type HttpAction::parameters() {
    auto fields = web_call_fields();
    for (auto& field : token_fields()) {
        fields.push_back(std::move(field));
    }
    fields.push_back({"repeatable", Type::boolean("sending it twice is as good as once"), false,
                      "true unless POST or PATCH"});
    fields.push_back({"observe",
                      Type::object(web_call_fields(), "its good answer means: already done"), false,
                      ""});
    fields.push_back(
        {"undo", Type::object(web_call_fields(), "puts it back, for rollback"), false, ""});
    return Type::object(std::move(fields), "sends an HTTP request");
}

namespace {

Fields outputs_of(const HttpResponse& response) {
    return {{"status", std::to_string(response.status)}, {"body", journal_text(response.body)}};
}

}  // namespace

workflow::Traits HttpAction::traits() const {
    return {.can_undo = true};
}

Task<Fields> HttpAction::send(WebCall call, plan::Node with, Instant deadline) {
    CO_TRY_OK(add_token(call.request, with));
    CO_TRY(const auto response, co_await http_.send(call.request, deadline));
    if (!call.is_good(response)) {
        co_return bad_answer(call, response);
    }
    co_return outputs_of(response);
}

Task<Observation> HttpAction::observe(Call call, Instant deadline) {
    const auto* asked = call.with.find("observe");
    if (asked == nullptr) {
        CO_TRY(const auto request, read_web_call(call.with, call));
        const bool may_repeat = call.with.flag("repeatable", request.is_repeatable());
        co_return Observation{
            may_repeat ? Observation::State::kNotDone : Observation::State::kUnknown, {}};
    }
    CO_TRY(auto request, read_web_call(*asked, call));
    CO_TRY_OK(add_token(request.request, call.with));
    CO_TRY(const auto response, co_await http_.send(request.request, deadline));
    if (request.is_good(response)) {
        co_return Observation{Observation::State::kDone, outputs_of(response)};
    }
    // A server that can't answer the question has not said no.
    const auto error = bad_answer(request, response);
    const bool is_silent = error.code() == Errc::kDenied || error.code() == Errc::kUnavailable ||
                           (error.code() == Errc::kOutcomeUnknown && response.status >= 500);
    if (is_silent) {
        co_return error;
    }
    co_return Observation{Observation::State::kNotDone, {}};
}

Task<Fields> HttpAction::apply(Call call, Instant deadline) {
    CO_TRY(auto request, read_web_call(call.with, call));
    co_return co_await send(std::move(request), std::move(call.with), deadline);
}

Task<> HttpAction::undo(Call call, Instant deadline) {
    const auto* declared = call.with.find("undo");
    if (declared == nullptr) {
        co_return Result<>{};  // Nothing to put back was declared.
    }
    CO_TRY(auto request, read_web_call(*declared, call));
    // A key of its own: to the server it is another request than the one that it takes back.
    request.request.headers["Idempotency-Key"] =
        "\"" + call.run.str() + "/" + call.step.str() + "/undo\"";
    CO_TRY_OK(co_await send(std::move(request), std::move(call.with), deadline));
    co_return Result<>{};
}

}  // namespace muster::adapters
