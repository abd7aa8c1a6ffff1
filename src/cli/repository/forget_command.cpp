#include <algorithm>
#include <iterator>

#include "backup/forget_policy.h"
#include "backup/retaining_store.h"
#include "cli/repository/care_commands.h"
#include "cli/repository/care_output.h"
#include "cli/table.h"
#include "cli/terminal_text.h"

namespace muster::cli {

using backup::Chosen;
using backup::Snapshot;

namespace {

constexpr std::size_t kVerifyEvery = 16;  // Snapshots removed between two looks at the lock.
constexpr std::array<const char*, backup::kPeriods> kCounterNames{"last",   "hourly",  "daily",
                                                                  "weekly", "monthly", "yearly"};

Result<backup::ForgetPolicy> policy_of(const ForgetOptions& options) {
    backup::ForgetPolicy policy;
    for (std::size_t i = 0; i < backup::kPeriods; ++i) {
        if (!options.counts.at(i).empty()) {
            TRY(policy.counts.at(i), backup::parse_keep_count(options.counts.at(i)));
        }
        if (!options.within.at(i).empty()) {
            TRY(policy.within.at(i), backup::parse_span(options.within.at(i)));
        }
    }
    for (const auto& list : options.keep_tags) {
        policy.tags.push_back(backup::parse_tag_list(list));
    }
    return policy;
}

std::string describe(const backup::ForgetPolicy& policy) {
    std::string text;
    const auto add = [&](const std::string& rule) { text += (text.empty() ? "" : ", ") + rule; };
    for (std::size_t i = 0; i < backup::kPeriods; ++i) {
        const int count = policy.counts.at(i);
        if (count != 0) {
            add((count < 0 ? "all" : std::to_string(count)) + " " + kCounterNames.at(i));
        }
        if (!policy.within.at(i).is_zero()) {
            add(std::string(i == 0 ? "all" : kCounterNames.at(i)) + " within " +
                policy.within.at(i).str());
        }
    }
    for (const auto& list : policy.tags) {
        std::string tags;
        for (const auto& tag : list) {
            tags += (tags.empty() ? "" : ",") + tag;
        }
        add("tagged " + tags);
    }
    return text;
}

std::string joined(const std::vector<std::string>& texts) {
    std::string all;
    for (const auto& text : texts) {
        all += (all.empty() ? "" : ", ") + text;
    }
    return all;
}

std::string json_texts(const std::vector<std::string>& texts) {
    if (texts.empty()) {
        return "null";
    }
    std::string out = "[";
    for (const auto& text : texts) {
        out += (out.size() > 1 ? "," : "") + quoted(text);
    }
    return out + "]";
}

std::string json_snapshots(const Chosen& snapshots) {
    if (snapshots.empty()) {
        return "null";
    }
    std::string out = "[";
    for (const auto* const snapshot : snapshots) {
        out += (out.size() > 1 ? "," : "") + snapshot_json(*snapshot);
    }
    return out + "]";
}

std::string json_reason(const backup::Kept& kept) {
    std::string counters;
    for (std::size_t i = 0; i < backup::kPeriods; ++i) {
        if (kept.counters.at(i) != 0) {
            counters += (counters.empty() ? "\"" : ",\"") + std::string(kCounterNames.at(i)) +
                        "\":" + std::to_string(kept.counters.at(i));
        }
    }
    return R"({"snapshot":)" + backup::encode_snapshot(*kept.snapshot) + R"(,"matches":)" +
           json_texts(kept.matches) + R"(,"counters":{)" + counters + "}}";
}

Chosen snapshots_of(const std::vector<backup::Kept>& kept) {
    Chosen all;
    std::ranges::transform(kept, std::back_inserter(all), &backup::Kept::snapshot);
    return all;
}

/// One `forget`, from the lock to the last snapshot removed.
class ForgetRun {
  public:
    ForgetRun(Session& session, const ForgetOptions& options, backup::Repository& repository)
        : session_(session),
          options_(options),
          repository_(repository),
          output_(session),
          lock_(repository, lock_settings(session, options)) {}

