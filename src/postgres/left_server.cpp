#include "postgres/left_server.h"

namespace muster::postgres {
namespace {

std::string number(Epoch epoch) {
    return std::to_string(epoch.value);
}

Ruling unproven(std::string why) {
    return {Standing::kUnproven, std::move(why)};
}

bool is_one_cluster(const ServerState& left, const ServerState& primary) {
    return !left.system_identifier.empty() && left.system_identifier == primary.system_identifier;
}

Ruling judge_answering(const Marks& left, Epoch epoch) {
    if (!left.canary) {
        return unproven("its own epoch mark can't be read");
    }
    if (*left.canary >= epoch) {
        return unproven("it carries epoch " + number(*left.canary) + " itself: it was promoted " +
                        "from what its successor has");
    }
    return {Standing::kIntruder, "it takes writes with epoch mark " + number(*left.canary)};
}

Ruling judge_by_host(const Marks& left, const Marks& primary) {
    const auto& state = left.state;
    if (!left.has_signal || state.process == Process::kUnknown) {
        return unproven("its host does not tell what runs there");
    }
    if (state.process == Process::kStopped) {
        return {Standing::kUnsealed, "it is stopped, without standby.signal"};
    }
    if (state.timeline == 0 || state.timeline >= primary.state.timeline) {
        return unproven("it runs on timeline " + std::to_string(state.timeline) +
                        ", which is not older than its successor's");
    }
    return {Standing::kIntruder, "it was started on timeline " + std::to_string(state.timeline) +
                                     " without standby.signal"};
}

}  // namespace

std::string_view to_string(Standing standing) {
    switch (standing) {
        case Standing::kStandby:
            return "standby";
        case Standing::kStopped:
            return "stopped";
        case Standing::kUnsealed:
            return "unsealed";
        case Standing::kIntruder:
            return "intruder";
        case Standing::kUnproven:
            break;
    }
    return "unproven";
}

bool is_harmless(const Marks& left) {
    if (left.state.accepts_connections) {
        return left.state.role == Role::kStandby;
    }
    return left.has_signal.value_or(false) && left.state.process != Process::kUnknown;
}

Ruling judge_left_server(const Marks& left, const Marks& primary, Epoch epoch) {
    const auto& state = left.state;
    if (is_harmless(left)) {
        const bool is_stopped = !state.accepts_connections && state.process == Process::kStopped;
        return is_stopped ? Ruling{Standing::kStopped, "it is stopped, with standby.signal"}
                          : Ruling{Standing::kStandby, "it is a standby"};
    }
    if (!primary.state.is_writable || !primary.canary || *primary.canary < epoch) {
        return unproven("the primary does not prove that it serves since epoch " + number(epoch));
    }
    if (!is_one_cluster(state, primary.state)) {
        return unproven("it is not of the primary's cluster");
    }
    return state.accepts_connections ? judge_answering(left, epoch) : judge_by_host(left, primary);
}

}  // namespace muster::postgres
