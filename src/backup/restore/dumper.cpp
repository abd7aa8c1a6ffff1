#include "backup/restore/dumper.h"

#include <optional>

#include "backup/restore/tar_header.h"

namespace muster::backup {

namespace {

constexpr std::size_t kReadAtOnce = 8U << 20U;

}  // namespace

Dumper::Dumper(const Repository& repository, DumpSink sink)
    : repository_(repository), sink_(std::move(sink)), reader_(repository) {
}

Result<> Dumper::write_file(const Node& file) {
    std::uint64_t done = 0;
    for (std::size_t i = 0; i < file.content.size();) {
        if (repository_.host().is_stopped()) {
            return Error(Errc::kCancelled, "the dump was stopped");
        }
        std::vector<BlobPlace> places;
        std::size_t size = 0;
        for (; i < file.content.size() && size < kReadAtOnce; ++i) {
            auto place = repository_.index().find(BlobType::kData, file.content[i]);
            if (!place) {
                return Error(Errc::kCorrupt, file.name + ": blob " + file.content[i].brief() +
                                                 " is in no pack that the index knows");
            }
            size += place->blob.content_length();
            places.push_back(*place);
        }
        plain_.resize(size);
        std::vector<WantedBlob> wanted;
        std::size_t at = 0;
        for (const auto& place : places) {
            wanted.push_back({place, plain_.span().subspan(at, place.blob.content_length())});
            at += place.blob.content_length();
        }
        std::optional<Error> lost;
        reader_.read(wanted, [&](const WantedBlob&, const Error& error) { lost = error; });
        if (lost) {
            return std::move(*lost).with(file.name);
        }
        TRY_OK(sink_(plain_.view()));
        done += size;
    }
    return done == file.size
               ? Result<>()
               : Error(Errc::kCorrupt, file.name + ": its blobs have " + std::to_string(done) +
                                           " bytes where the snapshot says " +
                                           std::to_string(file.size));
}

Result<> Dumper::write_tar(const ObjectId& tree, const std::string& path) {
    TRY_OK(add_folder(tree, path));
    return sink_(bytes_of(tar_end()));
}

Result<> Dumper::add_folder(const ObjectId& tree, const std::string& path) {
    TRY(const auto nodes, repository_.load_tree(tree).with("/" + path));
    for (const auto& node : nodes) {
        const std::string below = path.empty() ? node.name : path + "/" + node.name;
        TRY_OK(add_entry(node, below));
        if (node.is_directory() && node.subtree) {
            TRY_OK(add_folder(*node.subtree, below));
        }
    }
    return {};
}

Result<> Dumper::add_entry(const Node& node, const std::string& path) {
    if (node.is_file() && node.links > 1) {
        const auto [first, is_new] = first_names_.try_emplace({node.inode, node.device_id}, path);
        if (!is_new) {
            return sink_(bytes_of(tar_header(node, path, first->second)));
        }
    }
    TRY_OK(sink_(bytes_of(tar_header(node, path, {}))));
    if (!node.is_file()) {
        return {};
    }
    TRY_OK(write_file(node).with(path));
    const std::string rest((kTarBlock - node.size % kTarBlock) % kTarBlock, '\0');
    return sink_(bytes_of(rest));
}

}  // namespace muster::backup