    Result<int> run() {
        TRY(const auto policy, policy_of(options_));
        if (!options_.ids.empty() && !describe(policy).empty()) {
            return Error(Errc::kInvalid, "forget takes snapshots or rules, not both",
                         "name the snapshots to remove, or give --keep-… to remove what no rule "
                         "keeps");
        }
        TRY(const auto by, backup::parse_group_by(options_.group_by));
        TRY_OK(check_prune(session_, options_.prune));  // Before anything is removed.
        TRY(is_anybody_paused_, is_anybody_paused(repository_));
        TRY_OK(lock_.begin());
        const bool is_by_rules = options_.ids.empty();
        TRY(snapshots_, is_by_rules ? Session::load_snapshots(repository_)
                                    : session_.sound_snapshots(repository_));
        TRY_OK(is_by_rules ? plan_by_policy(policy, by) : plan_by_name());
        int status = kExitDone;
        TRY_OK(lock_.keep_while([&]() -> Result<> {
            TRY(status, carry_out());
            return {};
        }));
        return status;
    }

  private:
    static backup::LockSettings lock_settings(Session& session, const ForgetOptions& options) {
        return session.changing_lock(backup::LockKind::kExclusive, options.prune.is_dry_run);
    }

    /// Damaged snapshots that are named by their whole id: so `check` tells to remove them.
    Result<> add_damaged() {
        for (const auto& text : options_.ids) {
            const auto id = backup::ObjectId::parse(text);
            if (!id || std::ranges::find(snapshots_, *id, &Snapshot::id) != snapshots_.end()) {
                continue;
            }
            const auto size = repository_.store().size({backup::FileKind::kSnapshot, id->hex()});
            if (size) {
                snapshots_.emplace_back().id = *id;
            } else if (size.error().code() != Errc::kNotFound) {
                return size.error();
            }
        }
        return {};
    }

    /// --host, --tag and --path say among which `latest` is meant.
    Result<> plan_by_name() {
        TRY_OK(add_damaged());
        TRY(remove_, choose_snapshots(snapshots_, options_.ids, options_.filter));
        return {};
    }

    Result<> plan_by_policy(const backup::ForgetPolicy& policy, const backup::GroupBy& by) {
        const auto filter = options_.filter.make();
        backup::Plausibility plausible;
        plausible.now = session_.host().wall();
        const bool may_remove_all = options_.may_remove_all && !filter.is_empty();
        // Rules that make no sense are refused where there is nothing to remove, too.
        TRY_OK(backup::plan_forget({}, policy, plausible, may_remove_all));
        if (policy.counts_only()) {
            output_.murmur(
                "only counts keep snapshots: whoever can add snapshots can make good "
                "ones go; --keep-within keeps by age");
        }
        if (const auto rules = describe(policy); !rules.empty()) {
            output_.say("keep: " + rules);
        }
        std::string json;
        for (const auto& group : backup::group_snapshots(choose(snapshots_, filter), by)) {
            TRY(const auto plan,
                backup::plan_forget(group.snapshots, policy, plausible, may_remove_all)
                    .with(group.key.str()));
            remove_.insert(remove_.end(), plan.remove.begin(), plan.remove.end());
            json += (json.empty() ? "" : ",") + group_json(group.key, plan);
            print(group.key, plan);
        }
        if (output_.is_json()) {
            output_.out() << "[" << json << "]\n";
        }
        return {};
    }

