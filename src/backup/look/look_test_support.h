#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "backup/blob_writer.h"
#include "backup/codec/sha256.h"
#include "backup/format/key_file.h"
#include "backup/format/zone_clock.h"
#include "backup/look/tree_reader.h"
#include "backup/testing/memory_store.h"
#include "backup/testing/test_host.h"

namespace muster::backup::testing {

/// A repository in memory that tests fill by hand.
class LookRepository {
  public:
    LookRepository() {
        repository_ =
            std::make_unique<Repository>(Ports{host_, store_, nullptr}, draw_master_key(host_), "");
    }

    [[nodiscard]] Repository& repository() { return *repository_; }
    TestHost& host() { return host_; }
    MemoryStore& store() { return store_; }

    ObjectId put(BlobType type, std::string_view content) {
        const ObjectId id = sha256(bytes_of(content));
        BlobWriter writer(*repository_, {});
        const auto done = writer.run([&](unsigned number) -> Result<> {
            if (number == 0) {
                TRY_OK(writer.put(type, id, bytes_of(content)));
            }
            return {};
        });
        EXPECT_TRUE(done);
        EXPECT_TRUE(repository_->load_index());
        return id;
    }
    ObjectId data(std::string_view content) { return put(BlobType::kData, content); }
    ObjectId tree(std::vector<Node> nodes) {
        std::ranges::sort(nodes, {}, &Node::name);
        ZoneClock zone(host_);
        TreeText text;
        for (const auto& node : nodes) {
            std::string line;
            append_node(line, node, zone);
            text.add(line);
        }
        return put(BlobType::kTree, text.finish());
    }

    static Node file(std::string name, std::vector<ObjectId> content, std::uint64_t size = 0) {
        Node node;
        node.name = std::move(name);
        node.mode = 0644;
        node.content = std::move(content);
        node.size = size;
        return node;
    }
    static Node folder(std::string name, const ObjectId& tree) {
        Node node;
        node.name = std::move(name);
        node.type = NodeType::kDirectory;
        node.mode = go_mode(0040755);
        node.subtree = tree;
        return node;
    }

  private:
    TestHost host_;
    MemoryStore store_;
    std::unique_ptr<Repository> repository_;
};

}  // namespace muster::backup::testing
