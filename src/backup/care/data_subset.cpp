#include "backup/care/data_subset.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <limits>
#include <numeric>

#include "backup/object_id.h"

namespace muster::backup {

namespace {

constexpr unsigned kMostParts = 256;

template <class Number>
bool read_all(std::string_view text, Number& into) {
    const auto read = std::from_chars(text.data(), text.data() + text.size(), into);
    return read.ec == std::errc{} && read.ptr == text.data() + text.size();
}

Result<DataSubset> parse_part(std::string_view text, std::size_t slash) {
    DataSubset subset;
    subset.kind = DataSubset::Kind::kPart;
    if (!read_all(text.substr(0, slash), subset.part) ||
        !read_all(text.substr(slash + 1), subset.parts) || subset.part == 0 ||
        subset.part > subset.parts || subset.parts > kMostParts) {
        return Error(Errc::kInvalid, "\"" + std::string(text) + "\" is no part of the packs",
                     "write the part and how many there are, from 1/1 to 256/256");
    }
    return subset;
}

std::uint64_t draw(Host& host) {
    std::uint64_t bits = 0;
    std::array<std::uint8_t, sizeof bits> bytes{};
    host.fill_random(bytes);
    std::memcpy(&bits, bytes.data(), sizeof bits);
    return bits;
}

/// So many of them by chance.
std::vector<Listed> draw_packs(std::vector<Listed> packs, std::size_t count, Host& host) {
    for (std::size_t i = 0; i < count; ++i) {
        std::swap(packs[i], packs[i + draw(host) % (packs.size() - i)]);
    }
    packs.resize(count);
    return packs;
}

}  // namespace

Result<std::uint64_t> parse_suffixed_size(std::string_view text) {
    constexpr std::string_view kUnits = "kmgt";
    const Error bad(Errc::kInvalid, "\"" + std::string(text) + "\" is not a size",
                    "write bytes, or a number with k, M, G or T behind it");
    if (text.empty()) {
        return bad;
    }
    unsigned shift = 0;
    auto digits = text;
    const auto unit = kUnits.find(static_cast<char>(text.back() | 0x20));
    if (unit != std::string_view::npos) {
        shift = 10 * (static_cast<unsigned>(unit) + 1);
        digits.remove_suffix(1);
    }
    std::uint64_t size = 0;
    if (!read_all(digits, size) || size > std::numeric_limits<std::uint64_t>::max() >> shift) {
        return bad;
    }
    return size << shift;
}

Result<double> parse_percent(std::string_view text) {
    constexpr double kWhole = 100;
    double percent = 0;
    if (!text.ends_with('%') || !read_all(text.substr(0, text.size() - 1), percent) ||
        !(percent >= 0 && percent <= kWhole)) {
        return Error(Errc::kInvalid, "\"" + std::string(text) + "\" is not a share",
                     "write 0% to 100%");
    }
    return percent / kWhole;
}

Result<DataSubset> parse_data_subset(std::string_view text) {
    if (const auto slash = text.find('/'); slash != std::string_view::npos) {
        return parse_part(text, slash);
    }
    DataSubset subset;
    if (text.ends_with('%')) {
        subset.kind = DataSubset::Kind::kShare;
        TRY(subset.share, parse_percent(text));
        if (subset.share == 0) {
            return Error(Errc::kInvalid, "0% of the packs is none");
        }
        return subset;
    }
    subset.kind = DataSubset::Kind::kBytes;
    TRY(subset.bytes, parse_suffixed_size(text));
    if (subset.bytes == 0) {
        return Error(Errc::kInvalid, "0 bytes of the packs is none");
    }
    return subset;
}

std::vector<Listed> choose_packs(std::vector<Listed> packs, const DataSubset& subset, Host& host) {
    double share = subset.share;
    switch (subset.kind) {
        case DataSubset::Kind::kNone:
            return {};
        case DataSubset::Kind::kAll:
            return packs;
        case DataSubset::Kind::kPart:
            std::erase_if(packs, [&](const Listed& pack) {
                const auto id = ObjectId::parse(pack.name);
                return !id || id->bytes[0] % subset.parts != subset.part - 1;
            });
            return packs;
        case DataSubset::Kind::kBytes: {
            const auto total = std::accumulate(
                packs.begin(), packs.end(), 0.0,
                [](double sum, const Listed& pack) { return sum + double(pack.size); });
            share = total > 0 ? std::min(1.0, double(subset.bytes) / total) : 1;
            break;
        }
        case DataSubset::Kind::kShare:
            break;
    }
    const auto count = static_cast<std::size_t>(share * double(packs.size()));
    const std::size_t least = packs.empty() ? 0 : 1;
    return draw_packs(std::move(packs), std::max(count, least), host);
}

}  // namespace muster::backup
