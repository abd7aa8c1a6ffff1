// Every file of a repository whose plain text the engine parses: config, key, pack header, index,
// tree, lock, and the cached index. All but the key file are authenticated, but whoever has the key
// may have written them. What can be read is written, and read again, to the same.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "backup/format/config.h"
#include "backup/format/index_cache.h"
#include "backup/format/index_file.h"
#include "backup/format/key_file.h"
#include "backup/format/tree.h"
#include "backup/format/zone_clock.h"
#include "backup/repository_lock.h"
#include "backup/testing/memory_store.h"
#include "backup/testing/test_host.h"

namespace {

using namespace muster::backup;

void expect(bool is_so) {
    if (!is_so) {
        std::abort();
    }
}

Buffer buffer_of(std::string_view text) {
    return Buffer(bytes_of(text));
}

void try_config(std::string_view text) {
    const auto first = decode_config(buffer_of(text));
    if (!first) {
        return;
    }
    const std::string again = encode_config(*first);
    const auto second = decode_config(buffer_of(again));
    expect(second.has_value() && encode_config(*second) == again);
}

void try_key(std::string_view text) {
    const auto first = decode_key_file(buffer_of(text));
    if (!first) {
        return;
    }
    const std::string again = encode_key_file(*first);
    const auto second = decode_key_file(buffer_of(again));
    expect(second.has_value() && encode_key_file(*second) == again);
    expect(second->salt == first->salt && second->data == first->data);
}

void try_pack_header(ByteView bytes) {
    const auto blobs = decode_pack_header(bytes);
    if (blobs) {
        expect(std::ranges::equal(encode_pack_header(*blobs).view(), bytes));
    }
}

void try_index(std::string_view text) {
    std::vector<IndexedPack> packs;
    const auto keep = [&](IndexedPack& pack) { packs.push_back(std::move(pack)); };
    if (!decode_index(buffer_of(text), keep)) {
        return;
    }
    const std::string again = encode_index(packs);
    std::vector<IndexedPack> back;
    expect(decode_index(buffer_of(again), [&](IndexedPack& pack) {
               back.push_back(std::move(pack));
           }).has_value());
    expect(encode_index(back) == again);
}

std::string write_tree(const std::vector<Node>& nodes) {
    static muster::backup::testing::TestHost host;
    static ZoneClock zone(host);
    TreeText tree;
    for (const auto& node : nodes) {
        std::string text;
        append_node(text, node, zone);
        tree.add(text);
    }
    return tree.finish();
}

void try_tree(std::string_view text) {
    const auto first = decode_tree(buffer_of(text));
    if (!first) {
        return;
    }
    for (const auto& node : *first) {
        expect(!node.name.empty() && node.name.find('/') == std::string::npos);
        (void)system_mode(node.mode);
    }
    // What is no valid UTF-8, and years that no JSON can hold, are bent once.
    const std::string again = write_tree(*first);
    const auto second = decode_tree(buffer_of(again));
    expect(second.has_value() && write_tree(*second) == again);
}

void try_lock(ByteView bytes) {
    muster::backup::testing::TestHost host;
    muster::backup::testing::MemoryStore store;
    const Repository repository({host, store, nullptr}, MasterKey(), "");
    expect(repository.save_unpacked(FileKind::kLock, bytes).has_value());
    const auto locks = read_locks(repository);
    if (locks) {
        expect(locks->size() == 1);
        (void)is_stale(locks->front(), host);
    }
}

void try_cached_index(ByteView bytes) {
    static const Sealer kSealer{MasterKey()};
    static constexpr Iv kIv{1};
    Buffer sealed(bytes.size() + Sealer::kOverhead);
    kSealer.seal(bytes, kIv, sealed.span());
    const auto packs = open_cached_index(kSealer, sealed);
    if (packs) {
        const Buffer again = seal_cached_index(kSealer, kIv, *packs);
        const auto back = open_cached_index(kSealer, again);
        expect(back.has_value() && encode_index(*back) == encode_index(*packs));
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    try_config(text);
    try_key(text);
    try_pack_header({data, size});
    try_index(text);
    try_tree(text);
    try_lock({data, size});
    try_cached_index({data, size});
    return 0;
}
