#pragma once

#include <cstddef>

namespace muster::adapters {

/// False while fewer bytes have come than any chunked body still needs ("0", two line ends): wait
/// for more. Beast 1.81 asserts so much when it looks again at an empty body's last chunk, and ends
/// the process when a peer sends that in pieces.
template <class Parser>
bool has_enough_for_beast(const Parser& parser, std::size_t size) {
    constexpr std::size_t kLastChunk = 5;
    return size >= kLastChunk || !parser.is_header_done() || !parser.chunked();
}

}  // namespace muster::adapters
