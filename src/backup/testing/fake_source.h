#pragma once

#include <algorithm>
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "backup/source.h"

namespace muster::backup::testing {

/// An entry of a FakeSource; a test bends what it does.
struct FakeEntry {
    Node node;
    std::string content;
    std::map<std::string, FakeEntry> entries;

    std::optional<Error> fails_to_open;
    std::optional<Error> fails_to_list;
    std::optional<Error> fails_to_tell;        ///< Its attributes.
    std::optional<std::size_t> fails_to_read;  ///< From this byte on.
    std::optional<Node> opened;                ///< What it is by the time when it is opened.
};

/// A tree of files in memory, at "/".
class FakeSource final : public Source {
  public:
    FakeSource() { root_.node = made("", NodeType::kDirectory); }

    /// The entry at a path, made if it is not there: a directory for all but the last part.
    FakeEntry& at(const std::string& path) {
        FakeEntry* entry = &root_;
        for (std::size_t begin = 1; begin < path.size();) {
            const std::size_t end = std::min(path.find('/', begin), path.size());
            const std::string name = path.substr(begin, end - begin);
            if (!entry->entries.contains(name)) {
                entry->entries[name].node = made(name, NodeType::kDirectory);
            }
            entry = &entry->entries[name];
            begin = end + 1;
        }
        return *entry;
    }
    FakeEntry& folder(const std::string& path) { return at(path); }
    FakeEntry& file(const std::string& path, std::string content) {
        auto& entry = at(path);
        entry.node.type = NodeType::kFile;
        entry.node.mode = 0644;
        entry.node.size = content.size();
        entry.content = std::move(content);
        return entry;
    }

    Result<Node> status(const std::string& path) override {
        TRY(const auto* entry, find(path));
        return entry->node;
    }
    Result<std::unique_ptr<SourceFolder>> open_folder(const std::string& path) override {
        TRY(auto* entry, find(path));
        return open(*entry);
    }
    std::string absolute(const std::string& path) override {
        return path.starts_with('/') ? path : path == "." ? "/" : "/" + path;
    }

    std::atomic<unsigned> opened_files{0};
    std::atomic<unsigned> prepared_files{0};
    std::atomic<unsigned> open_files{0};  ///< At this moment.
    std::atomic<unsigned> most_open{0};   ///< About: the most of them that a thread saw.

  private:
    class File final : public SourceFile {
      public:
        File(FakeSource& source, const FakeEntry& entry) : source_(source), entry_(entry) {
            source_.most_open = std::max(source_.most_open.load(), ++source_.open_files);
        }
        ~File() override { --source_.open_files; }
        void prepare() override { ++source_.prepared_files; }
        Result<std::size_t> read(ByteSpan into) override {
            if (entry_.fails_to_read && at_ + into.size() > *entry_.fails_to_read) {
                return Error(Errc::kUnavailable, "input/output error");
            }
            const std::size_t size = std::min(into.size(), entry_.content.size() - at_);
            std::copy_n(entry_.content.begin() + static_cast<std::ptrdiff_t>(at_), size,
                        into.begin());
            at_ += size;
            return size;
        }
        Result<Node> status() override { return entry_.opened.value_or(entry_.node); }

      private:
        FakeSource& source_;
        const FakeEntry& entry_;
        std::size_t at_ = 0;
    };

    class Folder final : public SourceFolder {
      public:
        Folder(FakeSource& source, FakeEntry& entry) : source_(source), entry_(entry) {}
        Result<std::vector<Node>> list() override {
            if (entry_.fails_to_list) {
                return *entry_.fails_to_list;
            }
            std::vector<Node> nodes;
            for (const auto& [name, entry] : entry_.entries) {
                nodes.push_back(entry.node);
            }
            return nodes;
        }
        Result<std::unique_ptr<SourceFolder>> open_folder(const std::string& name) override {
            return FakeSource::open(source_, entry_.entries.at(name));
        }
        Result<std::unique_ptr<SourceFile>> open_file(const std::string& name) override {
            ++source_.opened_files;
            const auto& entry = entry_.entries.at(name);
            if (entry.fails_to_open) {
                return *entry.fails_to_open;
            }
            return std::make_unique<File>(source_, entry);
        }
        Result<std::vector<ExtendedAttribute>> attributes(const std::string& name) override {
            const auto& entry = entry_.entries.at(name);
            if (entry.fails_to_tell) {
                return *entry.fails_to_tell;
            }
            return std::vector<ExtendedAttribute>{};
        }

      private:
        FakeSource& source_;
        FakeEntry& entry_;
    };

    static Result<std::unique_ptr<SourceFolder>> open(FakeSource& source, FakeEntry& entry) {
        if (entry.fails_to_open) {
            return *entry.fails_to_open;
        }
        return std::make_unique<Folder>(source, entry);
    }
    Result<std::unique_ptr<SourceFolder>> open(FakeEntry& entry) { return open(*this, entry); }

    Node made(const std::string& name, NodeType type) {
        Node node;
        node.name = name;
        node.type = type;
        node.mode = go_mode(0040755);
        node.mtime = node.ctime = {1'700'000'000, 5};
        node.inode = ++inodes_;
        return node;
    }
    Result<FakeEntry*> find(const std::string& path) {
        FakeEntry* entry = &root_;
        for (std::size_t begin = 1; begin < path.size();) {
            const std::size_t end = std::min(path.find('/', begin), path.size());
            const std::string name = path.substr(begin, end - begin);
            if (name != "." && !entry->entries.contains(name)) {
                return Error(Errc::kNotFound, "there is no " + path);
            }
            entry = name == "." ? entry : &entry->entries[name];
            begin = end + 1;
        }
        return entry;
    }

    std::uint64_t inodes_ = 0;
    FakeEntry root_;
};

}  // namespace muster::backup::testing
