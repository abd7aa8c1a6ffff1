#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace muster::agent {

// What writer and reader of observations agree upon; docs/design/observations.md.

inline constexpr std::string_view kMagic = "muster-observations 3\n";
// Without what a run rebuilds.
inline constexpr std::string_view kMagicOfVersion2 = "muster-observations 2\n";
// Without who is in sync.
inline constexpr std::string_view kMagicOfVersion1 = "muster-observations 1\n";
inline constexpr std::size_t kMagicName = 20;  // Without the version.
inline constexpr std::size_t kFrameHead = 12;
inline constexpr std::size_t kLargestFrame = 16U << 20U;

enum class FactsMode : std::uint8_t { kNone, kSame, kDelta, kFull };

}  // namespace muster::agent
