#include "adapters/blob/sftp_store.h"

#include <filesystem>

#include "adapters/blob/blob_test_support.h"
#include "adapters/blob/shell_words.h"
#include "adapters/blob/stored_names.h"
#include "conformance/blob_store_suite.h"

namespace muster::adapters {
namespace {

using backup::FileKind;
using backup::StoredName;

test::PausingHost& host() {
    static test::PausingHost host;
    return host;
}

// The system's SFTP server in the place of ssh.
StoreOptions options_with(const std::string& command = "/usr/lib/openssh/sftp-server") {
    StoreOptions options;
    options.environment = {{"PATH", "/usr/bin:/bin"}};
    options.extended = {{"sftp.command", command}};
    return options;
}

SftpSettings settings_for(const std::string& address, const StoreOptions& options) {
    auto settings = SftpSettings::read(address, options);
    EXPECT_TRUE(settings.has_value()) << settings.error().message();
    return std::move(settings).value();
}

struct SftpWorld {
    test::Folder folder;
    SftpStore held{settings_for("x:" + folder.file("deep/repo"), options_with()), host()};
    backup::BlobStore& store() { return held; }
    static std::size_t big() { return 9'000'001; }
};

class Sftp : public testing::Test {
  protected:
    void open(const std::string& command) {
        auto settings = settings_for("x:" + folder_.file("repo"), options_with(command));
        settings.patience = std::chrono::milliseconds(300);
        store_ = std::make_unique<SftpStore>(std::move(settings), host());
    }
    // A program that the store takes for ssh.
    std::string script(const std::string& text) {
        const auto path = folder_.write("ssh", "#!/bin/bash\n" + text + "\n");
        std::filesystem::permissions(path, std::filesystem::perms::owner_all);
        return path;
    }
    Errc write(const std::string& content) {
        const StoredName name{FileKind::kPack, test::hash_of(backup::bytes_of(content))};
        const auto written = store_->write(name, backup::bytes_of(content));
        EXPECT_FALSE(written.has_value());
        last_ = written ? "" : written.error().message();
        return written ? Errc::kInvalid : written.error().code();
    }
    std::size_t files_in(const std::string& name) {
        std::size_t count = 0;
        for (const auto& entry :
             std::filesystem::recursive_directory_iterator(folder_.file(name))) {
            count += entry.is_regular_file() ? 1 : 0;
        }
        return count;
    }

