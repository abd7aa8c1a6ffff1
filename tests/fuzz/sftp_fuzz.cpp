#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "adapters/blob/sftp_wire.h"

// A server's bytes, packet by packet: each is taken once, wherever it lies, and read as every kind.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    std::size_t at = 0;
    for (;;) {
        const auto before = at;
        const auto packet = muster::adapters::take_packet(bytes, at);
        if (!packet || !*packet) {
            if (at != before) {
                std::abort();
            }
            return 0;
        }
        const auto& answer = **packet;
        if (at <= before || at > size || answer.fields.size() + 9 != at - before) {
            std::abort();
        }
        static_cast<void>(answer.ok().has_value());
        static_cast<void>(answer.handle().has_value());
        static_cast<void>(answer.attributes().has_value());
        static_cast<void>(answer.room().has_value());
        static_cast<void>(muster::adapters::read_version(answer).has_value());
        const auto content = answer.data();
        if (content && content->size() + 4 > answer.fields.size()) {
            std::abort();
        }
        const auto entries = answer.entries();
        // A name takes twelve bytes at least: two lengths and the flags of its attributes.
        if (entries && entries->size() * 12 + 4 > answer.fields.size()) {
            std::abort();
        }
    }
}
