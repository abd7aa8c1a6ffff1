#pragma once

#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "backup/blob_writer.h"
#include "backup/codec/sha256.h"
#include "backup/format/zone_clock.h"
#include "backup/restore/restorer.h"
#include "backup/testing/memory_store.h"
#include "backup/testing/test_host.h"

namespace muster::backup::testing {

/// An entry of a target in memory.
struct TargetEntry {
    Node node;
    std::string content;
    bool is_finished = false;
};

/// A target in memory: entries by path, "/a/b".
class FakeTarget final : public RestoreTarget {
  public:
    Result<std::shared_ptr<TargetFolder>> open_root(bool is_made) override;
    [[nodiscard]] bool is_full() const override { return is_full_now; }
    [[nodiscard]] std::uint64_t reserved_failures() const override { return 0; }

    TargetEntry& put(const std::string& path, const std::string& content, NodeTime mtime = {}) {
        TargetEntry& entry = entries[path];
        entry.node.mtime = mtime;
        entry.node.size = content.size();
        entry.node.links = 1;
        entry.content = content;
        return entry;
    }
    void put_folder(const std::string& path) { entries[path].node.type = NodeType::kDirectory; }

    std::recursive_mutex mutex;
    std::map<std::string, TargetEntry> entries;
    std::uint64_t written = 0;      ///< Bytes.
    std::set<std::string> refused;  ///< Paths that can't be created.
    bool is_full_now = false;
};

class FakeFile final : public TargetFile {
  public:
    FakeFile(FakeTarget& target, std::string path) : target_(target), path_(std::move(path)) {}

    Result<> write(std::uint64_t offset, ByteView content) override {
        const std::scoped_lock lock(target_.mutex);
        auto& text = target_.entries[path_].content;
        text.resize(std::max<std::size_t>(text.size(), offset + content.size()), '\0');
        std::ranges::copy(text_of(content), text.begin() + static_cast<std::ptrdiff_t>(offset));
        target_.written += content.size();
        return {};
    }
    Result<std::size_t> read(std::uint64_t offset, ByteSpan into) override {
        const std::scoped_lock lock(target_.mutex);
        const auto& text = target_.entries[path_].content;
        const auto begin = std::min<std::size_t>(offset, text.size());
        const auto size = std::min(into.size(), text.size() - begin);
        std::copy_n(text.begin() + static_cast<std::ptrdiff_t>(begin), size, into.begin());
        return size;
    }
    Result<> resize(std::uint64_t size) override {
        const std::scoped_lock lock(target_.mutex);
        target_.entries[path_].content.resize(size, '\0');
        return {};
    }
    Result<> finish(const Node& node, bool is_damaged) override {
        const std::scoped_lock lock(target_.mutex);
        auto& entry = target_.entries[path_];
        entry.node = node;
        entry.is_finished = !is_damaged;
        return {};
    }

  private:
    FakeTarget& target_;
    std::string path_;
};

class FakeFolder final : public TargetFolder {
  public:
    FakeFolder(FakeTarget& target, std::string path, bool is_new)
        : target_(target), path_(std::move(path)), is_new_(is_new) {}

