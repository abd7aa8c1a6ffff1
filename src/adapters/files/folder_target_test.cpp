#include "adapters/files/folder_target.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <filesystem>
#include <sstream>

#include "adapters/os/folder_test_support.h"

namespace muster::adapters {

namespace {

using backup::bytes_of;
using backup::Node;
using backup::NodeType;
using backup::TargetFolder;

std::string content_of(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    return text.str();
}

struct stat status_of(const std::string& path) {
    struct stat status{};
    EXPECT_EQ(::lstat(path.c_str(), &status), 0) << path;
    return status;
}

Node node_of(NodeType type, const std::string& name, unsigned mode = 0640) {
    Node node;
    node.type = type;
    node.name = name;
    node.mode = backup::go_mode(mode | (type == NodeType::kDirectory ? S_IFDIR : S_IFREG));
    node.mtime = {-1000, 123456789};
    node.atime = {77, 88};
    node.uid = ::geteuid();
    node.gid = ::getegid();
    return node;
}

class FolderTargetTest : public ::testing::Test {
  protected:
    std::shared_ptr<TargetFolder> open(bool is_sparse = false) {
        target = std::make_unique<FolderTarget>(place, FolderTargetSettings{is_sparse, {}});
        auto root = target->open_root(true);
        EXPECT_TRUE(root);
        return std::move(*root);
    }
    [[nodiscard]] std::string at(const std::string& path) const { return place + "/" + path; }
    static bool is_root() { return ::geteuid() == 0; }