    static std::string group_json(const backup::GroupKey& key, const backup::ForgetPlan& plan) {
        std::string json = R"({"tags":)" + json_texts(key.tags) + R"(,"host":)" +
                           quoted(key.hostname) + R"(,"paths":)" + json_texts(key.paths) +
                           R"(,"keep":)" + json_snapshots(snapshots_of(plan.keep)) +
                           R"(,"remove":)" + json_snapshots(plan.remove) + R"(,"reasons":)";
        std::string reasons;
        for (const auto& kept : plan.keep) {
            reasons += (reasons.empty() ? "[" : ",") + json_reason(kept);
        }
        json += reasons.empty() ? "null" : reasons + "]";
        if (!plan.set_aside.empty()) {
            Chosen aside;
            std::ranges::transform(plan.set_aside, std::back_inserter(aside),
                                   &backup::Implausible::snapshot);
            json += R"(,"set_aside":)" + json_snapshots(aside);
        }
        return json + "}";
    }

    std::vector<Cell> row(const Snapshot& snapshot, const std::string& reasons) {
        auto time = snapshot.time;
        time.utc_offset_seconds = session_.host().utc_offset(time.seconds);
        std::string text;
        backup::append_time(text, time);
        std::vector<Cell> cells{{snapshot.id.brief()},
                                {text.substr(0, 10) + " " + text.substr(11, 8)},  // NOLINT
                                {shown(snapshot.hostname, session_.streams())},
                                {shown(joined(snapshot.tags), session_.streams())}};
        if (!options_.is_compact) {
            cells.push_back({reasons});
            cells.push_back({shown(joined(snapshot.paths), session_.streams())});
        }
        return cells;
    }

    Table table() const {
        std::vector<std::string> headings{"ID", "Time", "Host", "Tags"};
        if (!options_.is_compact) {
            headings.insert(headings.end(), {"Reasons", "Paths"});
        }
        return Table(headings);
    }

    void print(const backup::GroupKey& key, const backup::ForgetPlan& plan) {
        output_.say("\nsnapshots for " + key.str() + ":");
        if (!plan.keep.empty()) {
            auto kept = table();
            for (const auto& keep : plan.keep) {
                kept.add(row(*keep.snapshot, joined(keep.matches)));
            }
            output_.say("keep " + counted(plan.keep.size(), "snapshot") + ":\n" +
                        kept.render(false));
        }
        if (!plan.remove.empty()) {
            auto removed = table();
            for (const auto* const snapshot : plan.remove) {
                removed.add(row(*snapshot, ""));
            }
            output_.say("remove " + counted(plan.remove.size(), "snapshot") + ":\n" +
                        removed.render(false));
        }
        if (!plan.set_aside.empty()) {
            auto aside = table();
            for (const auto& one : plan.set_aside) {
                aside.add(row(*one.snapshot, one.why == backup::Implausible::Why::kFuture
                                                 ? "its time is yet to come"
                                                 : "far more on this day than usual"));
            }
            output_.say("neither counted nor removed, look at " +
                        counted(plan.set_aside.size(), "snapshot") + ":\n" + aside.render(false));
        }
    }

    static backup::StoredName name_of(const Snapshot& snapshot) {
        return {backup::FileKind::kSnapshot, snapshot.id.hex()};
    }

    /// Whether the store keeps it for a time; then that is told.
    Result<bool> is_locked(const Snapshot& snapshot) {
        const auto until = backup::retained_until(repository_.store(), name_of(snapshot));
        if (!until && until.error().code() != Errc::kNotFound) {
            return Error(until.error()).with("snapshot " + snapshot.id.brief());
        }
        const bool is_kept = until && *until && **until > session_.host().wall();
        if (!is_kept) {
            return false;
        }
        const auto line = "snapshot " + snapshot.id.brief() + " stays: it is locked until " +
                          format_wall(**until);
        if (options_.ids.empty()) {
            output_.say(line);
        } else {
            output_.error(Error(Errc::kDenied, line));
        }
        return true;
    }

