#include "adapters/files/folder_source.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "adapters/files/folder_cache.h"
#include "adapters/files/stream_source.h"
#include "adapters/os/folder_test_support.h"
#include "adapters/os/unique_fd.h"

namespace muster::adapters {
namespace {

using backup::Node;
using backup::NodeType;

template <class T>
Errc code_of(const Result<T>& result) {
    EXPECT_FALSE(result.has_value());
    return result ? Errc::kInvalid : result.error().code();
}

std::string read_all(backup::SourceFile& file) {
    std::string text(1000, '\0');
    const auto got = file.read({reinterpret_cast<std::uint8_t*>(text.data()), text.size()});
    EXPECT_TRUE(got.has_value());
    text.resize(got.value_or(0));
    return text;
}

class FolderSourceTest : public testing::Test {
  protected:
    std::unique_ptr<backup::SourceFolder> open() {
        auto opened = source_.open_folder(folder_.path());
        EXPECT_TRUE(opened.has_value());
        return std::move(*opened);
    }
    std::vector<std::string> names() {
        std::vector<std::string> found;
        for (const auto& node : *open()->list()) {
            found.push_back(node.name);
        }
        return found;
    }
    Node node(const std::string& name) {
        const auto nodes = *open()->list();
        const auto found = std::ranges::find(nodes, name, &Node::name);
        EXPECT_NE(found, nodes.end()) << name;
        return found == nodes.end() ? Node{} : *found;
    }

