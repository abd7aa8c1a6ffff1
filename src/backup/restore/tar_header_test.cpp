#include "backup/restore/tar_header.h"

#include <gtest/gtest.h>

namespace muster::backup {

namespace {

Node plain_file() {
    Node node;
    node.mode = 0644;
    node.size = 5;
    node.mtime = {1'000'000'000, 0};
    return node;
}

TEST(TarHeader, NeedsOneBlockForWhatTheOldFieldsHold) {
    const auto header = tar_header(plain_file(), "dir/file", {});
    ASSERT_EQ(header.size(), kTarBlock);
    EXPECT_EQ(header.substr(0, 9), std::string("dir/file\0", 9));
    EXPECT_EQ(header.substr(124, 11), "00000000005");
    EXPECT_EQ(header.substr(136, 11), "07346545000");
    EXPECT_EQ(header[156], '0');
    unsigned sum = 8 * ' ';
    for (std::size_t i = 0; i < header.size(); ++i) {
        sum += i >= 148 && i < 156 ? 0U : static_cast<unsigned char>(header[i]);
    }
    EXPECT_EQ(std::stoul(header.substr(148, 6), nullptr, 8), sum);
}

TEST(TarHeader, PutsWhatDoesNotFitInRecords) {
    auto node = plain_file();
    node.mtime = {-2, 750'000'000};
    node.size = 1ULL << 40U;
    node.uid = 3'000'000;
    node.attributes = {{"user.a", "b"}};
    const std::string name(97, 'n');
    const auto header = tar_header(node, "dir/" + name, {});
    EXPECT_EQ(header.size() % kTarBlock, 0U);
    EXPECT_EQ(header[156], 'x');
    for (const std::string record : {"22 mtime=-1.250000000\n", "22 size=1099511627776\n",
                                     "15 uid=3000000\n", "25 SCHILY.xattr.user.a=b\n"}) {
        EXPECT_NE(header.find(record), std::string::npos) << record;
    }
    EXPECT_NE(header.find("111 path=dir/" + name + "\n"), std::string::npos);
}

TEST(TarHeader, WritesAclsAsTarProgramsReadThem) {
    auto node = plain_file();
    const unsigned char acl[] = {2,   0,   0,   0,  1,    0, 6, 0, 255,  255, 255, 255,  // NOLINT
                                 2,   0,   5,   0,  0xd2, 4, 0, 0, 0x20, 0,   0,   0,
                                 255, 255, 255, 255};
    node.attributes = {{"system.posix_acl_access", std::string(std::begin(acl), std::end(acl))}};
    EXPECT_NE(
        tar_header(node, "file", {}).find("SCHILY.acl.access=user::rw-,user:1234:r-x,other::---\n"),
        std::string::npos);
}

TEST(TarHeader, NamesTheFirstFileOfAHardLinkWhichHasNoContent) {
    const auto header = tar_header(plain_file(), "second", "first");
    EXPECT_EQ(header[156], '1');
    EXPECT_EQ(header.substr(157, 6), std::string("first\0", 6));
    EXPECT_EQ(header.substr(124, 11), "00000000000");
}

TEST(TarHeader, LeavesSocketsOut) {
    Node node;
    node.type = NodeType::kSocket;
    EXPECT_EQ(tar_header(node, "socket", {}), "");
}

}  // namespace

}  // namespace muster::backup
