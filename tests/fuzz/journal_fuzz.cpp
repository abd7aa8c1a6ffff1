#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "workflow/machine.h"
#include "workflow/seal.h"

// One line is one value of a run's journal: first the spec, then the records. Each is tried as it
// stands, as bytes of a damaged disk, and as a body under a sum that fits, so that what lies behind
// the sum is reached as well.

namespace {

using namespace muster;
using namespace muster::workflow;
namespace json = boost::json;

std::optional<json::value> parse(std::string_view text) {
    boost::system::error_code failure;
    json::parse_options options;
    options.max_depth = 100;
    options.allow_invalid_utf8 = true;
    auto value = json::parse(text, failure, {}, options);
    return failure ? std::nullopt : std::optional(std::move(value));
}

RunId run_of(const json::value& body) {
    const auto* object = body.if_object();
    const auto* run = object == nullptr ? nullptr : object->if_contains("run");
    return RunId(run != nullptr && run->is_string() ? std::string(run->get_string()) : "r-1");
}

void expect(bool is_so) {
    if (!is_so) {
        std::abort();
    }
}

class Replay {
  public:
    /// False when the journal ends here: what follows would not be read.
    bool take(std::string_view line) {
        static_cast<void>(decode_spec(line, RunId("r-1")));
        static_cast<void>(decode_record(line, {RunId("r-1"), number_, sum_}));
        const auto body = parse(line);
        if (!body) {
            return false;
        }
        return machine_ ? take_record(*body) : take_spec(*body);
    }
    /// As a process that takes the run up.
    void go_on() {
        if (!machine_) {
            return;
        }
        Entry cause;
        cause.kind = Entry::Kind::kTakenUp;
        const auto reaction = machine_->take(std::move(cause));
        static_cast<void>(machine_->next_timer());
        if (reaction) {
            const auto again = encode(Record{number_, "w", reaction->entries}, run_, sum_);
            expect(decode_record(again.text, {run_, number_, sum_}).has_value());
        }
    }

  private:
    bool take_spec(const json::value& body) {
        run_ = run_of(body);
        auto first = decode_spec(seal(body, {}).text, run_);
        if (!first) {
            return false;
        }
        // What can be read can be written and read again, to the same bytes.
        const auto again = encode(first->record);
        const auto second = decode_spec(again.text, run_);
        expect(second.has_value() && encode(second->record).text == again.text);
        sum_ = first->sum;
        auto made = Machine::make(std::move(first->record.spec), std::move(first->record.traits));
        if (!made) {
            return false;
        }
        machine_.emplace(std::move(*made));
        return true;
    }
    bool take_record(const json::value& body) {
        const auto record = decode_record(seal(body, sum_).text, {run_, number_, sum_});
        if (!record) {
            return false;
        }
        for (const auto& entry : record->record.entries) {
            if (!machine_->fold(entry)) {
                return false;
            }
        }
        sum_ = record->sum;
        ++number_;
        return true;
    }

    RunId run_;
    std::string sum_;
    std::int64_t number_ = 1;
    std::optional<Machine> machine_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view text(reinterpret_cast<const char*>(data), size);
    Replay replay;
    bool is_whole = true;
    while (!text.empty() && is_whole) {
        const auto end = text.find('\n');
        is_whole = replay.take(text.substr(0, end));
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
    replay.go_on();
    return 0;
}
