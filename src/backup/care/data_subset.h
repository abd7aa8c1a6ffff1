#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "backup/blob_store.h"
#include "backup/host.h"

namespace muster::backup {

/// Which packs a check reads.
struct DataSubset {
    enum class Kind : std::uint8_t { kNone, kAll, kPart, kShare, kBytes };
    Kind kind = Kind::kNone;
    unsigned part = 0;        ///< kPart: this part, from 1 on, …
    unsigned parts = 0;       ///< … of so many; up to 256, as the first byte of the name tells.
    double share = 0;         ///< kShare: of all packs, drawn at random; 0 to 1.
    std::uint64_t bytes = 0;  ///< kBytes: about so many, drawn at random.
};

/// Reads "2/5", "3%", "1.5%" or a size such as "512M". kInvalid otherwise.
Result<DataSubset> parse_data_subset(std::string_view text);

/// A size as restic writes them: digits and perhaps k, M, G or T (binary). kInvalid otherwise.
Result<std::uint64_t> parse_suffixed_size(std::string_view text);
/// A share: digits and "%", up to 100. kInvalid otherwise.
Result<double> parse_percent(std::string_view text);

/// The packs of the subset.
std::vector<Listed> choose_packs(std::vector<Listed> packs, const DataSubset& subset, Host& host);

}  // namespace muster::backup
