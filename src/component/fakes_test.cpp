#include "component/fakes_test.h"

#include <gmock/gmock.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <exception>

namespace muster::component {
namespace {

class FakeProbe final : public probe::Probe {
  public:
    FakeProbe(World& world, std::string address) : world_(world), address_(std::move(address)) {}
    Task<probe::Sample> check(Instant /*deadline*/) override {
        ++world_.checks;
        const auto found = world_.good_after.find(address_);
        probe::Sample sample;
        if (found != world_.good_after.end() && found->second-- <= 0) {
            sample.evidence = probe::Evidence::kGood;
        } else {
            sample.evidence = probe::Evidence::kHard;
            sample.detail = "connection refused";
        }
        co_return sample;
    }

  private:
    World& world_;
    std::string address_;
};

workflow::Call call_of(plan::Node with) {
    workflow::Call call;
    call.run = RunId("r-1");
    call.step = StepId("shop.step");
    call.epoch = Epoch{7};
    call.service = ServiceId("shop");
    call.with = std::move(with);
    return call;
}

void expect_declared(const workflow::Action& action, const Fields& outputs) {
    const auto declared = action.outputs();
    for (const auto& [name, value] : outputs) {
        if (!declared.empty()) {
            EXPECT_THAT(declared, testing::Contains(name)) << "as " << value;
        }
    }
}

}  // namespace

struct Bench::Loop {
    boost::asio::io_context io;

    template <class T>
    Result<T> run(Task<T> task) {
        std::optional<Result<T>> out;
        boost::asio::co_spawn(io, std::move(task), [&out](std::exception_ptr thrown, Result<T> r) {
            if (thrown) {
                std::rethrow_exception(thrown);
            }
            out.emplace(std::move(r));
        });
        io.restart();
        io.run();
        return std::move(*out);
    }
};

Bench::Bench() : loop_(std::make_unique<Loop>()) {
    probes.add("http", {[this](const probe::Settings& settings,
                               const probe::Deps&) -> Result<std::unique_ptr<probe::Probe>> {
                            const auto address = settings.variables.find("address");
                            return std::make_unique<FakeProbe>(
                                world, address == settings.variables.end() ? "" : address->second);
                        },
                        plan::Type::object({}, "")});
    add_component_actions(
        actions,
        {control, commands, steerer, probes, {loop_->io.get_executor(), clock, random, log, {}}});
}

Bench::~Bench() = default;

Result<Fields> Bench::apply(const std::string& action, plan::Node with) {
    const auto deadline = clock.now() + std::chrono::seconds(30);
    auto& used = *actions.find(action);
    auto outputs = loop_->run(used.apply(call_of(std::move(with)), deadline));
    expect_declared(used, outputs.value_or(Fields{}));
    return outputs;
}

Result<workflow::Observation> Bench::observe(const std::string& action, plan::Node with) {
    const auto deadline = clock.now() + std::chrono::seconds(30);
    auto& used = *actions.find(action);
    auto seen = loop_->run(used.observe(call_of(std::move(with)), deadline));
    expect_declared(used, seen ? seen->outputs : Fields{});
    return seen;
}

Result<> Bench::undo(const std::string& action, plan::Node with, Fields outputs) {
    auto call = call_of(std::move(with));
    call.outputs = std::move(outputs);
    const auto deadline = clock.now() + std::chrono::seconds(30);
    return loop_->run(actions.find(action)->undo(std::move(call), deadline));
}

}  // namespace muster::component
