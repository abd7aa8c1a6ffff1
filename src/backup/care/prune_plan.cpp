#include "backup/care/prune_plan.h"

#include <algorithm>
#include <unordered_map>

#include "backup/care/data_subset.h"

// Which packs are kept, written anew or removed follows restic's rules (its manual, "Customize
// pruning"), so that both agree on when a repository is tidy: packs of trees and packs that hold
// both kinds are always written anew when something of them is unused; packs of data only until
// little enough is unused, the emptiest first.

namespace muster::backup {

namespace {

constexpr std::uint64_t kSmallPercent = 80;

/// What is in a pack.
struct PackSum {
    std::uint64_t kept_blobs = 0;
    std::uint64_t kept_bytes = 0;
    std::uint64_t all_blobs = 0;
    std::uint64_t all_bytes = 0;
    bool has_data = false;
    bool has_trees = false;
    bool has_raw_kept = false;       // Something kept is not compressed …
    bool has_raw_tree_kept = false;  // … and a tree at that.
    bool is_there = false;           // Listed, with the size that it must have.

    [[nodiscard]] std::uint64_t unused_bytes() const { return all_bytes - kept_bytes; }
};

class Planner {
  public:
    Planner(const BlobIndex& index, const EntrySet& used, const PruneSettings& settings)
        : index_(index),
          used_(used),
          settings_(settings),
          names_(index.packs()),
          sums_(names_.size()),
          plan_(index.size()) {}

    Result<PrunePlan> run(const std::vector<Listed>& packs) {
        look_at(packs);
        TRY_OK(choose_copies());
        sum_up();
        plan_.fates.assign(names_.size(), PackFate::kKeep);
        std::vector<std::uint32_t> candidates;
        for (std::uint32_t pack = 0; pack < names_.size(); ++pack) {
            judge(pack, candidates);
        }
        choose_repacks(candidates);
        for (const auto fate : plan_.fates) {
            plan_.counts.kept_packs += fate == PackFate::kKeep ? 1 : 0;
            plan_.counts.repacked_packs += fate == PackFate::kRepack ? 1 : 0;
            plan_.counts.removed_packs += fate == PackFate::kRemove ? 1 : 0;
        }
        return std::move(plan_);
    }

  private:
    template <class Visit>
    void for_each_entry(std::uint32_t pack, const Visit& visit) const {
        const auto range = index_.entries_of(pack);
        for (std::uint32_t i = range.first; i < range.first + range.count; ++i) {
            visit(i, index_.at(i).blob);
        }
    }

    void look_at(const std::vector<Listed>& packs) {
        for (const auto& listed : packs) {
            const auto id = ObjectId::parse(listed.name);
            if (!id) {
                continue;
            }
            if (const auto number = index_.pack_number(*id)) {
                sums_[*number].is_there = listed.size == size_by_index(*number);
                continue;
            }
            ++plan_.counts.foreign_packs;
            plan_.counts.foreign_bytes += listed.size;
            if (!settings_.are_foreign_kept && !settings_.locked.contains(*id)) {
                plan_.foreign.push_back(*id);
            }
        }
    }

    std::uint64_t size_by_index(std::uint32_t pack) const {
        std::vector<PackedBlob> blobs;
        for_each_entry(pack, [&](std::uint32_t, const PackedBlob& blob) { blobs.push_back(blob); });
        return pack_size(blobs);
    }

    /// Of each used blob one copy is kept: the only one, or that in the pack of which most is kept
    /// anyway.
    Result<> choose_copies() {
        std::unordered_map<std::uint32_t, std::vector<std::uint32_t>> copies;  // By first entry.
        for (std::uint32_t pack = 0; pack < names_.size(); ++pack) {
            for_each_entry(pack, [&](std::uint32_t number, const PackedBlob& blob) {
                const auto first = *index_.number_of(blob.type, blob.id);
                if (first != number && used_.contains(first)) {
                    copies[first].push_back(number);
                }
            });
        }
        for (std::uint32_t pack = 0; pack < names_.size(); ++pack) {
            Result<> outcome;
            for_each_entry(pack, [&](std::uint32_t number, const PackedBlob& blob) {
                if (used_.contains(number) && !copies.contains(number) && outcome) {
                    outcome = keep(number, pack, blob);
                }
            });
            TRY_OK(std::move(outcome));
        }
        for (auto& [first, others] : copies) {
            others.push_back(first);
        }
        return choose_among(copies);
    }