    test::Folder folder_;
    std::unique_ptr<SftpStore> store_;
    std::string last_;
};

TEST_F(Sftp, LaysFilesOutAsResticDoes) {
    open("/usr/lib/openssh/sftp-server");
    ASSERT_TRUE(store_->create().has_value());
    const StoredName pack{FileKind::kPack, test::hash_of(backup::bytes_of("x"))};
    ASSERT_TRUE(store_->write(pack, backup::bytes_of("x")).has_value());
    ASSERT_TRUE(store_->write({}, backup::bytes_of("config")).has_value());
    EXPECT_EQ(
        test::text_of_file(folder_.file("repo/data/" + pack.name.substr(0, 2) + "/" + pack.name)),
        "x");
    EXPECT_EQ(test::text_of_file(folder_.file("repo/config")), "config");
    EXPECT_EQ(files_in("repo"), 2U) << "nothing temporary stays";
    const auto mode = std::filesystem::status(folder_.file("repo/config")).permissions();
    EXPECT_EQ(mode & std::filesystem::perms::all,
              std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

// What stock restic wrote through its own client is read by ours.
TEST_F(Sftp, ReadsWhatResticWrote) {
    folder_.write("password", "x");
    const auto restic = "XDG_CACHE_HOME=" + folder_.path() +
                        " restic -q -r sftp:x:" + folder_.file("repo") +
                        " -o sftp.command=/usr/lib/openssh/sftp-server" + " --password-file " +
                        folder_.file("password");
    ASSERT_EQ(test::run_program(restic + " init", folder_.file("log")), 0)
        << test::text_of_file(folder_.file("log"));
    ASSERT_EQ(test::run_program(restic + " backup " + folder_.file("log"), folder_.file("log")), 0)
        << test::text_of_file(folder_.file("log"));
    open("/usr/lib/openssh/sftp-server");
    EXPECT_GT(store_->size({}).value_or(0), 0U);
    EXPECT_EQ(store_->list(FileKind::kSnapshot)->size(), 1U);
    const auto packs = store_->list(FileKind::kPack);
    ASSERT_TRUE(packs.has_value());
    ASSERT_FALSE(packs->empty());
    for (const auto& pack : *packs) {
        const auto loaded = store_->load({FileKind::kPack, pack.name});
        ASSERT_TRUE(loaded.has_value()) << loaded.error().message();
        EXPECT_EQ(test::hash_of(loaded->view()), pack.name);
    }
}

TEST_F(Sftp, SkipsWhatIsNoFileOfARepository) {
    open("/usr/lib/openssh/sftp-server");
    ASSERT_TRUE(store_->create().has_value());
    const std::string name(64, 'a');
    folder_.write("repo/keys/" + name + "-tmp-1", "x");
    folder_.write("repo/keys/README", "x");
    std::filesystem::create_directory(folder_.file("repo/keys/" + name));
    std::filesystem::create_directory(folder_.file("repo/data/zz"));
    folder_.write("repo/data/zz/" + name, "x");
    EXPECT_TRUE(store_->list(FileKind::kKey)->empty());
    EXPECT_TRUE(store_->list(FileKind::kPack)->empty());
    std::filesystem::remove_all(folder_.file("repo/locks"));
    EXPECT_TRUE(store_->list(FileKind::kLock)->empty()) << "a folder that is not there";
}

TEST_F(Sftp, ListsManyFoldersWithManyFiles) {
    open("/usr/lib/openssh/sftp-server");
    ASSERT_TRUE(store_->create().has_value());
    std::vector<backup::Listed> expected;
    for (int i = 0; i < 1500; ++i) {
        const auto name = test::hash_of(backup::bytes_of(std::to_string(i % 7 == 0 ? -i : i)));
        // Seven in a row share a folder, and one folder has hundreds.
        const auto place = "repo/data/" + name.substr(0, 2);
        std::filesystem::create_directory(folder_.file(place));
        folder_.write(place + "/" + name, std::string(i, 'x'));
        expected.push_back({name, static_cast<std::uint64_t>(i)});
    }
    for (int i = 0; i < 300; ++i) {
        const auto name = "00" + test::hash_of(backup::bytes_of("f" + std::to_string(i))).substr(2);
        std::filesystem::create_directory(folder_.file("repo/data/00"));
        folder_.write("repo/data/00/" + name, "");
        expected.push_back({name, 0});
    }
    auto listed = store_->list(FileKind::kPack);
    ASSERT_TRUE(listed.has_value()) << listed.error().message();
    std::ranges::sort(*listed);
    std::ranges::sort(expected);
    EXPECT_TRUE(*listed == expected) << listed->size();
}

TEST_F(Sftp, SaysWhyTheConnectionCannotBeMade) {
    open(script("echo 'u@h: Permission denied (publickey).' >&2; exit 255"));
    EXPECT_EQ(write("x"), Errc::kDenied);
    EXPECT_TRUE(last_.contains("Permission denied (publickey).")) << last_;
    open(script("echo Host key verification failed. >&2; exit 255"));
    EXPECT_EQ(write("x"), Errc::kDenied);
    open(script("echo ssh: connect to host h port 22: Connection refused >&2; exit 255"));
    EXPECT_EQ(write("x"), Errc::kUnavailable);
    EXPECT_TRUE(last_.contains("Connection refused")) << last_;
    open(script("echo ssh: Could not resolve hostname h: Name or service not known >&2; exit 255"));
    EXPECT_EQ(write("x"), Errc::kInvalid) << "it will not be known later";
    open(script("echo Welcome to this machine; cat"));
    EXPECT_EQ(write("x"), Errc::kUnavailable);
    EXPECT_TRUE(last_.contains("does its login print something")) << last_;
    open("/absent/program");
    EXPECT_EQ(write("x"), Errc::kNotFound);
}

// The server's protocol has no word for it; a disk of its own that is small, in a namespace.
TEST_F(Sftp, AFullDiskIsDeniedAndNotTriedAgain) {
    std::filesystem::create_directory(folder_.file("disk"));
    const auto alone = [&](const std::string& then) {
        return "unshare -rm bash -c 'mount -t tmpfs -o size=128k none " + folder_.file("disk") +
               " && " + then + "'";
    };
    if (test::run_program(alone("true"), folder_.file("log")) != 0) {
        GTEST_SKIP() << "no name spaces here";
    }
    auto settings =
        settings_for("x:" + folder_.file("disk/repo"),
                     options_with(script("exec " + alone("exec /usr/lib/openssh/sftp-server"))));
    SftpStore store(std::move(settings), host());
    ASSERT_TRUE(store.create().has_value());
    const std::string content(100'000, 'x');
    const auto pack = [](char letter) {
        return StoredName{FileKind::kPack, std::string(64, letter)};
    };
    ASSERT_TRUE(store.write(pack('a'), backup::bytes_of(content)).has_value());
    const auto written = store.write(pack('b'), backup::bytes_of(content));
    ASSERT_FALSE(written.has_value());
    EXPECT_EQ(written.error().code(), Errc::kDenied) << written.error().message();
    EXPECT_TRUE(written.error().message().contains("no space left")) << written.error().message();
    ASSERT_TRUE(store.remove(pack('a')).has_value());
    EXPECT_TRUE(store.write(pack('b'), backup::bytes_of(content)).has_value())
        << "nothing of the first attempt is left";
}

TEST_F(Sftp, EndsWhenTheServerIsSilent) {
    open(script("exec sleep 1000"));
    EXPECT_EQ(write("x"), Errc::kTimedOut);
    // It greets, then nothing.
    open(script("printf '\\0\\0\\0\\5\\2\\0\\0\\0\\3'; exec sleep 1000"));
    EXPECT_EQ(write("x"), Errc::kTimedOut) << "not even its name was opened";
    const auto removed = store_->remove({FileKind::kPack, std::string(64, 'a')});
    ASSERT_FALSE(removed.has_value());
    EXPECT_EQ(removed.error().code(), Errc::kOutcomeUnknown);
}

// The connection is cut after so many bytes of the server's answers, for each number of them: what
// was promised holds, and another connection goes on.
TEST_F(Sftp, KeepsItsWordWhereverTheConnectionIsCut) {
    open("/usr/lib/openssh/sftp-server");
    ASSERT_TRUE(store_->create().has_value());
    const std::string content(100'000, 'x');
    const StoredName name{FileKind::kPack, test::hash_of(backup::bytes_of(content))};
    int written = 0;
    int unknown = 0;
    for (int bytes = 0; bytes < 1200; bytes += 11) {
        std::filesystem::remove_all(folder_.file("repo/data"));
        open(script(
            "exec setsid bash -c '/usr/lib/openssh/sftp-server | { dd bs=1 status=none count=" +
            std::to_string(bytes) + "; kill -9 0; }'"));
        const auto done = store_->write(name, backup::bytes_of(content));
        const bool is_there = std::filesystem::exists(folder_.file("repo/" + path_of(name)));
        if (done) {
            EXPECT_TRUE(is_there) << bytes;
            ++written;
        } else if (done.error().code() == Errc::kOutcomeUnknown) {
            ++unknown;
        } else {
            EXPECT_FALSE(is_there) << bytes << ": " << done.error().message();
        }
    }
    EXPECT_GT(written, 0);
    EXPECT_GT(unknown, 0);
}

TEST_F(Sftp, MakesANewConnectionInThePlaceOfADeadOne) {
    // Each server ends by itself once it has rested for a moment.
    const auto marks = folder_.file("marks");
    open(script("echo x >>" + marks + "; exec timeout 0.2 /usr/lib/openssh/sftp-server"));
    ASSERT_TRUE(store_->create().has_value());
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (test::text_of_file(marks) == "x\n" && std::chrono::steady_clock::now() < deadline) {
        const auto listed = store_->list(FileKind::kKey);
        EXPECT_TRUE(listed.has_value() || listed.error().code() == Errc::kUnavailable);
    }
    EXPECT_NE(test::text_of_file(marks), "x\n");
}

TEST_F(Sftp, HasNoMoreConnectionsThanItMay) {
    const auto marks = folder_.file("marks");
    auto options =
        options_with(script("echo x >>" + marks + "; exec /usr/lib/openssh/sftp-server"));
    options.extended["sftp.connections"] = "2";
    SftpStore store(settings_for("x:" + folder_.file("repo"), options), host());
    ASSERT_TRUE(store.create().has_value());
    host().run_parallel(8, [&store](unsigned) {
        for (int i = 0; i < 20; ++i) {
            EXPECT_TRUE(store.list(FileKind::kKey).has_value());
        }
    });
    EXPECT_LE(test::text_of_file(marks).size(), 4U);
}

TEST_F(Sftp, AFileThatMayNotBeWrittenIsDenied) {
    if (::geteuid() == 0) {
        open(
            "/usr/bin/setpriv --reuid=65534 --regid=65534 --clear-groups "
            "/usr/lib/openssh/sftp-server");
    } else {
        open("/usr/lib/openssh/sftp-server");
    }
    std::filesystem::permissions(folder_.path(), std::filesystem::perms(0555));
    const auto created = store_->create();
    ASSERT_FALSE(created.has_value());
    EXPECT_EQ(created.error().code(), Errc::kDenied) << created.error().message();
    std::filesystem::permissions(folder_.path(), std::filesystem::perms(0755));
}

TEST_F(Sftp, CallsTheSystemsSshAsResticDoes) {
    const auto said = [&](const std::string& address, const StoreOptions& options) {
        std::string line;
        for (const auto& word : settings_for(address, options).argv) {
            line += (line.empty() ? "" : "|") + word;
        }
        return line + " " + settings_for(address, options).root;
    };
    const StoreOptions plain;
    EXPECT_EQ(said("host:/srv/repo", plain), "ssh|host|-s|sftp /srv/repo");
    EXPECT_EQ(said("me@host:repo/", plain), "ssh|-l|me|host|-s|sftp repo");
    EXPECT_EQ(said("me@dom@host:/r", plain), "ssh|-l|me@dom|host|-s|sftp /r");
    EXPECT_EQ(said("//me@host:2222//srv/repo", plain), "ssh|-p|2222|-l|me|host|-s|sftp /srv/repo");
    EXPECT_EQ(said("//host/repo", plain), "ssh|host|-s|sftp repo");
    EXPECT_EQ(said("//me@[::1]:22//r", plain), "ssh|-p|22|-l|me|::1|-s|sftp /r");
    EXPECT_EQ(said("[::1]:/r", plain), "ssh|::1|-s|sftp /r");
    StoreOptions more;
    more.extended = {{"sftp.args", "-i '/a key' -o \"A b\""}};
    EXPECT_EQ(said("host:/r", more), "ssh|-i|/a key|-o|A b|host|-s|sftp /r");
}

TEST_F(Sftp, RefusesWhatCanBeNoPlace) {
    for (const auto* address :
         {"", "host", "host:", ":path", "-oProxyCommand=x:/p", "//host", "//host/", "//-x@host//p",
          "-x@host:/p", "//a:b@host//p", "//host:port//p", "ho st:/p"}) {
        const auto settings = SftpSettings::read(address, {});
        ASSERT_FALSE(settings.has_value()) << address;
        EXPECT_EQ(settings.error().code(), Errc::kInvalid);
    }
    for (const auto& [name, value] :
         Fields{{"sftp.command", "'"}, {"sftp.comand", "x"}, {"sftp.connections", "x"}}) {
        StoreOptions options;
        options.extended = {{name, value}};
        EXPECT_FALSE(SftpSettings::read("host:/p", options).has_value()) << name;
    }
}

TEST(ShellWords, AreSplitAsAShellDoes) {
    using Words = std::vector<std::string>;
    EXPECT_EQ(split_words("").value(), Words{});
    EXPECT_EQ(split_words(" a  b\tc ").value(), (Words{"a", "b", "c"}));
    EXPECT_EQ(split_words("a' 'b \"c d\" '' \\ e\\\\ \"\\\"\" '\\'").value(),
              (Words{"a b", "c d", "", " e\\", "\"", "\\"}));
    EXPECT_FALSE(split_words("a 'b").has_value());
    EXPECT_FALSE(split_words("\"").has_value());
}

}  // namespace
}  // namespace muster::adapters

namespace muster::conformance {

INSTANTIATE_TYPED_TEST_SUITE_P(Sftp, BlobStoreSuite, adapters::SftpWorld);

}  // namespace muster::conformance
