#include "backup/care/check.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "backup/care/pack_check.h"

namespace muster::backup {

namespace {

// Workers that read packs: each holds about 35 MiB, and waits for the store now and then.
constexpr unsigned kMostReaders = 5;

std::string counted(std::size_t count, const std::string& what) {
    return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

}  // namespace

/// Passes what the walk finds to the check.
class Check::Watch final : public WalkObserver {
  public:
    explicit Watch(Check& check) : check_(check) {}

    void on_bad_tree(const ObjectId& tree, const Error& error) override {
        const std::scoped_lock lock(check_.mutex_);
        if (bad_.insert(tree).second) {
            check_.complain(Error(error).with("tree " + tree.brief()));
            for (const auto number : check_.repository_.index().numbers_of(BlobType::kTree, tree)) {
                check_.damaged_->insert(number);
            }
            check_.is_anything_lost_ = true;
        }
    }
    void on_bad_node(const ObjectId& tree, const Node& node, const Error& error) override {
        const std::scoped_lock lock(check_.mutex_);
        check_.complain(Error(error).with("tree " + tree.brief() + ": " + node.name));
        check_.is_anything_lost_ = true;
    }

  private:
    Check& check_;
    std::set<ObjectId> bad_;
};

void Check::complain(const Error& error) {
    ++report_.errors;
    observer_.on_error(error);
}

Result<CheckReport> Check::run() {
    TRY_OK(check_index());
    const std::size_t entries = repository_.index().size();
    used_ = std::make_unique<EntrySet>(entries);
    damaged_ = std::make_unique<EntrySet>(entries);
    whole_ = std::make_unique<EntrySet>(entries);
    TRY_OK(check_packs());
    TRY_OK(load_snapshots());
    TRY_OK(check_trees());
    if (settings_.is_unused_checked) {
        name_unused();
    }
    TRY_OK(read_data());
    if (is_anything_lost_) {
        find_lost_paths();
    }
    for (auto* const packs : {&report_.broken_packs, &report_.damaged_packs}) {
        std::ranges::sort(*packs);
        const auto doubled = std::ranges::unique(*packs);
        packs->erase(doubled.begin(), doubled.end());
    }
    return std::move(report_);
}

Result<> Check::check_index() {
    observer_.on_step("load indexes");
    TRY(const auto files, load_index_files(repository_));
    for (const auto& problem : files.problems) {
        report_.is_index_bad = true;
        complain(problem);
    }
    for (const auto& pack : files.contradictory) {
        report_.is_index_bad = true;
        complain(
            Error(Errc::kCorrupt, "index files contradict each other about pack " + pack.brief()));
    }
    for (const auto& pack : files.listed_twice) {
        observer_.on_note("pack " + pack.brief() + " is listed by several index files");
    }
    return {};
}

void Check::mark_pack(std::uint32_t pack) {
    const auto range = repository_.index().entries_of(pack);
    for (std::uint32_t i = 0; i < range.count; ++i) {
        damaged_->insert(range.first + i);
    }
    is_anything_lost_ = true;
}

void Check::compare(const ObjectId& id, std::uint32_t pack, const Listed* listed) {
    const auto blobs = blobs_of_pack(repository_.index(), pack);
    if (listed == nullptr) {
        report_.is_index_bad = true;
        report_.broken_packs.push_back(id);
        complain(Error(Errc::kCorrupt, "pack " + id.hex() + " is missing; the index has " +
                                           counted(blobs.size(), "blob") + " in it"));
        mark_pack(pack);
    } else if (listed->size != pack_size(blobs)) {
        report_.is_index_bad = true;
        report_.broken_packs.push_back(id);
        report_.damaged_packs.push_back(id);
        complain(Error(Errc::kCorrupt, "pack " + id.hex() + " has " + std::to_string(listed->size) +
                                           " bytes, by the index it has " +
                                           std::to_string(pack_size(blobs))));
        const auto range = repository_.index().entries_of(pack);
        for (std::uint32_t i = 0; i < range.count; ++i) {
            const auto& blob = repository_.index().at(range.first + i).blob;
            if (std::uint64_t{blob.offset} + blob.length > listed->size) {
                damaged_->insert(range.first + i);
                is_anything_lost_ = true;
            }
        }
    }
}

Result<> Check::check_packs() {
    observer_.on_step("check all packs");
    TRY(packs_, repository_.store().list(FileKind::kPack));
    std::ranges::sort(packs_);
    const auto indexed = repository_.index().packs();
    for (std::uint32_t number = 0; number < indexed.size(); ++number) {
        const auto name = indexed[number].hex();
        const auto found = std::ranges::lower_bound(packs_, name, {}, &Listed::name);
        compare(indexed[number], number,
                found != packs_.end() && found->name == name ? &*found : nullptr);
    }
    std::size_t foreign = 0;
    for (const auto& pack : packs_) {
        const auto id = ObjectId::parse(pack.name);
        if (id && !repository_.index().has_pack(*id)) {
            ++foreign;
            observer_.on_note("pack " + pack.name + " is in no index");
        }
    }
    if (foreign > 0) {
        report_.is_prune_useful = true;
        observer_.on_note(counted(foreign, "pack") +
                          " in no index: an interrupted backup leaves such, prune removes them");
    }
    return {};
}

Result<> Check::load_snapshots() {
    TRY(auto files, repository_.store().list(FileKind::kSnapshot));
    std::ranges::sort(files);
    for (const auto& file : files) {
        TRY(const auto id, ObjectId::parse(file.name));
        const auto json = repository_.load_unpacked(FileKind::kSnapshot, id);
        auto snapshot = json ? decode_snapshot(json->text(), id) : Result<Snapshot>(json.error());
        if (snapshot) {
            snapshots_.push_back(std::move(*snapshot));
        } else if (snapshot.error().code() == Errc::kCorrupt) {
            report_.bad_snapshots.push_back(id);
            complain(std::move(snapshot).error().with("snapshot " + id.brief()));
        } else if (snapshot.error().code() != Errc::kNotFound) {  // Else it was just forgotten.
            return std::move(snapshot).error().with("snapshot " + id.brief());
        }
    }
    std::ranges::sort(
        snapshots_, [](const auto& left, const auto& right) { return right.is_newer_than(left); });
    return {};
}

Result<> Check::check_trees() {
    observer_.on_step("check snapshots, trees and blobs");
    std::vector<ObjectId> roots;
    roots.reserve(snapshots_.size());
    for (const auto& snapshot : snapshots_) {
        roots.push_back(snapshot.tree);
    }
    Watch watch(*this);
    return mark_reachable(repository_, roots, *used_, watch);
}

void Check::name_unused() const {
    const auto& index = repository_.index();
    std::uint64_t unused = 0;
    const auto packs = static_cast<std::uint32_t>(index.packs().size());
    for (std::uint32_t pack = 0; pack < packs; ++pack) {
        const auto range = index.entries_of(pack);
        for (std::uint32_t i = range.first; i < range.first + range.count; ++i) {
            const auto blob = index.at(i).blob;
            const bool is_used = used_->contains(*index.number_of(blob.type, blob.id));
            if (!is_used && ++unused <= kMostNamed) {
                observer_.on_note("unused " + std::string(to_string(blob.type)) + " blob " +
                                  blob.id.hex());
            }
        }
    }
    if (unused > 0) {
        observer_.on_note(counted(unused, "blob") + " are used by no snapshot");
    }
}

void Check::note_findings(const ObjectId& pack, const std::vector<std::string>& problems,
                          const std::vector<std::uint32_t>& damaged) {
    const std::scoped_lock lock(mutex_);
    report_.broken_packs.push_back(pack);
    report_.damaged_packs.push_back(pack);
    std::string all;
    for (const auto& problem : problems) {
        all += (all.empty() ? "" : "; ") + problem;
    }
    complain(Error(Errc::kCorrupt, "pack " + pack.hex() + ": " + all));
    for (const auto number : damaged) {
        damaged_->insert(number);
        is_anything_lost_ = true;
    }
}

Result<> Check::read_data() {
    auto chosen = choose_packs(packs_, settings_.data, repository_.host());
    std::erase_if(chosen, [this](const Listed& pack) {
        const auto id = ObjectId::parse(pack.name);
        return !id || !repository_.index().has_pack(*id);
    });
    if (chosen.empty()) {
        return {};
    }
    observer_.on_step("read " + counted(chosen.size(), "pack") + " of " +
                      std::to_string(packs_.size()));
    std::atomic<std::size_t> next{0};
    std::atomic<bool> is_failed{false};
    std::size_t done = 0;
    Result<> outcome;
    const auto work = [&](unsigned) {
        PackChecker checker(repository_);
        for (std::size_t i = next++; i < chosen.size() && !is_failed; i = next++) {
            const ObjectId id = *ObjectId::parse(chosen[i].name);
            auto findings = repository_.host().is_stopped()
                                ? Result<PackFindings>(Error(Errc::kCancelled, "told to stop"))
                                : checker.check(id, chosen[i].size);
            if (findings && !findings->problems.empty()) {
                note_findings(id, findings->problems, findings->damaged);
            }
            const std::scoped_lock lock(mutex_);
            if (!findings) {
                is_failed = true;
                outcome = std::move(findings).error().with("while reading pack " + id.brief());
            } else {
                observer_.on_progress(++done, chosen.size());
            }
        }
    };
    const auto workers = std::min(repository_.host().cores() + 1, kMostReaders);
    repository_.host().run_parallel(workers, work);
    return outcome;
}

bool Check::is_lost(BlobType type, const ObjectId& id) const {
    return std::ranges::all_of(repository_.index().numbers_of(type, id),
                               [this](std::uint32_t number) { return damaged_->contains(number); });
}

/// Names what is lost below a tree; whether anything is. A tree below which nothing is lost is gone
/// through once.
bool Check::descend(const Snapshot& snapshot, const ObjectId& tree, const std::string& path) {
    const auto tell = [&](const std::string& what) {
        if (++report_.lost_paths <= kMostNamed) {
            observer_.on_lost(snapshot, what);
        }
        return true;
    };
    const auto number = repository_.index().number_of(BlobType::kTree, tree);
    if (number && whole_->contains(*number)) {
        return false;
    }
    const auto nodes = is_lost(BlobType::kTree, tree)
                           ? Result<std::vector<Node>>(Error(Errc::kCorrupt, "lost"))
                           : repository_.load_tree(tree);
    if (!nodes) {
        return tell(path + "/");
    }
    bool is_any_lost = false;
    for (const auto& node : *nodes) {
        const std::string below = path + "/" + node.name;
        if (node.subtree) {
            is_any_lost = descend(snapshot, *node.subtree, below) || is_any_lost;
        } else if (node.is_directory() ||
                   std::ranges::any_of(node.content, [this](const ObjectId& blob) {
                       return is_lost(BlobType::kData, blob);
                   })) {
            is_any_lost = tell(below);
        }
    }
    if (!is_any_lost && number) {
        whole_->insert(*number);
    }
    return is_any_lost;
}

void Check::find_lost_paths() {
    observer_.on_step("look for what is lost");
    for (const auto& snapshot : snapshots_) {
        report_.has_damage = descend(snapshot, snapshot.tree, "") || report_.has_damage;
    }
}

}  // namespace muster::backup