    Result<> choose_among(
        const std::unordered_map<std::uint32_t, std::vector<std::uint32_t>>& copies) {
        // What the only copies keep decides, not what this loop adds: the order plays no part.
        std::vector<std::uint64_t> only(sums_.size());
        std::ranges::transform(sums_, only.begin(), &PackSum::kept_bytes);
        for (const auto& [first, numbers] : copies) {
            const auto worth = [&](std::uint32_t number) {
                const auto pack = index_.at(number).pack;
                return std::tuple(sums_[pack].is_there, is_locked(pack), only[pack],
                                  UINT32_MAX - pack, UINT32_MAX - number);
            };
            const auto best = std::ranges::max(numbers, {}, worth);
            const auto entry = index_.at(best);
            TRY_OK(keep(best, entry.pack, entry.blob));
        }
        return {};
    }

    [[nodiscard]] bool is_locked(std::uint32_t pack) const {
        return settings_.locked.contains(names_[pack]);
    }

    Result<> keep(std::uint32_t number, std::uint32_t pack, const PackedBlob& blob) {
        if (!sums_[pack].is_there) {
            return Error(Errc::kCorrupt,
                         std::string(to_string(blob.type)) + " blob " + blob.id.brief() +
                             " is needed, but pack " + names_[pack].brief() +
                             " is not there or has another size than the index says",
                         "nothing was removed; run `muster check`, then `muster repair index`");
        }
        plan_.keep.insert(number);
        ++sums_[pack].kept_blobs;
        sums_[pack].kept_bytes += blob.length;
        return {};
    }

    void sum_up() {
        for (std::uint32_t pack = 0; pack < names_.size(); ++pack) {
            auto& sum = sums_[pack];
            for_each_entry(pack, [&](std::uint32_t number, const PackedBlob& blob) {
                ++sum.all_blobs;
                sum.all_bytes += blob.length;
                (blob.type == BlobType::kTree ? sum.has_trees : sum.has_data) = true;
                const bool is_kept = plan_.keep.contains(number);
                const bool is_raw = is_kept && !blob.is_compressed();
                sum.has_raw_kept |= is_raw;
                sum.has_raw_tree_kept |= is_raw && blob.type == BlobType::kTree;
                auto& counts = plan_.counts;
                const bool is_used = used_.contains(*index_.number_of(blob.type, blob.id));
                (is_kept   ? counts.used
                 : is_used ? counts.duplicate
                           : counts.unused)
                    .add(blob.length);
            });
        }
    }

    void judge(std::uint32_t pack, std::vector<std::uint32_t>& candidates) {
        const auto& sum = sums_[pack];
        auto& counts = plan_.counts;
        if (sum.kept_blobs == 0) {
            ++counts.unused_packs;
            if (is_locked(pack)) {
                ++counts.locked_packs;
                return;
            }
            plan_.fates[pack] = PackFate::kRemove;
            counts.removed.blobs += sum.all_blobs;
            counts.removed.bytes += sum.all_bytes;
            return;
        }
        const bool is_partly_used = sum.unused_bytes() > 0;
        ++(is_partly_used ? counts.partly_used_packs : counts.used_packs);
        counts.locked_packs += is_partly_used && is_locked(pack) ? 1 : 0;
        const bool is_allowed = (!settings_.is_cacheable_only || !sum.has_data) && !is_locked(pack);
        if (is_allowed && (is_partly_used || must_repack(sum) || is_too_small(sum))) {
            candidates.push_back(pack);
        }
    }

    [[nodiscard]] bool must_repack(const PackSum& sum) const {
        const bool is_compressed_anew =
            settings_.may_compress &&
            (sum.has_raw_tree_kept || (settings_.is_uncompressed_repacked && sum.has_raw_kept));
        return is_compressed_anew || (sum.has_data && sum.has_trees);
    }
    [[nodiscard]] bool is_too_small(const PackSum& sum) const {
        return settings_.is_small_repacked &&
               sum.all_bytes < settings_.pack_size / 100 * kSmallPercent;
    }
    [[nodiscard]] bool goes_first(const PackSum& sum) const {
        return must_repack(sum) || sum.has_trees;
    }

