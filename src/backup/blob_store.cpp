#include "backup/blob_store.h"

namespace muster::backup {

std::string_view place_of(FileKind kind) {
    switch (kind) {
        case FileKind::kConfig:
            return "config";
        case FileKind::kKey:
            return "keys";
        case FileKind::kPack:
            return "data";
        case FileKind::kIndex:
            return "index";
        case FileKind::kSnapshot:
            return "snapshots";
        case FileKind::kLock:
            return "locks";
    }
    return "config";
}

std::string StoredName::str() const {
    std::string text(place_of(kind));
    if (kind != FileKind::kConfig) {
        text += "/" + name;
    }
    return text;
}

}  // namespace muster::backup
