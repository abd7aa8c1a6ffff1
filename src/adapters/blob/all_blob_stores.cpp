#include "adapters/blob/all_blob_stores.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "adapters/blob/limited_store.h"
#include "adapters/blob/local_store.h"
#include "adapters/blob/rest_store.h"
#include "adapters/blob/retrying_store.h"
#include "adapters/blob/s3_store.h"
#include "adapters/blob/sftp_store.h"

namespace muster::adapters {

namespace {

using Store = std::unique_ptr<backup::BlobStore>;

struct Kind {
    std::string_view name;
    Result<Store> (*make)(const std::string& address, const StoreDeps& deps);
};

Result<Store> make_local(const std::string& path, const StoreDeps& deps) {
    TRY_OK(check_extended(deps.options, "local", {}));
    if (path.empty()) {
        return Error{Errc::kInvalid, "the location names no folder", "write local:/path"};
    }
    return std::make_unique<LocalStore>(path);
}

// Sorted; the only place that lists them.
constexpr std::array kKinds = {
    Kind{"local", &make_local},
    Kind{RestStore::kKind, &RestStore::make},
    Kind{S3Store::kKind, &S3Store::make},
    Kind{SftpStore::kKind, &SftpStore::make},
};

// As restic tells a path from a kind: a kind is letters and digits before the first colon.
std::string_view kind_of(std::string_view location) {
    const auto colon = location.find(':');
    const auto name = location.substr(0, colon);
    const auto is_plain = [](char letter) {
        return (letter >= 'a' && letter <= 'z') || (letter >= '0' && letter <= '9');
    };
    if (colon == std::string_view::npos || name.empty() || !std::ranges::all_of(name, is_plain)) {
        return {};
    }
    return name;
}

/// Options of another kind may be there, since a command may know two repositories.
Result<> check_kinds(const Fields& extended) {
    for (const auto& [name, value] : extended) {
        const auto dot = std::min(name.find('.'), name.size());
        if (std::ranges::find(kKinds, std::string_view(name).substr(0, dot), &Kind::name) ==
            kKinds.end()) {
            return Error{Errc::kInvalid, "there is no option " + name,
                         "options of stores are KIND.NAME, such as s3.region"};
        }
    }
    return {};
}

Result<Store> make_store(const std::string& location, const StoreDeps& deps) {
    const auto name = kind_of(location);
    if (name.empty()) {
        return make_local(location, deps);
    }
    const auto* const kind = std::ranges::find(kKinds, name, &Kind::name);
    if (kind == kKinds.end()) {
        return Error{Errc::kInvalid,
                     "repositories of the kind \"" + std::string(name) + "\" are not supported",
                     "there are local:, rest:, s3: and sftp:; for a folder with a colon in its "
                     "name write local:PATH"};
    }
    return kind->make(location.substr(name.size() + 1), deps);
}

}  // namespace

Result<Store> open_store(const std::string& location, const StoreOptions& options,
                         backup::Host& host) {
    TRY_OK(check_kinds(options.extended));
    TRY(auto store, make_store(location, {options, host}));
    if (options.upload_kib_s != 0 || options.download_kib_s != 0) {
        store = std::make_unique<LimitedStore>(
            std::move(store), host,
            LimitedStore::Rates{options.upload_kib_s, options.download_kib_s});
    }
    return std::make_unique<RetryingStore>(std::move(store), host, RetryPolicy{}, options.on_retry);
}

std::vector<std::string_view> store_kinds() {
    std::vector<std::string_view> names;
    names.reserve(kKinds.size());
    for (const auto& kind : kKinds) {
        names.push_back(kind.name);
    }
    return names;
}

}  // namespace muster::adapters
