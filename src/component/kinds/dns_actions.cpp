#include <algorithm>
#include <memory>
#include <set>

#include "component/kinds/dns.h"
#include "component/parameters.h"
#include "plan/findings.h"

namespace muster::component {
namespace {

using plan::Type;

std::vector<std::string> split(const std::string& text) {
    std::vector<std::string> parts;
    for (std::size_t begin = 0; begin < text.size();) {
        const auto end = std::min(text.find(',', begin), text.size());
        parts.push_back(text.substr(begin, end - begin));
        begin = end + 1;
    }
    return parts;
}

bool same(const std::vector<std::string>& a, const std::vector<std::string>& b) {
    return std::set<std::string>(a.begin(), a.end()) == std::set<std::string>(b.begin(), b.end());
}

class PointAction final : public workflow::Action {
  public:
    explicit PointAction(const Deps& deps) : dns_(deps.dns) {}
    static Type parameters() {
        return Type::object(
            {{"name", Type::text("name of the record"), true, ""},
             {"type", Type::one_of({"A", "AAAA", "CNAME", "TXT"}, "its type"), false, "A"},
             {"ttl", Type::duration("how long resolvers may keep it"), false, "30s"},
             {"answers", Type::list(Type::text("address"), "what it answers from now on"), true,
              ""}},
            "points a name at a site, compare-and-set by epoch");
    }
    [[nodiscard]] std::vector<std::string> outputs() const override {
        return {"answers", "previous"};
    }
    [[nodiscard]] workflow::Traits traits() const override {
        return {.timeout = std::chrono::seconds(10),
                .attempts = 5,
                .is_idempotent = true,
                .can_undo = true};
    }
    Task<workflow::Observation> observe(workflow::Call call, Instant deadline) override {
        using State = workflow::Observation::State;
        CO_TRY(const auto wanted, read(call));
        CO_TRY(const auto actual, co_await dns_.current(wanted.record, deadline));
        const bool is_so = same(actual.answers, wanted.answers) && actual.epoch >= call.epoch;
        co_return is_so ? workflow::Observation{State::kDone, outputs(wanted, {})}
                        : workflow::Observation{State::kNotDone, {}};
    }
    Task<Fields> apply(workflow::Call call, Instant deadline) override {
        CO_TRY(const auto wanted, read(call));
        const auto before = co_await dns_.current(wanted.record, deadline);
        CO_TRY_OK((co_await dns_.apply(wanted, deadline))
                      .with("while pointing " + wanted.record.name + " at " +
                            plan::join(wanted.answers, ",")));
        co_return outputs(wanted, before ? before->answers : std::vector<std::string>{});
    }
    Task<> undo(workflow::Call call, Instant deadline) override {
        CO_TRY(auto wanted, read(call));
        const auto previous = call.outputs.find("previous");
        if (previous == call.outputs.end() || previous->second.empty()) {
            co_return Result<>{};  // It answered nothing before; an empty set is never published.
        }
        wanted.answers = split(previous->second);
        CO_TRY_OK((co_await dns_.apply(wanted, deadline))
                      .with("while pointing " + wanted.record.name + " back"));
        co_return Result<>{};
    }

  private:
    static Result<steer::Wanted> read(const workflow::Call& call) {
        steer::Wanted wanted;
        wanted.record = {call.with.text("name"), call.with.text("type", "A")};
        TRY(wanted.record.ttl, parse_duration(call.with.text("ttl", "30s")));
        wanted.answers = call.with.texts("answers");
        wanted.epoch = call.epoch;
        if (wanted.record.name.empty() || wanted.answers.empty()) {
            return Error(Errc::kInvalid,
                         "step " + call.step.str() + " names no record or no answers",
                         "an empty set of answers is never published");
        }
        return wanted;
    }
    static Fields outputs(const steer::Wanted& wanted, const std::vector<std::string>& before) {
        return {{"answers", plan::join(wanted.answers, ",")},
                {"previous", plan::join(before, ",")}};
    }

    steer::Steerer& dns_;
};

}  // namespace

void add_dns_actions(workflow::Actions& actions, const Deps& deps) {
    actions.add("dns.point", PointAction::parameters(), std::make_unique<PointAction>(deps));
}

}  // namespace muster::component
