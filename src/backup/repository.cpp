#include "backup/repository.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <iterator>

#include "backup/codec/compressor.h"
#include "backup/codec/sha256.h"
#include "backup/format/index_cache.h"
#include "backup/format/index_file.h"
#include "backup/format/key_file.h"

namespace muster::backup {

namespace {

constexpr std::uint8_t kCompressedFile = 2;            // Before a zstd frame; else plain JSON.
constexpr std::size_t kLargestUnpacked = 1ULL << 30U;  // Bytes of an index's JSON.
constexpr std::size_t kKeysTried = 20;                 // As restic: each costs a scrypt.

Decompressor& decompressor_of_thread() {
    thread_local Decompressor decompressor;
    return decompressor;
}

Compressor& compressor_of_thread() {
    thread_local Compressor compressor(Compression::kAuto);
    return compressor;
}

Error damaged_blob(const PackedBlob& blob, const std::string& how) {
    return {Errc::kCorrupt,
            std::string(to_string(blob.type)) + " blob " + blob.id.brief() + " " + how};
}

Error with_repository_hint(Error error, const BlobStore& store) {
    if (error.code() != Errc::kNotFound) {
        return error;
    }
    return Error(Errc::kNotFound, "there is no repository at " + store.traits().location,
                 "check --repo, or make one with `muster repo init`");
}

/// The names of the key files, those that the hint fits first.
Result<std::vector<std::string>> key_names(BlobStore& store, const std::string& hint) {
    TRY(auto files, store.list(FileKind::kKey));
    std::ranges::sort(files, {}, [&](const Listed& file) {
        return std::pair(hint.empty() || !file.name.starts_with(hint), file.name);
    });
    std::vector<std::string> names;
    names.reserve(files.size());
    for (auto& file : files) {
        names.push_back(std::move(file.name));
    }
    return names;
}

Result<MasterKey> try_key(BlobStore& store, const std::string& name, const Secret& password) {
    TRY(const auto content, store.load({FileKind::kKey, name}));
    if (sha256(content.view()).hex() != name) {
        return Error(Errc::kCorrupt, "the key file " + name + " is damaged");
    }
    TRY(const auto file, decode_key_file(content));
    return unlock_master_key(file, password);
}

}  // namespace

Repository::Repository(Ports ports, const MasterKey& key, std::string key_name)
    : ports_(ports), key_(key), sealer_(key), key_name_(std::move(key_name)) {
}

Result<std::unique_ptr<Repository>> Repository::create(Ports ports, const Secret& password,
                                                       const RepositoryConfig& wanted) {
    if (password.empty()) {
        return Error(Errc::kInvalid, "an empty password is no password",
                     "give one by --password-file, --password-command or MUSTER_PASSWORD");
    }
    if (ports.store.size({FileKind::kConfig, {}})) {
        return Error(Errc::kConflict,
                     "there is a repository at " + ports.store.traits().location + " already",
                     "use it as it is, or make the new one in another place");
    }
    TRY_OK(ports.store.create());
    TRY(const auto keys, ports.store.list(FileKind::kKey));
    if (!keys.empty()) {
        return Error(
            Errc::kConflict,
            ports.store.traits().location + " has keys, but no config: it was a repository",
            "its config was lost; make the new repository in another place");
    }
    const auto master = draw_master_key(ports.host);
    TRY(const auto file, lock_master_key(master, password, ports.host));
    const std::string text = encode_key_file(file);
    const std::string name = sha256(bytes_of(text)).hex();
    TRY_OK(ports.store.write({FileKind::kKey, name}, bytes_of(text)));
    // Not every store refuses a second config. Who makes a repository at the same time has written
    // a key before looking, as we have: at least one of both sees the other's, and steps back.
    TRY(const auto known, ports.store.list(FileKind::kKey));
    if (std::ranges::any_of(known, [&name](const Listed& key) { return key.name != name; })) {
        static_cast<void>(ports.store.remove({FileKind::kKey, name}).has_value());
        return Error(Errc::kConflict,
                     "somebody else is making a repository at " + ports.store.traits().location,
                     "use theirs, or try again when there is none");
    }
    auto repository = std::make_unique<Repository>(ports, master, name);
    repository->config_ = wanted;
    const std::string plain = encode_config(wanted);
    Buffer sealed(plain.size() + Sealer::kOverhead);
    repository->sealer_.seal(bytes_of(plain), repository->draw_iv(), sealed.span());
    TRY_OK(ports.store.write({FileKind::kConfig, {}}, sealed.view()));
    return repository;
}

Result<std::unique_ptr<Repository>> Repository::open(Ports ports, const Secret& password,
                                                     const std::string& key_hint) {
    if (auto size = ports.store.size({FileKind::kConfig, {}}); !size) {
        return with_repository_hint(std::move(size).error(), ports.store);
    }
    TRY(const auto names, key_names(ports.store, key_hint));
    Error last(Errc::kNotFound,
               "the repository at " + ports.store.traits().location + " has no key");
    for (std::size_t i = 0; i < std::min(names.size(), kKeysTried); ++i) {
        auto key = try_key(ports.store, names[i], password);
        if (key) {
            auto repository = std::make_unique<Repository>(ports, *key, names[i]);
            TRY_OK(repository->read_config());
            return repository;
        }
        last = std::move(key).error();
    }
    if (last.code() == Errc::kDenied) {
        return Error(
            Errc::kDenied,
            "the password fits no key of the repository at " + ports.store.traits().location,
            "check --password-file, --password-command or the environment");
    }
    return last;
}

Result<> Repository::read_config() {
    TRY(const auto sealed, ports_.store.load({FileKind::kConfig, {}}));
    if (sealed.size() < Sealer::kOverhead) {
        return Error(Errc::kCorrupt, "the repository's config is too short");
    }
    Buffer plain(sealed.size() - Sealer::kOverhead);
    TRY_OK(sealer_.open(sealed.view(), plain.span()).with("the repository's config"));
    TRY(config_, decode_config(plain));
    return {};
}

Iv Repository::draw_iv() const {
    Iv iv{};
    do {
        ports_.host.fill_random(iv);
    } while (iv == Iv{});
    return iv;
}

Result<Buffer> Repository::load_unpacked(FileKind kind, const ObjectId& id) const {
    const StoredName name{kind, id.hex()};
    TRY(auto sealed, ports_.store.load(name));
    if (sha256(sealed.view()) != id) {  // It may have been damaged on its way: once more.
        TRY(sealed, ports_.store.load(name));
    }
    if (sha256(sealed.view()) != id || sealed.size() <= Sealer::kOverhead) {
        return Error(Errc::kCorrupt,
                     name.str() + " is damaged: its bytes are not what its name says",
                     "run `muster check`");
    }
    Buffer plain(sealed.size() - Sealer::kOverhead);
    TRY_OK(sealer_.open(sealed.view(), plain.span()).with(name.str()));
    if (plain.data()[0] == '{' || plain.data()[0] == '[') {
        return plain;
    }
    if (plain.data()[0] != kCompressedFile) {
        return Error(Errc::kCorrupt, name.str() + " has an unknown encoding");
    }
    return decompressor_of_thread()
        .decompress(plain.view().subspan(1), kLargestUnpacked)
        .with(name.str());
}

Result<ObjectId> Repository::save_unpacked(FileKind kind, ByteView plain) const {
    Buffer sealed(Sealer::kOverhead + 1 + Compressor::bound(plain.size()));
    std::uint8_t* content = sealed.data() + Sealer::kIvSize;
    std::size_t size = plain.size();
    if (config_.may_compress()) {
        content[0] = kCompressedFile;
        const ByteSpan room{content + 1, Compressor::bound(plain.size())};
        size = 1 + compressor_of_thread().compress_always(plain, room);
    } else {
        std::memcpy(content, plain.data(), size);
    }
    sealed.resize(size + Sealer::kOverhead);
    sealer_.seal({content, size}, draw_iv(), sealed.span());
    const ObjectId id = sha256(sealed.view());
    TRY_OK(ports_.store.write({kind, id.hex()}, sealed.view()));
    return id;
}

Result<> Repository::load_index_file(const ObjectId& id) {
    const std::string cached_name = "index-" + id.hex();
    const auto add = [this](const IndexedPack& pack) { index_.add(pack); };
    if (ports_.cache != nullptr) {
        if (const auto cached = ports_.cache->load(cached_name)) {
            if (auto packs = open_cached_index(sealer_, *cached)) {
                std::ranges::for_each(*packs, add);
                return {};
            }
        }
    }
    std::vector<IndexedPack> packs;
    TRY(const auto json, load_unpacked(FileKind::kIndex, id));
    TRY_OK(decode_index(json, [&](IndexedPack& pack) {
               packs.push_back(std::move(pack));
           }).with("index/" + id.hex()));
    std::ranges::for_each(packs, add);
    if (ports_.cache != nullptr) {
        ports_.cache->store(cached_name, seal_cached_index(sealer_, draw_iv(), packs).view());
    }
    return {};
}

Result<> Repository::load_index() {
    TRY(const auto files, ports_.store.list(FileKind::kIndex));
    std::vector<ObjectId> listed;
    std::vector<std::string> cached_names;
    for (const auto& file : files) {
        TRY(const auto id, ObjectId::parse(file.name));
        listed.push_back(id);
        cached_names.push_back("index-" + file.name);
    }
    std::ranges::sort(listed);
    std::ranges::sort(cached_names);
    std::vector<ObjectId> fresh;
    std::ranges::set_difference(listed, index_files_, std::back_inserter(fresh));
    std::mutex mutex;
    Result<> outcome;
    std::atomic<std::size_t> next{0};
    const auto load_some = [&](unsigned) {
        for (std::size_t i = next++; i < fresh.size(); i = next++) {
            if (auto loaded = load_index_file(fresh[i]); !loaded) {
                const std::scoped_lock lock(mutex);
                outcome = std::move(loaded);
                return;
            }
        }
    };
    const std::size_t most = std::max(ports_.host.cores(), ports_.store.traits().connections);
    ports_.host.run_parallel(static_cast<unsigned>(std::min(most, fresh.size())), load_some);
    if (outcome) {
        index_files_ = std::move(listed);
    }
    if (outcome && ports_.cache != nullptr) {
        ports_.cache->keep_only("index-", cached_names);
        std::vector<std::string> packs;
        for (const auto& pack : index_.packs()) {
            packs.push_back(cached_pack(pack));
        }
        std::ranges::sort(packs);
        ports_.cache->keep_only("pack-", packs);
    }
    return outcome;
}

Result<> Repository::verify_index_files() const {
    TRY(const auto files, ports_.store.list(FileKind::kIndex));
    std::vector<std::string> names;
    names.reserve(files.size());
    for (const auto& file : files) {
        names.push_back(file.name);
    }
    std::ranges::sort(names);
    for (const auto& id : index_files_) {
        if (!std::ranges::binary_search(names, id.hex())) {
            return Error(
                Errc::kConflict,
                "the repository was pruned while this ran: index " + id.brief() + " is gone",
                "nothing was committed; run the command again");
        }
    }
    return {};
}

Result<> Repository::unseal_blob(const PackedBlob& blob, ByteView sealed, ByteSpan out) const {
    if (sealed.size() != blob.length || sealed.size() < Sealer::kOverhead ||
        out.size() != blob.content_length()) {
        return damaged_blob(blob, "has the wrong size");
    }
    if (!blob.is_compressed()) {
        return sealer_.open(sealed, out) ? Result<>{}
                                         : Result<>(damaged_blob(blob, "does not authenticate"));
    }
    thread_local Buffer frame;
    frame.resize(sealed.size() - Sealer::kOverhead);
    if (!sealer_.open(sealed, frame.span())) {
        return damaged_blob(blob, "does not authenticate");
    }
    if (!decompressor_of_thread().decompress(frame.view(), out)) {
        return damaged_blob(blob, "can't be decompressed");
    }
    return {};
}

Result<> Repository::open_blob(const PackedBlob& blob, ByteView sealed, ByteSpan out) const {
    TRY_OK(unseal_blob(blob, sealed, out));
    return sha256(out) == blob.id ? Result<>{}
                                  : Result<>(damaged_blob(blob, "is not what its id says"));
}

Result<Buffer> Repository::open_blob(const PackedBlob& blob, ByteView sealed) const {
    if (sealed.size() < Sealer::kOverhead) {
        return Error(Errc::kCorrupt, "blob " + blob.id.brief() + " is too short");
    }
    Buffer content(blob.content_length());
    TRY_OK(open_blob(blob, sealed, content.span()));
    return content;
}

Cache* Repository::pack_cache() const {
    return ports_.store.traits().is_local ? nullptr : ports_.cache;
}

/// Trees are read one by one, and again by the next command: the first one that is wanted brings
/// its whole pack into the cache.
Result<> Repository::read_sealed(const BlobPlace& place, bool is_cache_trusted,
                                 ByteSpan into) const {
    const StoredName name{FileKind::kPack, place.pack.hex()};
    Cache* const cache = is_cache_trusted ? pack_cache() : nullptr;
    if (cache == nullptr || place.blob.type != BlobType::kTree) {
        return ports_.store.read(name, place.blob.offset, into);
    }
    const std::string cached = cached_pack(place.pack);
    if (cache->read(cached, place.blob.offset, into)) {
        return {};
    }
    const std::scoped_lock lock(fetching_);
    if (cache->read(cached, place.blob.offset, into)) {
        return {};
    }
    TRY(const auto whole, ports_.store.load(name));
    if (place.blob.offset + into.size() > whole.size()) {
        return Error(Errc::kCorrupt, "pack " + place.pack.brief() + " is too short");
    }
    if (sha256(whole.view()) == place.pack) {
        cache->store(cached, whole.view());
    }
    std::memcpy(into.data(), whole.data() + place.blob.offset, into.size());
    return {};
}

Result<Buffer> Repository::load_blob(BlobType type, const ObjectId& id) const {
    Error last(Errc::kNotFound,
               std::string(to_string(type)) + " blob " + id.brief() +
                   " is in no pack that the index knows",
               "run `muster check`, then `muster repair index`");
    for (const auto& place : index_.find_all(type, id)) {
        for (int attempt = 0; attempt < 2; ++attempt) {  // It may be damaged only on its way.
            Buffer sealed(place.blob.length);
            auto got = read_sealed(place, attempt == 0, sealed.span());
            if (!got) {
                last = std::move(got).error();
                break;
            }
            auto content = open_blob(place.blob, sealed.view());
            if (content) {
                return content;
            }
            last = std::move(content).error().with("pack " + place.pack.brief());
        }
    }
    return last;
}

Result<std::vector<Node>> Repository::load_tree(const ObjectId& id) const {
    TRY(const auto json, load_blob(BlobType::kTree, id));
    return decode_tree(json).with("tree " + id.brief());
}

Result<std::vector<PackedBlob>> Repository::read_pack_header(const ObjectId& pack,
                                                             std::uint64_t size) const {
    const auto damaged = [&](const std::string& how) {
        return Error(Errc::kCorrupt, "pack " + pack.brief() + " " + how);
    };
    const StoredName name{FileKind::kPack, pack.hex()};
    if (size < Sealer::kOverhead + kPackLengthField) {
        return damaged("is too short to be one");
    }
    std::array<std::uint8_t, kPackLengthField> field{};
    TRY_OK(ports_.store.read(name, size - kPackLengthField, field));
    std::uint32_t length = 0;
    std::memcpy(&length, field.data(), sizeof length);
    if (length < Sealer::kOverhead || length > kLargestPackHeader ||
        length + kPackLengthField > size) {
        return damaged("has a header of impossible length");
    }
    Buffer sealed(length);
    TRY_OK(ports_.store.read(name, size - kPackLengthField - length, sealed.span()));
    Buffer plain(length - Sealer::kOverhead);
    if (!sealer_.open(sealed.view(), plain.span())) {
        return damaged("has a header that does not authenticate");
    }
    TRY(auto blobs, decode_pack_header(plain.view()));
    return pack_size(blobs) == size ? Result<std::vector<PackedBlob>>(std::move(blobs))
                                    : damaged("has a header that does not fit its size");
}

}  // namespace muster::backup