    void choose_repacks(std::vector<std::uint32_t>& candidates) {
        const auto order = [this](std::uint32_t pack) {
            const auto& sum = sums_[pack];
            return std::tuple(!goes_first(sum), !is_too_small(sum),
                              -double(sum.unused_bytes()) / double(sum.all_bytes), pack);
        };
        std::ranges::sort(candidates, {}, order);
        auto& counts = plan_.counts;
        const std::uint64_t most = settings_.max_unused.most(counts.used.bytes);
        std::uint64_t unused = 0;  // What stays so if nothing more is done.
        for (std::uint32_t pack = 0; pack < sums_.size(); ++pack) {
            const bool may_go = sums_[pack].kept_blobs > 0 && !is_locked(pack);
            unused += may_go ? sums_[pack].unused_bytes() : 0;
        }
        for (const auto pack : candidates) {
            const auto& sum = sums_[pack];
            const bool is_wanted = goes_first(sum) || is_too_small(sum) || unused > most;
            if (!is_wanted || counts.repacked.bytes + sum.all_bytes > settings_.max_repack) {
                continue;
            }
            plan_.fates[pack] = PackFate::kRepack;
            counts.repacked.blobs += sum.all_blobs;
            counts.repacked.bytes += sum.all_bytes;
            counts.repack_removed.blobs += sum.all_blobs - sum.kept_blobs;
            counts.repack_removed.bytes += sum.unused_bytes();
            unused -= sum.unused_bytes();
        }
    }

    const BlobIndex& index_;
    const EntrySet& used_;
    const PruneSettings& settings_;
    std::vector<ObjectId> names_;
    std::vector<PackSum> sums_;
    PrunePlan plan_;
};

}  // namespace

std::uint64_t UnusedLimit::most(std::uint64_t used) const {
    if (bytes) {
        return *bytes;
    }
    constexpr double kMost = 1e18;
    const double limit = share >= 1 ? kMost : share / (1 - share) * double(used);
    return static_cast<std::uint64_t>(std::min(limit, kMost));
}

Result<UnusedLimit> parse_unused_limit(std::string_view text) {
    UnusedLimit limit;
    if (text == "unlimited") {
        limit.bytes = std::numeric_limits<std::uint64_t>::max();
        return limit;
    }
    if (text.ends_with('%')) {
        TRY(limit.share, parse_percent(text));
        return limit;
    }
    TRY(limit.bytes, parse_suffixed_size(text));
    return limit;
}

bool PrunePlan::has_work() const {
    return !foreign.empty() ||
           std::ranges::any_of(fates, [](PackFate fate) { return fate != PackFate::kKeep; });
}

bool PrunePlan::changes(const std::vector<std::uint32_t>& packs) const {
    return std::ranges::any_of(packs, [this](auto pack) { return fates[pack] != PackFate::kKeep; });
}

std::vector<ObjectId> PrunePlan::packs_to_remove(const BlobIndex& index) const {
    std::vector<ObjectId> packs = foreign;
    for (std::uint32_t pack = 0; pack < fates.size(); ++pack) {
        if (fates[pack] == PackFate::kRemove || fates[pack] == PackFate::kRepack) {
            packs.push_back(index.pack_name(pack));
        }
    }
    return packs;
}

Result<PrunePlan> plan_prune(const BlobIndex& index, const EntrySet& used,
                             const std::vector<Listed>& packs, const PruneSettings& settings) {
    auto plan = Planner(index, used, settings).run(packs);
    if (!plan) {
        return plan;
    }
    std::vector<std::string> listed;
    std::ranges::transform(packs, std::back_inserter(listed), &Listed::name);
    std::ranges::sort(listed);
    const auto names = index.packs();
    for (std::size_t pack = 0; pack < names.size(); ++pack) {
        auto& fate = plan->fates[pack];
        if (fate == PackFate::kRemove && !std::ranges::binary_search(listed, names[pack].hex())) {
            fate = PackFate::kMissing;
        }
    }
    return plan;
}

}  // namespace muster::backup
