#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "backup/blob_index.h"
#include "backup/blob_store.h"
#include "backup/cache.h"
#include "backup/codec/seal.h"
#include "backup/format/config.h"
#include "backup/format/tree.h"
#include "backup/host.h"
#include "base/secret.h"

namespace muster::backup {

/// What the engine asks for everything outside.
struct Ports {
    Host& host;
    BlobStore& store;
    Cache* cache = nullptr;  ///< May be absent.
};

/// An open repository in restic's format (restic's design document): its key and its index. Reading
/// may be done by many threads at once. Every byte is authenticated before it is used.
class Repository {
  public:
    /// Makes a new one. kConflict when there is one.
    static Result<std::unique_ptr<Repository>> create(Ports ports, const Secret& password,
                                                      const RepositoryConfig& wanted);
    /// Tries the password on every key (on `key_hint` first, a prefix of its name; may be empty).
    /// kDenied when it fits none; kNotFound when there is no repository.
    static Result<std::unique_ptr<Repository>> open(Ports ports, const Secret& password,
                                                    const std::string& key_hint = {});

    Repository(Ports ports, const MasterKey& key, std::string key_name);

    [[nodiscard]] const RepositoryConfig& config() const { return config_; }
    [[nodiscard]] const Sealer& sealer() const { return sealer_; }
    [[nodiscard]] const MasterKey& master_key() const { return key_; }
    /// The name of the key file that the password opened.
    [[nodiscard]] const std::string& key_name() const { return key_name_; }
    [[nodiscard]] BlobStore& store() const { return ports_.store; }
    [[nodiscard]] Host& host() const { return ports_.host; }

    /// The cache's name of a pack of trees; stores that are far away are spared these.
    static std::string cached_pack(const ObjectId& pack) { return "pack-" + pack.hex(); }
    /// The cache for packs of trees; nothing where reading again costs next to nothing.
    [[nodiscard]] Cache* pack_cache() const;
    /// From now on reads of the index go through the cache, which outlives the repository.
    void use_cache(Cache& cache) { ports_.cache = &cache; }

    /// The plain content of an index, a snapshot or a lock. kCorrupt when its bytes are not what
    /// its name says or do not authenticate.
    Result<Buffer> load_unpacked(FileKind kind, const ObjectId& id) const;
    /// Seals (and from version 2 on compresses) and writes it; its name.
    Result<ObjectId> save_unpacked(FileKind kind, ByteView plain) const;

    /// Reads all index files, those that the cache has from there. Called again it reads those that
    /// are new since; what others have removed meanwhile stays known.
    Result<> load_index();
    [[nodiscard]] BlobIndex& index() { return index_; }
    [[nodiscard]] const BlobIndex& index() const { return index_; }
    /// The index files that `load_index` found, sorted.
    [[nodiscard]] const std::vector<ObjectId>& index_files() const { return index_files_; }

    /// kConflict when an index file that `load_index` found is no longer there: somebody pruned
    /// while we stood still, and blobs that we rely on may be gone.
    Result<> verify_index_files() const;

    /// A blob's content; other copies are tried when one is damaged. kNotFound when the index does
    /// not have it, kCorrupt when no copy is whole.
    Result<Buffer> load_blob(BlobType type, const ObjectId& id) const;
    /// The content of a sealed blob, its hash compared with its id. kCorrupt.
    Result<Buffer> open_blob(const PackedBlob& blob, ByteView sealed) const;
    /// The same into a place that has its size.
    Result<> open_blob(const PackedBlob& blob, ByteView sealed, ByteSpan out) const;
    /// The same without the hash, which is left to the caller: authenticated, but perhaps another
    /// blob than the index says. For who hashes many side by side.
    Result<> unseal_blob(const PackedBlob& blob, ByteView sealed, ByteSpan out) const;
    Result<std::vector<Node>> load_tree(const ObjectId& id) const;
    /// The blobs that a pack's own header lists. kCorrupt.
    Result<std::vector<PackedBlob>> read_pack_header(const ObjectId& pack,
                                                     std::uint64_t size) const;

    /// A random IV that no one used before.
    [[nodiscard]] Iv draw_iv() const;

  private:
    Result<> read_config();
    Result<> read_sealed(const BlobPlace& place, bool is_cache_trusted, ByteSpan into) const;
    Result<> load_index_file(const ObjectId& id);

    Ports ports_;
    MasterKey key_;
    Sealer sealer_;
    std::string key_name_;
    RepositoryConfig config_;
    BlobIndex index_;
    std::vector<ObjectId> index_files_;
    mutable std::mutex fetching_;  // Of packs for the cache: each once.
};

}  // namespace muster::backup