    /// Removes one. False when the store keeps it.
    Result<bool> remove(const Snapshot& snapshot) {
        const auto name = name_of(snapshot);
        auto gone = repository_.store().remove(name);
        if (gone || gone.error().code() == Errc::kNotFound) {
            return true;
        }
        if (gone.error().code() != Errc::kDenied) {
            return std::move(gone).error().with("while removing " + name.str());
        }
        output_.error(std::move(gone).error().with("snapshot " + snapshot.id.brief() +
                                                   " could not be removed"));
        return false;
    }

    /// Removes what is not locked. A rule that comes again removes a locked one later; who named it
    /// is told that it was not done.
    Result<int> carry_out() {
        std::vector<backup::ObjectId> removed;
        std::size_t kept = 0;
        for (std::size_t i = 0; i < remove_.size(); ++i) {
            const auto* const snapshot = remove_[i];
            const bool is_dry_run = options_.prune.is_dry_run;
            TRY_OK(!is_dry_run && i % kVerifyEvery == 0 ? lock_.verify() : Result<>{});
            TRY(const bool is_kept, is_locked(*snapshot));
            if (is_kept) {
                kept += options_.ids.empty() ? 0 : 1;
                continue;
            }
            TRY(const bool is_gone, is_dry_run ? Result<bool>(true) : remove(*snapshot));
            kept += is_gone ? 0 : 1;
            if (is_gone) {
                removed.push_back(snapshot->id);
            }
        }
        output_.say(std::string(options_.prune.is_dry_run ? "would remove " : "removed ") +
                    counted(removed.size(), "snapshot"));
        if (options_.is_pruned && !removed.empty()) {
            TRY(const auto problems,
                prune_under_lock(session_, options_.prune, {repository_, lock_, is_anybody_paused_},
                                 removed));
            kept += problems;
        } else if (!removed.empty() && !options_.prune.is_dry_run) {
            output_.say("their data is still there: `muster prune` removes what nothing else uses");
        }
        return kept > 0 ? int{kExitPartial} : int{kExitDone};
    }

    Session& session_;
    const ForgetOptions& options_;
    backup::Repository& repository_;
    CareOutput output_;
    backup::RepositoryLock lock_;
    std::vector<Snapshot> snapshots_;
    Chosen remove_;
    bool is_anybody_paused_ = false;
};

}  // namespace

backup::SnapshotFilter FilterOptions::make() const {
    backup::SnapshotFilter filter;
    filter.hosts = hosts;
    filter.paths = paths;
    std::ranges::transform(tags, std::back_inserter(filter.tags), backup::parse_tag_list);
    return filter;
}

Result<Chosen> choose_snapshots(const std::vector<Snapshot>& all,
                                const std::vector<std::string>& ids, const FilterOptions& options) {
    const auto filter = options.make();
    Chosen chosen;
    if (ids.empty()) {
        chosen = backup::choose(all, filter);
        std::ranges::reverse(chosen);
        return chosen;
    }
    for (const auto& text : ids) {
        TRY(const auto name, backup::parse_snapshot_name(text));
        TRY(const auto* const snapshot, backup::find_snapshot(all, name, filter));
        if (!name.subfolder.empty()) {
            return Error(Errc::kInvalid, "\"" + text + "\" names a part of a snapshot",
                         "this command takes whole snapshots");
        }
        if (std::ranges::find(chosen, snapshot) == chosen.end()) {
            chosen.push_back(snapshot);
        }
    }
    return chosen;
}

std::string snapshot_json(const Snapshot& snapshot) {
    std::string json = backup::encode_snapshot(snapshot);
    json.pop_back();
    return json + R"(,"id":")" + snapshot.id.hex() + R"(","short_id":")" + snapshot.id.brief() +
           "\"}";
}

int run_forget(Session& session, const ForgetOptions& options) {
    const auto repository = session.open();
    if (!repository) {
        return session.fail(repository.error());
    }
    const auto status = ForgetRun(session, options, **repository).run();
    return status ? *status : session.fail(status.error());
}

}  // namespace muster::cli
