#include "backup/look/snapshot_view.h"

#include <gtest/gtest.h>

#include <random>

#include "backup/look/look_test_support.h"
#include "backup/look/time_template.h"

namespace muster::backup {
namespace {

using testing::LookRepository;

// 2026-11-21T20:12:48+01:00.
constexpr GoTime kTime{1'795'288'368, 0, 3600};

Snapshot snapshot(std::uint8_t number, const ObjectId& tree, std::int64_t seconds_later = 0) {
    Snapshot made;
    made.id.bytes.fill(number);
    made.tree = tree;
    made.time = kTime;
    made.time.seconds += seconds_later;
    made.hostname = "db1";
    made.username = "root";
    return made;
}

std::string names_of(const SnapshotFolder& folder) {
    std::string names;
    for (const auto& [name, entry] : folder.entries) {
        names += names.empty() ? "" : " ";
        names += name + (entry.folder ? "/" : "") +
                 (entry.link_target.empty() ? "" : "->" + entry.link_target);
    }
    return names;
}

TEST(TimeTemplate, WritesATimeAsGoDoes) {
    const auto form = [](const char* layout) { return format_by_template(kTime, layout); };
    EXPECT_EQ(form("2006-01-02T15:04:05Z07:00"), "2026-11-21T20:12:48+01:00");
    EXPECT_EQ(form("2006-01-02_15-04-05"), "2026-11-21_20-12-48");
    EXPECT_EQ(form("Mon Jan _2 3:4:5PM 06"), "Sat Nov 21 8:12:48PM 26");
    EXPECT_EQ(form("Monday, January 2, 002 pm -0700 -07:00 -07 MST"),
              "Saturday, November 21, 325 pm +0100 +01:00 +01 +0100");
    EXPECT_EQ(form("1/2/03"), "11/21/08");
    EXPECT_EQ(format_by_template({0, 0, 0}, "Z07:00 Z0700 Z07 MST"), "Z Z Z UTC");
    EXPECT_EQ(format_by_template({0, 0, -5400}, "Z0700 15:04 _2006"), "-0130 22:30 _1969");
}

TEST(SnapshotFolders, AreArrangedByTheTemplates) {
    auto one = snapshot(1, {});
    auto two = snapshot(2, {}, 60);
    two.tags = {"x", "a/b", ".."};
    auto top = arrange_snapshots({&two, &one}, {}).value();
    EXPECT_EQ(names_of(*top), "hosts/ ids/ snapshots/ tags/");
    EXPECT_EQ(names_of(*top->entries["ids"].folder), "01010101 02020202");
    EXPECT_EQ(names_of(*top->entries["snapshots"].folder),
              "2026-11-21T20:12:48+01:00 2026-11-21T20:13:48+01:00 "
              "latest->2026-11-21T20:13:48+01:00");
    EXPECT_EQ(names_of(*top->entries["tags"].folder), "__/ a_b/ x/");
    EXPECT_EQ(top->newest, two.time);
}

TEST(SnapshotFolders, TellSnapshotsOfOneTimeApart) {
    const auto one = snapshot(1, {});
    const auto two = snapshot(2, {});
    const auto top = arrange_snapshots({&two, &one}, {{"%h/%T"}, "15"}).value();
    EXPECT_EQ(names_of(*top->entries["db1"].folder), "20 20-1 latest->20-1");
}

TEST(SnapshotFolders, RefuseASnapshotThatIsAFolder) {
    const auto one = snapshot(1, {});
    EXPECT_EQ(arrange_snapshots({&one}, {{"%h", "%h/%i"}, "15"}).error().code(), Errc::kInvalid);
    EXPECT_EQ(arrange_snapshots({&one}, {{"%h/%i", "%h"}, "15"}).error().code(), Errc::kInvalid);
    EXPECT_EQ(arrange_snapshots({&one}, {{"//"}, "15"}).error().code(), Errc::kInvalid);
}

class Viewing : public ::testing::Test {
  protected:
    Viewing() {
        for (std::size_t i = 0; i < 40; ++i) {
            std::string piece(1 + i * 7, static_cast<char>('a' + i % 26));
            piece += std::to_string(i);
            pieces_.push_back(made_.data(piece));
            content_ += piece;
        }
        auto first = LookRepository::file("first", pieces_, content_.size());
        first.links = 2;
        first.inode = 77;
        auto second = first;
        second.name = "second";
        const auto below = made_.tree({first, second, LookRepository::file("third", {})});
        add(snapshot(1, made_.tree({LookRepository::folder("d", below)})));
    }
    void add(Snapshot one) {
        EXPECT_TRUE(made_.store().write({FileKind::kSnapshot, one.id.hex()}, bytes_of("x")));
        snapshots_.push_back(std::move(one));
    }
    std::unique_ptr<SnapshotView> view(ViewSettings settings = {}) {
        auto made = std::make_unique<SnapshotView>(
            made_.repository(), std::move(settings),
            ViewHooks{[this]() -> Result<std::vector<Snapshot>> {
                          ++loads_;
                          return snapshots_;
                      },
                      [this](const std::string& path, const Error&) { told_.push_back(path); }});
        EXPECT_TRUE(made->load());
        return made;
    }

    LookRepository made_;
    std::vector<ObjectId> pieces_;
    std::string content_;
    std::vector<Snapshot> snapshots_;
    std::vector<std::string> told_;
    int loads_ = 0;
};

TEST_F(Viewing, ReadsFromAnyPlace) {
    for (const std::size_t most : {std::size_t{48U << 20U}, std::size_t{600}, std::size_t{0}}) {
        ViewSettings settings;
        settings.most_blob_bytes = most;
        const auto shown = view(settings);
        const auto place = shown->find("/ids/01010101/d/first").value();
        const auto file = shown->open(place).value();
        EXPECT_EQ(file->size(), content_.size());
        std::mt19937 chance(5);  // NOLINT: the same for each run.
        for (int i = 0; i < 2000; ++i) {
            const std::size_t offset = chance() % (content_.size() + 10);
            std::string into(chance() % 900, '\0');
            const auto expected =
                offset < content_.size() ? content_.substr(offset, into.size()) : std::string();
            const auto got =
                file->read(offset, {reinterpret_cast<std::uint8_t*>(into.data()), into.size()});
            into.resize(got.value());
            ASSERT_EQ(into, expected) << offset;
        }
    }
}

TEST_F(Viewing, HardLinksHaveOneInodeAndOthersTheirOwn) {
    const auto shown = view();
    const auto inode = [&](const char* path) { return shown->find(path).value().inode(); };
    EXPECT_EQ(inode("/ids/01010101/d/first"), inode("/ids/01010101/d/second"));
    EXPECT_NE(inode("/ids/01010101/d/first"), inode("/ids/01010101/d/third"));
    EXPECT_EQ(inode("/ids/01010101/d"), inode("/hosts/db1/2026-11-21T20:12:48+01:00/d"));
    EXPECT_NE(inode("/ids"), inode("/hosts"));
    const auto folder = shown->find("/ids/01010101/d").value();
    const auto tree = shown->list(folder).value();
    ASSERT_EQ(tree->size(), 3U);
    EXPECT_EQ(SnapshotView::child(folder, tree, 2).inode(), inode("/ids/01010101/d/third"));
    const auto top = shown->find("/").value();
    const auto entries = shown->list(top).value();
    EXPECT_EQ(SnapshotView::child(top, entries, 0).inode(), inode("/hosts"));
}

TEST_F(Viewing, NewSnapshotsAppearAfterAWhile) {
    const auto shown = view();
    add(snapshot(2, snapshots_[0].tree, 60));
    EXPECT_EQ(shown->find("/ids/02020202").error().code(), Errc::kNotFound);
    made_.host().advance(std::chrono::seconds(6));
    const auto ids = shown->find_to_list("/ids").value();
    EXPECT_EQ(shown->list(ids).value()->size(), 2U);
    EXPECT_EQ(shown->find("/snapshots/latest").value().node->link_target,
              "2026-11-21T20:13:48+01:00");
    made_.host().advance(std::chrono::seconds(6));
    EXPECT_TRUE(shown->find_to_list("/ids"));
    EXPECT_EQ(loads_, 2) << "what is as it was is not read again";
}

TEST_F(Viewing, WhatIsMissingIsToldApartFromWhatIsDamaged) {
    const auto shown = view();
    for (const auto* path :
         {"/nope", "/ids/nope", "/ids/01010101/nope", "/ids/01010101/d/third/x"}) {
        EXPECT_TRUE(SnapshotView::says_nothing_there(shown->find(path).error(), path)) << path;
    }
    for (auto& [name, bytes] : made_.store().files()) {
        if (name.kind == FileKind::kPack) {
            bytes[bytes.size() / 2] ^= 1U;
            bytes[20] ^= 1U;
        }
    }
    const auto fresh = view()->find("/ids/01010101/d/first");
    ASSERT_FALSE(fresh);
    EXPECT_EQ(fresh.error().code(), Errc::kCorrupt);
    std::erase_if(made_.store().files(),
                  [](const auto& file) { return file.first.kind == FileKind::kPack; });
    const auto gone = view()->find("/ids/01010101/d/first");
    ASSERT_FALSE(gone);
    EXPECT_FALSE(SnapshotView::says_nothing_there(gone.error(), "/ids/01010101/d/first"));
    shown->report("/x", Error(Errc::kCorrupt, "bad"));
    shown->report("/x", Error(Errc::kCorrupt, "bad"));
    EXPECT_EQ(told_, std::vector<std::string>{"/x"});
}

TEST(SharedCache, KeepsWhatWasUsedLast) {
    SharedCache<int, int> cache(3);
    int loads = 0;
    const auto get = [&](int key) {
        return *cache
                    .get(key,
                         [&]() -> Result<SharedCache<int, int>::Loaded> {
                             ++loads;
                             return SharedCache<int, int>::Loaded{
                                 std::make_shared<const int>(key * 10), 1};
                         })
                    .value();
    };
    for (const int key : {1, 2, 3, 1, 4}) {  // 2 is the oldest then.
        EXPECT_EQ(get(key), key * 10);
    }
    EXPECT_EQ(loads, 4);
    EXPECT_EQ(get(1), 10);
    EXPECT_EQ(get(3), 30);
    EXPECT_EQ(loads, 4);
    EXPECT_EQ(get(2), 20);
    EXPECT_EQ(loads, 5);
    EXPECT_EQ(cache.cost(), 3U);
}

TEST(SharedCache, LoadsOnceForAllWhoAskAtOnceAndKeepsNoError) {
    SharedCache<int, int> cache(10);
    EXPECT_FALSE(cache.get(1, []() -> Result<SharedCache<int, int>::Loaded> {
        return Error(Errc::kUnavailable, "away");
    }));
    std::atomic<int> loads = 0;
    testing::TestHost host;
    host.run_parallel(8, [&](unsigned) {
        const auto got = cache.get(1, [&]() -> Result<SharedCache<int, int>::Loaded> {
            ++loads;
            return SharedCache<int, int>::Loaded{std::make_shared<const int>(5), 1};
        });
        EXPECT_EQ(*got.value(), 5);
    });
    EXPECT_EQ(loads, 1);
}

}  // namespace
}  // namespace muster::backup