    test::Folder folder_;
    FolderSource source_;
};

TEST_F(FolderSourceTest, TellsWhatTheSystemTells) {
    const auto path = folder_.write("file", "content");
    ASSERT_EQ(::chmod(path.c_str(), 04751), 0);
    const timespec times[2] = {{1, 2}, {1'500'000'000, 123'456'789}};  // NOLINT: the system's
    ASSERT_EQ(::utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
    ASSERT_EQ(::link(path.c_str(), folder_.file("hard").c_str()), 0);
    struct stat status{};
    ASSERT_EQ(::stat(path.c_str(), &status), 0);
    const Node file = node("file");
    EXPECT_EQ(file.type, NodeType::kFile);
    EXPECT_EQ(backup::system_mode(file.mode), status.st_mode);
    EXPECT_EQ(file.mtime, (backup::NodeTime{1'500'000'000, 123'456'789}));
    EXPECT_EQ(file.atime, (backup::NodeTime{1, 2}));
    EXPECT_EQ(file.ctime.seconds, status.st_ctim.tv_sec);
    EXPECT_EQ(file.size, 7U);
    EXPECT_EQ(file.links, 2U);
    EXPECT_EQ(file.inode, status.st_ino);
    EXPECT_EQ(file.device_id, status.st_dev);
    EXPECT_EQ(file.uid, ::getuid());
    EXPECT_EQ(file.user.empty(), false);
    EXPECT_EQ(node("hard").inode, file.inode);
    const auto same = source_.status(path);
    ASSERT_TRUE(same.has_value());
    EXPECT_EQ(same->inode, file.inode);
    EXPECT_EQ(code_of(source_.status(folder_.file("absent"))), Errc::kNotFound);
}

TEST_F(FolderSourceTest, KnowsEveryKindOfEntryAndPassesOverSockets) {
    folder_.write("file", "x");
    std::filesystem::create_directory(folder_.file("folder"));
    ASSERT_EQ(::symlink("no\xffwhere", folder_.file("link").c_str()), 0);
    ASSERT_EQ(::mkfifo(folder_.file("fifo").c_str(), 0600), 0);
    const UniqueFd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    folder_.file("socket").copy(address.sun_path, sizeof address.sun_path - 1);
    ASSERT_EQ(::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address),  // NOLINT
                     sizeof address),
              0);
    std::vector<std::string> wanted{"fifo", "file", "folder", "link"};
    if (::geteuid() == 0 &&
        ::mknod(folder_.file("null").c_str(), S_IFCHR | 0600, makedev(1, 3)) == 0) {
        ASSERT_EQ(::mknod(folder_.file("loop").c_str(), S_IFBLK | 0600, makedev(7, 300)), 0);
        wanted = {"fifo", "file", "folder", "link", "loop", "null"};
        EXPECT_EQ(node("null").type, NodeType::kCharDevice);
        EXPECT_EQ(node("loop").device, makedev(7, 300));
    }
    EXPECT_EQ(names(), wanted);
    EXPECT_EQ(node("fifo").type, NodeType::kFifo);
    EXPECT_EQ(node("link").link_target, "no\xffwhere");
    EXPECT_EQ(node("folder").type, NodeType::kDirectory);
    EXPECT_EQ(node("folder").links, 0U);
}

TEST_F(FolderSourceTest, NamesAreBytesInTheirOrder) {
    const std::vector<std::string> odd{"\x01\n\t", " ",       "-", "B", "a", std::string(255, 'n'),
                                       "\xc3\xa9", "\xff\xfe"};
    for (const auto& name : odd) {
        folder_.write(name, name);
    }
    EXPECT_EQ(names(), odd);
    for (const auto& name : odd) {
        const auto file = open()->open_file(name);
        ASSERT_TRUE(file.has_value());
        EXPECT_EQ(read_all(**file), name);
    }
}

TEST_F(FolderSourceTest, ListsAgainFromTheStart) {
    folder_.write("one", "");
    const auto folder = open();
    EXPECT_EQ(folder->list()->size(), 1U);
    folder_.write("two", "");
    EXPECT_EQ(folder->list()->size(), 2U);
}

TEST_F(FolderSourceTest, GoesDeeperThanAnyPathMay) {
    const std::string name(200, 'd');
    constexpr int kDepth = 40;  // 8,000 bytes: twice PATH_MAX.
    UniqueFd here(::open(folder_.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    for (int i = 0; i < kDepth; ++i) {
        ASSERT_EQ(::mkdirat(here.get(), name.c_str(), 0700), 0);
        here.reset(::openat(here.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        ASSERT_TRUE(here.is_open());
    }
    UniqueFd made(::openat(here.get(), "end", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    ASSERT_EQ(::write(made.get(), "deep", 4), 4);
    const bool has_attributes = ::fsetxattr(made.get(), "user.a", "b", 1, 0) == 0;
    auto folder = open();
    for (int i = 0; i < kDepth; ++i) {
        ASSERT_EQ(folder->list()->size(), 1U);
        auto next = folder->open_folder(name);
        ASSERT_TRUE(next.has_value());
        folder = std::move(*next);
    }
    const auto file = folder->open_file("end");
    ASSERT_TRUE(file.has_value());
    EXPECT_EQ(read_all(**file), "deep");
    EXPECT_EQ(folder->attributes("end")->size(), has_attributes ? 1U : 0U);
}

TEST_F(FolderSourceTest, ReadsExtendedAttributesOfAnySize) {
    const auto path = folder_.write("file", "x");
    if (::setxattr(path.c_str(), "user.bytes", "\0\xff\n", 3, 0) != 0) {
        GTEST_SKIP() << "the file system has none";
    }
    const std::string long_value(3000, 'v');
    ASSERT_EQ(::setxattr(path.c_str(), "user.empty", "", 0, 0), 0);
    ASSERT_EQ(::setxattr(path.c_str(), "user.long", long_value.data(), long_value.size(), 0), 0);
    const std::vector<backup::ExtendedAttribute> wanted{
        {"user.bytes", std::string("\0\xff\n", 3)}, {"user.empty", ""}, {"user.long", long_value}};
    auto found = *open()->attributes("file");
    std::ranges::sort(found, {}, &backup::ExtendedAttribute::name);
    EXPECT_EQ(found, wanted);
    auto opened = (*open()->open_file("file"))->status()->attributes;
    std::ranges::sort(opened, {}, &backup::ExtendedAttribute::name);
    EXPECT_EQ(opened, wanted);
    ASSERT_EQ(::symlink("file", folder_.file("link").c_str()), 0);
    EXPECT_TRUE(open()->attributes("link")->empty()) << "a link's own";
    EXPECT_TRUE(open()->attributes("absent")->empty());
}

TEST_F(FolderSourceTest, ReadsHolesAsZeros) {
    const UniqueFd sparse(
        ::open(folder_.file("sparse").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    ASSERT_EQ(::ftruncate(sparse.get(), 500), 0);
    ASSERT_EQ(::pwrite(sparse.get(), "x", 1, 400), 1);
    const auto file = open()->open_file("sparse");
    const std::string text = read_all(**file);
    EXPECT_EQ(text.size(), 500U);
    EXPECT_EQ(text.find('x'), 400U);
}

TEST_F(FolderSourceTest, WhatWasSwappedMeanwhileCountsAsGone) {
    folder_.write("target", "secret");
    std::filesystem::create_directory(folder_.file("elsewhere"));
    ASSERT_EQ(::symlink("target", folder_.file("file").c_str()), 0);
    ASSERT_EQ(::symlink("elsewhere", folder_.file("folder").c_str()), 0);
    ASSERT_EQ(::mkfifo(folder_.file("fifo").c_str(), 0600), 0);
    const auto folder = open();
    EXPECT_EQ(code_of(folder->open_file("file")), Errc::kNotFound);
    EXPECT_EQ(code_of(folder->open_folder("folder")), Errc::kNotFound);
    EXPECT_EQ(code_of(folder->open_folder("target")), Errc::kNotFound);
    EXPECT_EQ(code_of(folder->open_file("elsewhere")), Errc::kNotFound);
    EXPECT_EQ(code_of(folder->open_file("absent")), Errc::kNotFound);
    EXPECT_EQ(code_of(folder->open_file("fifo")), Errc::kNotFound) << "and does not wait";
}

TEST_F(FolderSourceTest, AFifoIsNeverOpened) {
    const auto path = folder_.file("fifo");
    ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
    EXPECT_EQ(node("fifo").type, NodeType::kFifo);
    EXPECT_TRUE(open()->attributes("fifo").has_value());
    // A writer that finds a reader would not be refused.
    const UniqueFd writer(::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
    EXPECT_FALSE(writer.is_open());
}

TEST_F(FolderSourceTest, EntriesThatCannotBeLookedAtAreListedAsSuch) {
    if (::geteuid() != 0) {
        GTEST_SKIP() << "takes root, which becomes somebody else";
    }
    folder_.write("a", "x");
    folder_.write("b", "x");
    ASSERT_EQ(::chmod(folder_.path().c_str(), 0744), 0);
    ASSERT_EQ(::seteuid(65'534), 0);
    auto opened = source_.open_folder(folder_.path());
    const auto nodes = opened ? (*opened)->list() : Result<std::vector<Node>>(opened.error());
    ASSERT_EQ(::seteuid(0), 0);
    ASSERT_TRUE(nodes.has_value()) << nodes.error().message();
    ASSERT_EQ(nodes->size(), 2U);
    EXPECT_EQ(nodes->front().name, "a");
    EXPECT_FALSE(nodes->front().error.empty());
}

TEST_F(FolderSourceTest, ReadingLeavesNoTrace) {
    const auto path = folder_.write("file", "x");
    const timespec times[2] = {{1, 0}, {2'000'000'000, 0}};  // NOLINT: relatime would touch it
    ASSERT_EQ(::utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
    EXPECT_EQ(read_all(**open()->open_file("file")), "x");
    EXPECT_EQ(node("file").atime.seconds, 1);
}

TEST_F(FolderSourceTest, PathsAreMadeAbsoluteWithoutFollowingLinks) {
    EXPECT_EQ(source_.absolute("/a//b/./c/../d/"), "/a/b/d");
    EXPECT_EQ(source_.absolute("/"), "/");
    EXPECT_EQ(source_.absolute("x"), std::filesystem::current_path().string() + "/x");
    EXPECT_EQ(source_.absolute("."), std::filesystem::current_path().string());
}

TEST(StreamSource, IsOneFileThatIsReadToItsEnd) {
    int ends[2] = {};  // NOLINT: the system's
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    const UniqueFd reading(ends[0]);
    UniqueFd writing(ends[1]);
    ASSERT_EQ(::write(writing.get(), "first", 5), 5);
    ASSERT_EQ(::write(writing.get(), "second", 6), 6);
    writing.reset();
    StreamSource source(reading.get(), "a/b.sql", {7, 8});
    EXPECT_EQ(source.absolute("a/b.sql"), "/a/b.sql");
    EXPECT_EQ(source.status("/a")->type, NodeType::kDirectory);
    const auto node = source.status("/a/b.sql");
    EXPECT_EQ(node->type, NodeType::kFile);
    EXPECT_EQ(node->mtime, (backup::NodeTime{7, 8}));
    auto folder = source.open_folder("/a");
    EXPECT_EQ(code_of((*folder)->open_file("other")), Errc::kNotFound);
    const auto file = (*folder)->open_file("b.sql");
    EXPECT_EQ(read_all(**file), "firstsecond");
    EXPECT_EQ(read_all(**file), "");
}

TEST(FolderCache, KeepsWhatItIsToldToKeep) {
    const test::Folder folder;
    FolderCache cache(folder.file("not/made/yet"));
    EXPECT_EQ(code_of(cache.load("x-a")), Errc::kNotFound);
    cache.keep_only("x-", {});
    cache.store("x-a", backup::bytes_of("1"));
    cache.store("x-b", backup::bytes_of("2"));
    cache.store("y-a", backup::bytes_of("other"));
    cache.store("x-a", backup::bytes_of("3"));
    EXPECT_EQ(cache.load("x-a")->text(), "3");
    cache.keep_only("x-", {"x-b", "x-c"});
    EXPECT_EQ(code_of(cache.load("x-a")), Errc::kNotFound);
    EXPECT_EQ(cache.load("x-b")->text(), "2");
    EXPECT_EQ(cache.load("y-a")->text(), "other");
}

TEST(FolderCache, ReadsAPartOrSaysThatItIsNotThere) {
    const test::Folder folder;
    FolderCache cache(folder.path());
    cache.store("a", backup::bytes_of("0123456789"));
    backup::Buffer part(4);
    ASSERT_TRUE(cache.read("a", 3, part.span()));
    EXPECT_EQ(part.text(), "3456");
    EXPECT_FALSE(cache.read("a", 7, part.span()));
    EXPECT_EQ(code_of(cache.read("b", 0, part.span())), Errc::kNotFound);
}

}  // namespace
}  // namespace muster::adapters
