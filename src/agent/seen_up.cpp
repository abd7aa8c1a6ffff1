#include "agent/seen_up.h"

#include <array>
#include <cstdio>

#include "base/random.h"

namespace muster::agent {

namespace {

/// Each part with its length, so that no two trees give the same text.
void write(const plan::Node& node, std::string* out) {
    const auto add = [out](const std::string& text) {
        *out += std::to_string(text.size()) + ":" + text;
    };
    add(node.scalar);
    for (const auto& item : node.items) {
        *out += "[";
        write(item, out);
    }
    for (const auto& entry : node.entries) {
        *out += "{";
        add(entry.key);
        write(entry.value, out);
    }
    *out += ".";
}

}  // namespace

std::uint64_t address_of(const probe::Settings& settings) {
    std::string text = settings.plan.type + "|";
    write(settings.plan.settings, &text);
    for (const auto& [name, value] : settings.variables) {
        if (name != "epoch" && name != "node" && name != "expect_role") {
            text.append("|").append(name).append("=").append(value);
        }
    }
    return stable_hash(text);
}

std::string SeenUp::value_of(std::uint64_t address) {
    std::array<char, 24> buffer{};
    std::snprintf(buffer.data(), buffer.size(), "%016llx",
                  static_cast<unsigned long long>(address));
    return buffer.data();
}

void SeenUp::load(const std::vector<state::KeyValue>& entries) {
    for (const auto& entry : entries) {
        const auto slash = entry.key.find('/', kPrefix.size());
        if (slash != std::string::npos) {
            seen_[entry.key.substr(slash + 1)].insert(entry.value);
        }
    }
}

void SeenUp::expect(const probe::TargetId& target, std::uint64_t address) {
    expected_[target] = address;
}

bool SeenUp::has(const probe::TargetId& target) const {
    const auto expected = expected_.find(target);
    const auto seen = seen_.find(target.str());
    return expected != expected_.end() && seen != seen_.end() &&
           seen->second.contains(value_of(expected->second));
}

std::uint64_t SeenUp::address(const probe::TargetId& target) const {
    const auto expected = expected_.find(target);
    return expected == expected_.end() ? 0 : expected->second;
}

bool SeenUp::note(const probe::TargetId& target) {
    const auto expected = expected_.find(target);
    if (expected == expected_.end() || has(target)) {
        return false;
    }
    seen_[target.str()] = {value_of(expected->second)};
    unkept_.insert(target.str());
    return true;
}

state::Transaction SeenUp::unkept(const SiteId& vantage) const {
    state::Transaction transaction;
    for (const auto& target : unkept_) {
        if (transaction.ops.size() == kBatch) {
            break;
        }
        transaction.ops.push_back(state::Op::put(
            std::string(kPrefix) + vantage.str() + "/" + target, *seen_.at(target).begin()));
    }
    return transaction;
}

void SeenUp::kept(const state::Transaction& transaction) {
    for (const auto& op : transaction.ops) {
        const auto target = op.key.substr(op.key.find('/', kPrefix.size()) + 1);
        if (*seen_.at(target).begin() == op.value) {
            unkept_.erase(target);
        }
    }
}

}  // namespace muster::agent
