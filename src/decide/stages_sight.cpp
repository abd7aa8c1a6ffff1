#include <algorithm>

#include "decide/stages.h"
#include "decide/words.h"

namespace muster::decide {
namespace {

using namespace std::chrono_literals;

/// So much of what is unrelated to the service failing with it means that we are blind.
constexpr int kBlindPercent = 30;
/// What was down so long before the outage began is another matter.
constexpr Duration kChronic = 5min;

Instant first_bad_sample(const Context& context) {
    auto first = context.now;
    for (const auto& vote : context.service.votes) {
        if (vote.target.site == context.service.primary && vote.health == probe::Health::kDown) {
            first = std::min(first, vote.since);
        }
    }
    return first;
}

/// It says nothing of this outage: it failed long before, or was never seen up at all.
bool is_chronic(const Part& part, Instant outage) {
    if (part.is_never_up) {
        return true;
    }
    const auto& down = part.by_hard ? part.by_hard : part.by_silence;
    return down && down->since < outage - kChronic;
}

struct Unrelated {
    Share elsewhere;  ///< Parts outside the service's primary site.
    Share others;     ///< Parts of services that share no dependency with it.
};

void add(Share& share, bool belongs, bool counts) {
    if (belongs) {
        share.failing += counts ? 1 : 0;
        share.total -= counts ? 0 : 1;
    }
}

/// Only parts that are not up are looked at one by one, and those of a lost site not at all, so
/// that the loss of a site with very many services is judged in good time.
Unrelated unrelated(const Context& context) {
    const auto& picture = context.picture;
    const auto& own = picture.services.at(context.planned.id);
    const auto& site = context.service.primary;
    const auto outage = first_bad_sample(context);
    const auto home = picture.down_at.find(site);
    const int at_home = home == picture.down_at.end() ? 0 : home->second.total;
    Unrelated shares;
    shares.others.total =
        static_cast<int>(picture.parts.size()) - picture.family_size.at(own.family);
    shares.elsewhere.total = static_cast<int>(picture.parts.size()) - at_home;
    for (const auto& [at, failing] : picture.not_up) {
        if (at == site && picture.is_site_event(site)) {
            continue;
        }
        for (const auto index : failing) {
            const auto& part = picture.parts[index];
            const bool counts = !is_chronic(part, outage);
            add(shares.elsewhere, part.site != site, counts);
            add(shares.others, part.family != own.family, counts);
        }
    }
    return shares;
}

/// Targets of the parts that nobody has seen up and somebody calls down, by name.
std::vector<std::string> never_up(const std::vector<const Part*>& parts) {
    std::vector<std::string> names;
    for (const auto* part : parts) {
        for (const auto& opinion : part->instances) {
            if (part->is_never_up && opinion.hard + opinion.silent > 0) {
                names.push_back(name_of(opinion.target));
            }
        }
    }
    return names;
}

std::string text(const Share& share) {
    return std::to_string(share.failing) + " of " + std::to_string(share.total);
}

}  // namespace

bool Context::is_suspect() const {
    const auto parts = picture.parts_of(planned.id, service.primary);
    return std::any_of(parts.begin(), parts.end(), [](const Part* part) {
        return part->health != probe::Health::kUp || part->is_suspect;
    });
}

Gate check_writers(Context& context) {
    if (context.service.writable_primaries < 2) {
        return pass("no second site takes writes");
    }
    std::string names;
    for (const auto& site : context.service.writers) {
        names += (names.empty() ? " (" : ", ") + site.str();
    }
    names += names.empty() ? "" : ")";
    return stop(Kind::kHalt,
                std::to_string(context.service.writable_primaries) + " sites take writes at once" +
                    names + ": nothing is moved",
                "a person stops all writers but one and says which");
}

Gate check_picture(Context& context) {
    if (!context.service.has_full_picture) {
        return stop(Kind::kWatch, "not every vantage has reported every target yet",
                    "the first report of each");
    }
    const auto parts = context.picture.parts_of(context.planned.id, context.service.primary);
    const auto never = never_up(parts);
    if (never.empty()) {
        return pass("every target has been reported");
    }
    const bool is_one = never.size() == 1;
    const auto reason = listing(never) + (is_one ? " was" : " were") +
                        " never seen up where the plan says " + (is_one ? "it is" : "they are") +
                        ": unknown, not down";
    const bool has_more = std::any_of(parts.begin(), parts.end(), [](const Part* part) {
        return part->health == probe::Health::kDown;
    });
    if (has_more) {
        return pass(reason + "; the rest of the picture is whole");
    }
    return stop(Kind::kWatch, reason,
                "seeing " + std::string(is_one ? "it" : "each of them") +
                    " up once; `muster probe` tries the address that the plan gives");
}

Gate check_vantages(Context& context) {
    std::vector<std::string> out;
    for (const auto& vantage : context.view.vantages) {
        if (!vantage.is_eligible) {
            out.push_back(vantage.site.str() +
                          (vantage.why_not.empty() ? "" : " (" + vantage.why_not + ")"));
        }
    }
    const auto eligible = context.picture.eligible.size();
    const auto reason = std::to_string(eligible) + " of " +
                        count(static_cast<int>(context.view.vantages.size()), "vantage") +
                        " can see" + (out.empty() ? "" : "; out: " + listing(out));
    if (eligible == 0) {
        return stop(Kind::kHalt, reason + ": blind",
                    "a vantage that reaches its own reference targets");
    }
    return pass(reason);
}

Gate check_sight(Context& context) {
    const auto shares = unrelated(context);
    const auto& elsewhere = shares.elsewhere;
    const auto reason =
        text(elsewhere) + " parts outside " + context.service.primary.str() + " fail";
    if (context.picture.is_up(context.planned.id, context.service.primary)) {
        return pass(reason);
    }
    const std::string would_change =
        "fewer than " + std::to_string(kBlindPercent) + " % of them failing, or a person decides";
    if (elsewhere.reaches(kBlindPercent)) {
        return stop(Kind::kHalt, reason + " too, or can't be judged: we may be blind",
                    would_change);
    }
    if (shares.others.reaches(kBlindPercent) &&
        !context.picture.is_site_event(context.service.primary)) {
        return stop(Kind::kHalt,
                    text(shares.others) +
                        " parts of unrelated services fail too, and no one site explains it",
                    would_change);
    }
    return pass(reason);
}

}  // namespace muster::decide
