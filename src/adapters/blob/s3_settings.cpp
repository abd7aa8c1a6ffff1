#include <algorithm>
#include <charconv>

#include "adapters/blob/s3_store.h"
#include "adapters/blob/url_parts.h"

namespace muster::adapters {

namespace {

constexpr std::string_view kHint = "write s3:https://host/bucket or s3:host:port/bucket/prefix";

std::string option(const StoreOptions& options, const std::string& name) {
    const auto found = options.extended.find(name);
    return found == options.extended.end() ? std::string() : found->second;
}

// "s3.eu-west-1.amazonaws.com", "s3-eu-west-1.…", "s3.dualstack.eu-west-1.…" name their region.
std::string region_in(std::string_view host) {
    const auto end = host.find(".amazonaws.com");
    if (end == std::string_view::npos || !host.starts_with("s3")) {
        return {};
    }
    auto name = host.substr(0, end);
    name.remove_prefix(std::min<std::size_t>(3, name.size()));
    if (name.starts_with("dualstack.")) {
        name.remove_prefix(10);
    }
    return std::string(name);
}

std::string region_for(const std::string& host, const StoreOptions& options) {
    for (auto region : {option(options, "s3.region"), variable(options, "AWS_REGION"),
                        variable(options, "AWS_DEFAULT_REGION"), region_in(host)}) {
        if (!region.empty()) {
            return region;
        }
    }
    return "us-east-1";
}

Result<bool> wants_virtual_host(const S3Settings& settings, const StoreOptions& options) {
    const auto wish = option(options, "s3.bucket-lookup");
    if (wish.empty() || wish == "auto") {
        // A certificate for *.s3.amazonaws.com does not cover a bucket with a dot in its name.
        return settings.host.contains(".amazonaws.com") && !settings.bucket.contains('.');
    }
    if (wish == "dns" || wish == "path") {
        return wish == "dns";
    }
    return Error{Errc::kInvalid, "\"" + wish + "\" is no way to look up a bucket",
                 "write -o s3.bucket-lookup=auto, dns or path"};
}

Result<std::uint64_t> part_size_option(const StoreOptions& options) {
    const auto text = option(options, "s3.part-size");
    std::uint64_t mib = 64;
    if (text.empty()) {
        return mib << 20U;
    }
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), mib);
    if (problem != std::errc() || end != text.data() + text.size() || mib < 5 || mib > 4096) {
        return Error{Errc::kInvalid, "\"" + text + "\" is no size of a part",
                     "write -o s3.part-size=MIB with 5 to 4096"};
    }
    return mib << 20U;
}

bool is_bucket_name(std::string_view name) {
    const auto is_fit = [](char letter) {
        return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
               (letter >= '0' && letter <= '9') || std::string_view("-._").contains(letter);
    };
    return !name.empty() && name.size() <= 255 && std::ranges::all_of(name, is_fit);
}

}  // namespace

Result<S3Settings> S3Settings::read(const std::string& address, const StoreOptions& options) {
    TRY_OK(check_extended(
        options, "s3", {"bucket-lookup", "connections", "part-size", "region", "storage-class"}));
    // "s3://host/bucket" is another way to write "s3:host/bucket".
    auto split = split_url(address.starts_with("//") ? address.substr(2) : address)
                     .with("in the location s3:…");
    if (!split) {
        return std::move(split.error()).hinting(std::string(kHint));
    }
    S3Settings settings;
    settings.scheme = split->scheme.empty() ? "https" : split->scheme;
    settings.host = split->host;
    const auto path =
        std::string_view(split->path).substr(std::min<std::size_t>(1, split->path.size()));
    const auto slash = std::min(path.find('/'), path.size());
    settings.bucket = path.substr(0, slash);
    settings.prefix = path.substr(std::min(slash + 1, path.size()));
    while (settings.prefix.ends_with('/')) {
        settings.prefix.pop_back();
    }
    settings.prefix += settings.prefix.empty() ? "" : "/";
    const bool is_web = settings.scheme == "https" || settings.scheme == "http";
    if (!is_web || !split->user.empty() || !is_bucket_name(settings.bucket)) {
        return Error{Errc::kInvalid, "the location s3:… does not name a host and a bucket",
                     std::string(kHint) + "; the key comes from AWS_ACCESS_KEY_ID"};
    }
    settings.region = region_for(settings.host, options);
    TRY(settings.is_virtual_host, wants_virtual_host(settings, options));
    TRY(settings.connections, connections_option(options, "s3", 5));
    TRY(settings.part_size, part_size_option(options));
    settings.storage_class = option(options, "s3.storage-class");
    settings.object_lock_days = options.object_lock_days;
    settings.http.ca_file = options.ca_file;
    settings.http.client_cert_file = options.client_cert_file;
    settings.http.verify_tls = options.verify_tls;
    settings.environment = options.environment;
    return settings;
}

}  // namespace muster::adapters
