#include "backup/format/config.h"

#include <charconv>

#include "backup/format/json_reader.h"

namespace muster::backup {

namespace {

constexpr int kHexadecimal = 16;

std::string hexadecimal(Polynomial polynomial) {
    char digits[kHexadecimal];  // NOLINT: to_chars wants an array
    const auto end = std::to_chars(digits, digits + sizeof digits, polynomial, kHexadecimal).ptr;
    return {digits, end};
}

Result<Polynomial> read_polynomial(std::string_view text) {
    Polynomial polynomial = 0;
    const auto [end, failure] =
        std::from_chars(text.data(), text.data() + text.size(), polynomial, kHexadecimal);
    if (failure != std::errc{} || end != text.data() + text.size() || !is_irreducible(polynomial)) {
        return Error(Errc::kInvalid,
                     "the repository's chunker polynomial is not an irreducible one of degree 53",
                     "its config is damaged or forged; do not write to this repository");
    }
    return polynomial;
}

}  // namespace

std::string encode_config(const RepositoryConfig& config) {
    return R"({"version":)" + std::to_string(config.version) + R"(,"id":")" + config.id +
           R"(","chunker_polynomial":")" + hexadecimal(config.polynomial) + R"("})";
}

Result<RepositoryConfig> decode_config(const Buffer& json) {
    TRY(const auto root, parse_json(json, "the repository's config"));
    TRY(const auto object, json_object(root, "the repository's config"));
    RepositoryConfig config;
    config.version = 0;
    for (const auto field : object) {
        if (field.key == "version") {
            TRY(config.version, json_number32(field.value, "the repository's version"));
        } else if (field.key == "id") {
            TRY(const auto id, json_id(field.value, "the repository's id"));
            config.id = id.hex();
        } else if (field.key == "chunker_polynomial") {
            TRY(const auto text, json_text(field.value, "the chunker polynomial"));
            TRY(config.polynomial, read_polynomial(text));
        }
    }
    if (config.version < RepositoryConfig::kOldest || config.version > RepositoryConfig::kNewest) {
        return Error(Errc::kInvalid,
                     "the repository has format version " + std::to_string(config.version) +
                         "; versions 1 and 2 are known",
                     "a newer muster may know it");
    }
    if (config.id.empty() || config.polynomial == 0) {
        return Error(Errc::kCorrupt, "the repository's config lacks its id or its polynomial");
    }
    return config;
}

}  // namespace muster::backup
