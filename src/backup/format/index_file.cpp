#include "backup/format/index_file.h"

#include <string>

#include "backup/format/json_reader.h"

namespace muster::backup {

namespace {

Result<> read_blob_field(std::string_view key, dom::element value, PackedBlob& blob) {
    if (key == "id") {
        TRY(blob.id, json_id(value, "a blob's id"));
    } else if (key == "type") {
        TRY(const auto text, json_text(value, "a blob's type"));
        if (text != "data" && text != "tree") {
            return Error(Errc::kCorrupt, "a blob's type is neither data nor tree");
        }
        blob.type = text == "tree" ? BlobType::kTree : BlobType::kData;
    } else if (key == "offset") {
        TRY(blob.offset, json_number32(value, "a blob's offset"));
    } else if (key == "length") {
        TRY(blob.length, json_number32(value, "a blob's length"));
    } else if (key == "uncompressed_length") {
        TRY(blob.plain_length, json_number32(value, "a blob's uncompressed length"));
    }
    return {};
}

Result<> read_blobs(dom::element value, std::vector<PackedBlob>& blobs) {
    TRY(const auto array, json_array(value, "a pack's list of blobs"));
    blobs.reserve(array.size());
    for (const auto element : array) {
        TRY(const auto object, json_object(element, "a blob"));
        PackedBlob blob;
        for (const auto field : object) {
            TRY_OK(read_blob_field(field.key, field.value, blob));
        }
        if (blob.length < Sealer::kOverhead) {
            return Error(Errc::kCorrupt, "a blob has an impossible length");
        }
        blobs.push_back(blob);
    }
    return {};
}

Result<IndexedPack> read_pack(dom::element element) {
    TRY(const auto object, json_object(element, "a pack"));
    IndexedPack pack;
    for (const auto field : object) {
        if (field.key == "id") {
            TRY(pack.id, json_id(field.value, "a pack's id"));
        } else if (field.key == "blobs") {
            TRY_OK(read_blobs(field.value, pack.blobs));
        }
    }
    if (pack.id.is_null()) {
        return Error(Errc::kCorrupt, "a pack has no id");
    }
    return pack;
}

}  // namespace

std::string encode_index(std::span<const IndexedPack> packs) {
    std::string out = R"({"packs":[)";
    bool is_first_pack = true;
    for (const auto& pack : packs) {
        out += is_first_pack ? R"({"id":")" : R"(,{"id":")";
        out += pack.id.hex();
        out += R"(","blobs":[)";
        bool is_first = true;
        for (const auto& blob : pack.blobs) {
            out += is_first ? R"({"id":")" : R"(,{"id":")";
            out += blob.id.hex();
            out += R"(","type":")";
            out += to_string(blob.type);
            out += R"(","offset":)" + std::to_string(blob.offset);
            out += R"(,"length":)" + std::to_string(blob.length);
            if (blob.is_compressed()) {
                out += R"(,"uncompressed_length":)" + std::to_string(blob.plain_length);
            }
            out += '}';
            is_first = false;
        }
        out += "]}";
        is_first_pack = false;
    }
    return out + "]}";
}

Result<> decode_index(const Buffer& json, const std::function<void(IndexedPack&)>& take) {
    TRY(const auto root, parse_json(json, "the index"));
    TRY(const auto object, json_object(root, "the index"));
    dom::element packs;
    if (object["packs"].get(packs) != simdjson::SUCCESS || packs.is_null()) {
        return {};
    }
    TRY(const auto array, json_array(packs, "the index's list of packs"));
    for (const auto element : array) {
        TRY(auto pack, read_pack(element));
        take(pack);
    }
    return {};
}

}  // namespace muster::backup
