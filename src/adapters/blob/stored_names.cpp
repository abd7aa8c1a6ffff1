#include "adapters/blob/stored_names.h"

#include <algorithm>

#include "backup/object_id.h"

namespace muster::adapters {

using backup::FileKind;

bool is_stored_name(std::string_view text) {
    const auto is_digit = [](char letter) {
        return (letter >= '0' && letter <= '9') || (letter >= 'a' && letter <= 'f');
    };
    return text.size() == backup::ObjectId::kHexSize && std::ranges::all_of(text, is_digit);
}

std::string path_of(const backup::StoredName& name) {
    std::string path(backup::place_of(name.kind));
    if (name.kind == FileKind::kConfig) {
        return path;
    }
    if (name.kind == FileKind::kPack) {
        path.append("/").append(name.name.substr(0, 2));
    }
    return path.append("/").append(name.name);
}

Error config_exists() {
    return Error{Errc::kConflict, "there is a repository already: it has a config"};
}

Result<> refuse_second_config(backup::BlobStore& store) {
    const auto found = store.size({});
    if (found) {
        return config_exists();
    }
    return found.error().code() == Errc::kNotFound ? Result<>() : Result<>(found.error());
}

Error ends_before(const backup::StoredName& name, std::uint64_t size, std::uint64_t offset) {
    return Error{Errc::kCorrupt, name.str() + " ends at " + std::to_string(size) +
                                     " bytes, before what was wanted at " + std::to_string(offset)};
}

}  // namespace muster::adapters