    test::Folder folder;
    std::string place = folder.file("deep/target");
    std::unique_ptr<FolderTarget> target;
};

TEST_F(FolderTargetTest, WritesAFileWithItsModeAndTimesToTheNanosecond) {
    const auto root = open();
    auto node = node_of(NodeType::kFile, "file\n\xff", 0666);
    node.attributes = {{"user.key", std::string("va\0lue", 6)}};
    ASSERT_TRUE(root->write_file(node, bytes_of("content")));
    const auto status = status_of(at(node.name));
    EXPECT_EQ(content_of(at(node.name)), "content");
    EXPECT_EQ(status.st_mode & 07777U, 0666U) << "whatever the umask says";
    EXPECT_EQ(status.st_mtim.tv_sec, -1000);
    EXPECT_EQ(status.st_mtim.tv_nsec, 123456789);
    EXPECT_EQ(status.st_atim.tv_nsec, 88);
    char value[16] = {};  // NOLINT: getxattr wants an array
    ASSERT_EQ(::getxattr(at(node.name).c_str(), "user.key", value, sizeof value), 6);
    EXPECT_EQ(std::string(value, 6), node.attributes[0].value);  // NOLINT
}

TEST_F(FolderTargetTest, SetsOwnersAndThenTheBitsThatSettingThemTakesAway) {
    if (!is_root()) {
        GTEST_SKIP() << "only root may";
    }
    const auto root = open();
    auto node = node_of(NodeType::kFile, "file", 06751);
    node.uid = 1234;
    node.gid = 4321;
    ASSERT_TRUE(root->write_file(node, bytes_of("x")));
    const auto status = status_of(at("file"));
    EXPECT_EQ(status.st_uid, 1234U);
    EXPECT_EQ(status.st_gid, 4321U);
    EXPECT_EQ(status.st_mode & 07777U, 06751U);
}

TEST_F(FolderTargetTest, MakesEveryKindOfEntry) {
    const auto root = open();
    auto link = node_of(NodeType::kSymlink, "link");
    link.link_target = "/nowhere/at all";
    ASSERT_TRUE(root->make_other(link));
    EXPECT_EQ(std::filesystem::read_symlink(at("link")), link.link_target);
    EXPECT_EQ(status_of(at("link")).st_mtim.tv_nsec, 123456789);
    ASSERT_TRUE(root->make_other(node_of(NodeType::kFifo, "fifo", 0612)));
    EXPECT_TRUE(S_ISFIFO(status_of(at("fifo")).st_mode));
    EXPECT_EQ(status_of(at("fifo")).st_mode & 07777U, 0612U);
    if (is_root()) {
        auto device = node_of(NodeType::kCharDevice, "null");
        device.device = makedev(1, 3);
        ASSERT_TRUE(root->make_other(device));
        EXPECT_TRUE(S_ISCHR(status_of(at("null")).st_mode));
        EXPECT_EQ(status_of(at("null")).st_rdev, makedev(1, 3));
    }
}

TEST_F(FolderTargetTest, ReplacesASymbolicLinkInsteadOfWritingThroughIt) {
    const std::string outside = folder.write("outside", "untouched");
    std::filesystem::create_directories(folder.file("outside-folder"));
    const auto root = open();
    std::filesystem::create_symlink(outside, at("file"));
    std::filesystem::create_symlink(folder.file("outside-folder"), at("folder"));
    ASSERT_TRUE(root->write_file(node_of(NodeType::kFile, "file"), bytes_of("new")));
    EXPECT_EQ(content_of(outside), "untouched");
    EXPECT_TRUE(S_ISREG(status_of(at("file")).st_mode));
    EXPECT_FALSE(root->open_folder("folder")) << "only reading: nothing is replaced";
    const auto made = root->make_folder("folder");
    ASSERT_TRUE(made);
    ASSERT_TRUE((*made)->write_file(node_of(NodeType::kFile, "x"), bytes_of("x")));
    EXPECT_TRUE(std::filesystem::is_empty(folder.file("outside-folder")));
}

TEST_F(FolderTargetTest, NoticesThatAFolderWasReplacedUnderIt) {
    const auto root = open();
    std::vector<std::shared_ptr<TargetFolder>> many;
    const auto first = root->make_folder("first");
    ASSERT_TRUE(first);
    for (int i = 0; i < 300; ++i) {  // More than stay open.
        many.push_back(*root->make_folder("other-" + std::to_string(i)));
    }
    std::filesystem::rename(at("first"), at("moved"));
    std::filesystem::create_symlink(folder.path(), at("first"));
    EXPECT_FALSE((*first)->write_file(node_of(NodeType::kFile, "x"), bytes_of("x")));
    std::filesystem::remove(at("first"));
    std::filesystem::create_directory(at("first"));
    EXPECT_FALSE((*first)->write_file(node_of(NodeType::kFile, "x"), bytes_of("x")));
    EXPECT_TRUE(std::filesystem::is_empty(at("first")));
}

TEST_F(FolderTargetTest, ReachesFoldersThatLieDeeperThanAPathCanSay) {
    auto at_last = open();
    const std::string name(200, 'd');
    constexpr int kDepth = 300;  // 60,000 bytes, and more folders than stay open.
    for (int i = 0; i < kDepth; ++i) {
        auto below = at_last->make_folder(name);
        ASSERT_TRUE(below) << i;
        at_last = *below;
    }
    ASSERT_TRUE(at_last->write_file(node_of(NodeType::kFile, "file"), bytes_of("deep")));
    const auto there = at_last->look("file");
    ASSERT_TRUE(there && *there);
    EXPECT_EQ((*there)->size, 4U);
    at_last.reset();
    ASSERT_TRUE((*target->open_root(true))->remove(name));
    EXPECT_TRUE(std::filesystem::is_empty(place));
}

TEST_F(FolderTargetTest, WritesBigFilesOutOfOrderAndOffPages) {
    const auto root = open();
    std::string content(21'000'003, '\0');
    for (std::size_t i = 0; i < content.size(); ++i) {
        content[i] = static_cast<char>(i * 2654435761U >> 13U);
    }
    auto node = node_of(NodeType::kFile, "big");
    node.size = content.size();
    const auto file = root->create_file(node);
    ASSERT_TRUE(file);
    backup::Buffer pages(content.size());
    std::ranges::copy(content, pages.data());
    for (const std::size_t begin : {std::size_t{7'000'001}, std::size_t{0}}) {
        const std::size_t size = begin == 0 ? 7'000'001 : content.size() - begin;
        ASSERT_TRUE((*file)->write(begin, pages.view().subspan(begin, size)));
    }
    ASSERT_TRUE((*file)->resize(content.size()));
    ASSERT_TRUE((*file)->finish(node, false));
    EXPECT_TRUE(content_of(at("big")) == content);
}

TEST_F(FolderTargetTest, LeavesHolesWhereLongRunsOfZerosAre) {
    const auto root = open(true);
    auto node = node_of(NodeType::kFile, "sparse");
    std::string content(8U << 20U, '\0');
    content[5'000'000] = 'x';
    node.size = content.size();
    ASSERT_TRUE(root->write_file(node, bytes_of(content)));
    EXPECT_TRUE(content_of(at("sparse")) == content);
    EXPECT_LT(status_of(at("sparse")).st_blocks * 512, 1 << 20);
}

TEST_F(FolderTargetTest, GivesAReadOnlyFolderItsModeLast) {
    const auto root = open();
    const auto made = root->make_folder("folder");
    ASSERT_TRUE(made);
    ASSERT_TRUE((*made)->write_file(node_of(NodeType::kFile, "file"), bytes_of("x")));
    ASSERT_TRUE((*made)->finish(node_of(NodeType::kDirectory, "folder", 0555)));
    EXPECT_EQ(status_of(at("folder")).st_mode & 07777U, 0555U);
    EXPECT_EQ(status_of(at("folder")).st_mtim.tv_sec, -1000);
    const auto again = root->make_folder("folder");
    ASSERT_TRUE(again);
    EXPECT_FALSE((*again)->is_new());
    EXPECT_TRUE((*again)->write_file(node_of(NodeType::kFile, "more"), bytes_of("x")));
}

TEST_F(FolderTargetTest, RemovesAttributesThatTheSnapshotDoesNotHave) {
    const auto root = open();
    ASSERT_TRUE(root->write_file(node_of(NodeType::kFile, "file"), bytes_of("x")));
    ASSERT_EQ(::setxattr(at("file").c_str(), "user.more", "x", 1, 0), 0);
    const auto file = root->open_file("file", false);
    ASSERT_TRUE(file);
    ASSERT_TRUE((*file)->finish(node_of(NodeType::kFile, "file"), false));
    EXPECT_LT(::getxattr(at("file").c_str(), "user.more", nullptr, 0), 0);
}

TEST_F(FolderTargetTest, DoesNotTouchTheTimesOfADamagedFile) {
    const auto root = open();
    const auto node = node_of(NodeType::kFile, "file");
    const auto file = root->create_file(node);
    ASSERT_TRUE(file);
    ASSERT_TRUE((*file)->finish(node, true));
    EXPECT_GT(status_of(at("file")).st_mtim.tv_sec, 0);
}

TEST_F(FolderTargetTest, LinksAndReplacesButNeverAFolder) {
    const auto root = open();
    ASSERT_TRUE(root->write_file(node_of(NodeType::kFile, "first"), bytes_of("x")));
    ASSERT_TRUE(root->write_file(node_of(NodeType::kFile, "second"), bytes_of("y")));
    ASSERT_TRUE(root->link("second", *root, "first"));
    EXPECT_EQ(status_of(at("second")).st_ino, status_of(at("first")).st_ino);
    ASSERT_TRUE(root->make_folder("folder"));
    EXPECT_FALSE(root->link("folder", *root, "first"));
    const auto refused = root->write_file(node_of(NodeType::kFile, "folder"), bytes_of("x"));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), Errc::kConflict);
}

TEST_F(FolderTargetTest, OpensNothingButRegularFiles) {
    const auto root = open();
    ASSERT_EQ(::mkfifo(at("fifo").c_str(), 0600), 0);
    EXPECT_FALSE(root->open_file("fifo", false));
    EXPECT_FALSE(root->open_file("gone", false));
}

}  // namespace

}  // namespace muster::adapters
