#include <cstddef>
#include <cstdint>
#include <string>

#include "agent/observation.h"
#include "base/random.h"

// The input is taken twice: as a segment, and as the payload of a whole frame, since no fuzzer
// guesses a checksum.

namespace {

void read_all(const std::string& bytes) {
    auto reader = muster::agent::ObservationReader::open(bytes);
    while (reader) {
        const auto next = reader->next();
        if (!next || !*next) {
            return;
        }
    }
}

std::string framed(std::string_view payload) {
    std::string bytes = muster::agent::ObservationWriter::head();
    const auto add = [&bytes](std::uint64_t value, int width) {
        for (int i = 0; i < width; ++i) {
            bytes.push_back(static_cast<char>(value & 0xFFU));
            value >>= 8U;
        }
    };
    add(payload.size(), 4);
    add(muster::stable_hash(payload), 8);
    return bytes.append(payload);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string text(reinterpret_cast<const char*>(data), size);
    read_all(text);
    read_all(muster::agent::ObservationWriter::head() + text);
    read_all(framed(text));
    return 0;
}
