#include "backup/format/pack_header.h"

#include <gtest/gtest.h>

#include "backup/format/base64.h"
#include "backup/format/config.h"
#include "backup/format/index_cache.h"
#include "backup/format/index_file.h"
#include "backup/format/key_file.h"

namespace muster::backup {
namespace {

PackedBlob blob(std::uint8_t first, BlobType type, std::uint32_t length, std::uint32_t plain) {
    PackedBlob made{{}, type, 0, length, plain};
    made.id.bytes[0] = first;
    return made;
}

Errc code_of(ByteView header) {
    const auto blobs = decode_pack_header(header);
    EXPECT_FALSE(blobs.has_value());
    return blobs ? Errc::kInvalid : blobs.error().code();
}

Errc config_error(const std::string& text) {
    const auto config = decode_config(Buffer(bytes_of(text)));
    EXPECT_FALSE(config.has_value()) << text;
    return config ? Errc::kCancelled : config.error().code();
}

Errc index_error(const std::string& text) {
    const auto read = decode_index(Buffer(bytes_of(text)), [](IndexedPack&) {});
    EXPECT_FALSE(read.has_value()) << text;
    return read ? Errc::kCancelled : read.error().code();
}

TEST(PackHeader, OffsetsFollowFromTheOrder) {
    const std::vector<PackedBlob> blobs{blob(1, BlobType::kData, 40, 0),
                                        blob(2, BlobType::kTree, 50, 60),
                                        blob(3, BlobType::kData, 33, 1)};
    const Buffer header = encode_pack_header(blobs);
    const auto back = decode_pack_header(header.view());
    ASSERT_TRUE(back.has_value());
    ASSERT_EQ(back->size(), 3U);
    EXPECT_EQ((*back)[0].offset, 0U);
    EXPECT_EQ((*back)[1].offset, 40U);
    EXPECT_EQ((*back)[2].offset, 90U);
    EXPECT_EQ((*back)[1].plain_length, 60U);
    EXPECT_EQ(header.view()[0], 0);
    EXPECT_EQ(header.view()[37], 3);
    EXPECT_EQ(pack_size(blobs), 123U + 37 + 41 + 41 + 32 + 4);
}

TEST(PackHeader, ImpossibleEntriesAreRefused) {
    const std::vector<PackedBlob> good{blob(1, BlobType::kData, 40, 0)};
    Buffer header = encode_pack_header(good);
    EXPECT_EQ(code_of(header.view().first(36)), Errc::kCorrupt);
    header.data()[0] = 4;
    EXPECT_EQ(code_of(header.view()), Errc::kCorrupt);
    EXPECT_EQ(code_of(encode_pack_header(std::vector{blob(1, BlobType::kData, 31, 0)}).view()),
              Errc::kCorrupt);
    EXPECT_EQ(
        code_of(encode_pack_header(std::vector(2, blob(1, BlobType::kData, 1U << 31U, 0))).view()),
        Errc::kCorrupt)
        << "4 GiB";
    EXPECT_TRUE(decode_pack_header({})->empty());
}

TEST(IndexFile, DamagedOnesAreRefused) {
    const std::string id(64, 'a');
    for (const std::string& text :
         {std::string("[]"), std::string(R"({"packs":3})"), std::string(R"({"packs":[{}]})"),
          R"({"packs":[{"id":")" + id + R"(","blobs":[{"id":")" + id + R"(","length":31}]}]})",
          R"({"packs":[{"id":")" + id + R"(","blobs":[{"type":"tee","length":40}]}]})",
          R"({"packs":[{"id":")" + std::string(64, 'A') + R"(","blobs":[]}]})"}) {
        EXPECT_EQ(index_error(text), Errc::kCorrupt) << text;
    }
    EXPECT_TRUE(decode_index(Buffer(bytes_of("{}")), [](IndexedPack&) {}).has_value());
}

TEST(IndexCache, AnyOtherBytesAreRefused) {
    const Sealer sealer{MasterKey()};
    const std::vector<IndexedPack> packs{{{}, {blob(1, BlobType::kTree, 40, 9)}}};
    const Buffer sealed = seal_cached_index(sealer, Iv{1}, packs);
    ASSERT_TRUE(open_cached_index(sealer, sealed).has_value());
    for (std::size_t size = 0; size < sealed.size(); ++size) {
        EXPECT_FALSE(open_cached_index(sealer, Buffer(sealed.view().first(size))).has_value());
    }
    for (const std::size_t plain : {0, 3, 5, 100}) {  // Whoever has the key wrote something else.
        const Buffer content(plain);
        Buffer other(plain + Sealer::kOverhead);
        sealer.seal(content.view(), Iv{1}, other.span());
        EXPECT_FALSE(open_cached_index(sealer, other).has_value());
    }
}

TEST(Config, DamagedOnesAreRefused) {
    const std::string head = R"({"version":2,"id":")" + std::string(64, 'a') + '"';
    EXPECT_TRUE(decode_config(Buffer(bytes_of(head + R"(,"chunker_polynomial":"3da3358b4dc173"})")))
                    .has_value());
    EXPECT_EQ(config_error(head + "}"), Errc::kCorrupt);
    EXPECT_EQ(config_error(head + R"(,"chunker_polynomial":"3da3358b4dc172"})"), Errc::kInvalid);
    EXPECT_EQ(config_error(head + R"(,"chunker_polynomial":"1"})"), Errc::kInvalid);
    EXPECT_EQ(config_error(head + R"(,"chunker_polynomial":"0x3da3358b4dc173"})"), Errc::kInvalid);
    EXPECT_EQ(config_error(R"({"version":3})"), Errc::kInvalid);
    EXPECT_EQ(config_error(R"({"version":0})"), Errc::kInvalid);
    EXPECT_EQ(config_error("{}"), Errc::kInvalid);
    EXPECT_EQ(config_error(""), Errc::kCorrupt);
}

TEST(KeyFile, DamagedOnesAreRefused) {
    std::string salt;
    append_base64(salt, bytes_of(std::string(64, 's')));
    const std::string good = R"({"kdf":"scrypt","N":2,"r":1,"p":1,"salt":")" + salt + '"';
    EXPECT_TRUE(decode_key_file(Buffer(bytes_of(good + R"(,"data":"eA=="})"))).has_value());
    const auto is_refused = [](const std::string& text) {
        return !decode_key_file(Buffer(bytes_of(text)));
    };
    EXPECT_TRUE(is_refused(good + "}"));
    EXPECT_TRUE(is_refused(good + R"(,"data":"eA="})"));
    EXPECT_TRUE(is_refused(R"({"kdf":"argon2"})"));
    EXPECT_TRUE(is_refused(R"({"salt":"eA==","data":"eA=="})"));
    const auto cheap = decode_key_file(Buffer(bytes_of(good + R"(,"data":"eA=="})")));
    const auto opened = unlock_master_key(*cheap, Secret("x"));
    ASSERT_FALSE(opened.has_value());
    EXPECT_NE(opened.error().code(), Errc::kDenied) << "damage is no wrong password";
}

TEST(Base64, ComesBackAndNothingElseIsRead) {
    for (std::size_t size = 0; size < 70; ++size) {
        std::string bytes;
        for (std::size_t i = 0; i < size; ++i) {
            bytes += static_cast<char>(i * 37 + size);
        }
        std::string text;
        append_base64(text, bytes_of(bytes));
        EXPECT_EQ(decode_base64(text).value_or("?"), bytes);
    }
    EXPECT_EQ(decode_base64("Zm9vYg==").value_or("?"), "foob");
    for (const char* bad : {"Z", "Zg", "Zg=", "Z===", "====", "Zh==", "Zm9=", "Zg==Zg==", "Zg=a",
                            "Zm9v\n", "Zm-_", "=m9v", "Z=9v"}) {
        EXPECT_FALSE(decode_base64(bad).has_value()) << bad;
    }
}

}  // namespace
}  // namespace muster::backup