    [[nodiscard]] bool is_new() const override { return is_new_; }
    Result<std::optional<Node>> look(const std::string& name) override {
        const std::scoped_lock lock(target_.mutex);
        const auto found = target_.entries.find(path_ + "/" + name);
        if (found == target_.entries.end()) {
            return std::optional<Node>();
        }
        Node node = found->second.node;
        node.size = found->second.content.size();
        return std::optional(node);
    }
    Result<std::vector<std::string>> list() override {
        const std::scoped_lock lock(target_.mutex);
        std::vector<std::string> names;
        for (const auto& [path, entry] : target_.entries) {
            if (path.starts_with(path_ + "/") &&
                path.find('/', path_.size() + 1) == std::string::npos) {
                names.push_back(path.substr(path_.size() + 1));
            }
        }
        return names;
    }
    Result<std::shared_ptr<TargetFolder>> make_folder(const std::string& name) override {
        const std::scoped_lock lock(target_.mutex);
        auto& entry = target_.entries[path_ + "/" + name];
        const bool is_there = entry.node.is_directory();
        entry.node.type = NodeType::kDirectory;
        return std::make_shared<FakeFolder>(target_, path_ + "/" + name, !is_there);
    }
    Result<std::shared_ptr<TargetFolder>> open_folder(const std::string& name) override {
        const std::scoped_lock lock(target_.mutex);
        if (!target_.entries.contains(path_ + "/" + name)) {
            return Error(Errc::kNotFound, "no such folder");
        }
        return std::make_shared<FakeFolder>(target_, path_ + "/" + name, false);
    }
    Result<std::unique_ptr<TargetFile>> create_file(const Node& node) override {
        const std::scoped_lock lock(target_.mutex);
        const std::string path = path_ + "/" + node.name;
        if (target_.refused.contains(path)) {
            return Error(Errc::kDenied, "refused");
        }
        target_.entries[path] = TargetEntry{};
        return std::make_unique<FakeFile>(target_, path);
    }
    Result<std::unique_ptr<TargetFile>> open_file(const std::string& name, bool) override {
        return std::make_unique<FakeFile>(target_, path_ + "/" + name);
    }
    Result<> write_file(const Node& node, ByteView content) override {
        TRY(const auto file, create_file(node));
        TRY_OK(file->write(0, content));
        return file->finish(node, false);
    }
    Result<> make_other(const Node& node) override {
        const std::scoped_lock lock(target_.mutex);
        target_.entries[path_ + "/" + node.name] = {node, {}, true};
        return {};
    }
    Result<> link(const std::string& name, TargetFolder& folder,
                  const std::string& first) override {
        const std::scoped_lock lock(target_.mutex);
        const auto& from = dynamic_cast<FakeFolder&>(folder).path_ + "/" + first;
        target_.entries[path_ + "/" + name] = target_.entries.at(from);
        return {};
    }
    Result<> remove(const std::string& name) override {
        const std::scoped_lock lock(target_.mutex);
        target_.entries.erase(path_ + "/" + name);
        return {};
    }
    Result<> finish(const Node& node) override {
        const std::scoped_lock lock(target_.mutex);
        auto& entry = target_.entries[path_];
        entry.node = node;
        entry.is_finished = true;
        return {};
    }

  private:
    FakeTarget& target_;
    std::string path_;
    bool is_new_;
};

inline Result<std::shared_ptr<TargetFolder>> FakeTarget::open_root(bool) {
    return std::make_shared<FakeFolder>(*this, "", false);
}

/// A repository in memory, and trees in it.
class RestoreWorld {
  public:
    static constexpr std::size_t kBlob = 1U << 20U;

    RestoreWorld() { open(); }

    /// A file whose content is cut into blobs of a MiB.
    Node file(const std::string& name, const std::string& content) {
        Node node;
        node.name = name;
        node.size = content.size();
        node.links = 1;
        node.mtime = {1000, 5};
        for (std::size_t at = 0; at < content.size(); at += kBlob) {
            const auto blob = content.substr(at, kBlob);
            node.content.push_back(sha256(bytes_of(blob)));
            blobs.emplace_back(BlobType::kData, blob);
        }
        return node;
    }
    /// A directory; its nodes come in the order of their names.
    Node folder(const std::string& name, const std::vector<Node>& nodes) {
        Node node;
        node.name = name;
        node.type = NodeType::kDirectory;
        node.mtime = {2000, 0};
        TreeText text;
        ZoneClock zone(host);
        for (const auto& entry : nodes) {
            std::string json;
            append_node(json, entry, zone);
            text.add(json);
        }
        blobs.emplace_back(BlobType::kTree, text.finish());
        node.subtree = sha256(bytes_of(blobs.back().second));
        return node;
    }
    /// Stores all that was made, each kind in packs of its own.
    void save() {
        BlobWriter writer(*repository, {});
        ASSERT_TRUE(writer.run([&](unsigned number) -> Result<> {
            for (const auto& [type, content] : number == 0 ? blobs : Blobs()) {
                TRY_OK(writer.put(type, sha256(bytes_of(content)), bytes_of(content)));
            }
            return {};
        }));
        open();  // As another process that reads what was written.
        ASSERT_TRUE(repository->load_index());
    }
    /// Flips a bit of a stored blob.
    void damage(const ObjectId& id) {
        const auto place = repository->index().find(BlobType::kData, id);
        ASSERT_TRUE(place);
        store.files()[{FileKind::kPack, place->pack.hex()}][place->blob.offset + 20] ^= 1U;
    }

    void open() {
        MasterKey key;
        key.mac_r.fill(5);  // Of zeros, nothing would ever fail to authenticate.
        repository = std::make_unique<Repository>(Ports{host, store, nullptr}, key, "key");
    }

    using Blobs = std::vector<std::pair<BlobType, std::string>>;
    TestHost host;
    MemoryStore store;
    std::unique_ptr<Repository> repository;
    Blobs blobs;
};

}  // namespace muster::backup::testing
