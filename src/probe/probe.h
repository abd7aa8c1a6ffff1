#pragma once

#include <compare>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/fields.h"
#include "base/id.h"
#include "base/log.h"
#include "base/random.h"
#include "base/task.h"
#include "plan/model.h"
#include "plan/schema.h"

namespace muster::probe {

/// What is watched: a component at a site; `instance` tells several servers of one component apart.
struct TargetId {
    ServiceId service;
    ComponentId component;
    SiteId site;
    std::string instance;
    auto operator<=>(const TargetId&) const = default;
    /// "shop/orders@east", "shop/web@east#10.0.1.10:8080".
    [[nodiscard]] std::string str() const;
};

/// The class of evidence that one sample carries. Loss of packets can forge silence; it cannot
/// forge a hard failure (docs/explanation/detection.md).
enum class Evidence {
    kGood,     ///< An application answer, as expected.
    kSlow,     ///< As expected, but over the latency budget: lowers weight, never moves a database.
    kSilence,  ///< No answer in time, or unreachable.
    kHard,     ///< Refused, reset, wrong status, wrong role, certificate invalid, process gone.
};
std::string_view to_string(Evidence evidence);

/// The outcome of one check.
struct Sample {
    Evidence evidence = Evidence::kSilence;
    std::string detail;  ///< For people: "connection refused", "503 Service Unavailable", "2 ms".
    Duration latency{};
    Fields facts;  ///< What else it learned; each type's reference page lists its facts.
    /// It answered, and only refuses this probe (a wrong password): proof that it lives, and none
    /// that it works. Neither up nor down can follow from it.
    bool is_blind = false;
};

/// What a probe type is made from.
struct Settings {
    plan::Probe plan;
    TargetId target;
    /// Filled into `{name}` in the settings' texts: address, host, port, site, conninfo, role, …
    Fields variables;
};

struct Deps {
    Executor executor;
    Clock& clock;
    Random& random;
    Log& log;
    /// Called by a probe that keeps a connection when that breaks: check again at once. May be
    /// empty.
    std::function<void()> disturbed;
};

/// One repeated check. Keeps its connection between checks where its type allows.
class Probe {
  public:
    virtual ~Probe() = default;
    /// One sample by `deadline`. A target that fails is a Sample, not an error; the only error is
    /// kCancelled.
    virtual Task<Sample> check(Instant deadline) = 0;
};

/// The probe types, by name in the plan. Filled explicitly in `adapters/probe/all_probes.cpp`.
class Registry {
  public:
    using Make = std::function<Result<std::unique_ptr<Probe>>(const Settings&, Deps)>;
    struct Entry {
        Make make;
        plan::Type settings;
        /// Silence is retried within a sample, `plan.attempts` times in all (probe/attempts.h);
        /// only for types whose check() may run several times at once.
        bool is_retried = false;
    };

    /// P has `kType`, `static plan::Type settings()` and `static Result<unique_ptr<Probe>>
    /// make(…)`; with `static constexpr bool kIsRetried = true`, also Entry::is_retried.
    template <class P>
    void add() {
        Entry entry{&P::make, P::settings()};
        if constexpr (requires { P::kIsRetried; }) {
            entry.is_retried = P::kIsRetried;
        }
        add(P::kType, std::move(entry));
    }
    void add(std::string_view type, Entry entry);
    /// With the further attempts of its type. kInvalid when the type is not known or its settings
    /// do not fit.
    [[nodiscard]] Result<std::unique_ptr<Probe>> make(const Settings& settings, Deps deps) const;
    struct Single {
        std::unique_ptr<Probe> probe;
        int attempts = 1;  ///< How often the caller is to try within one sample.
    };
    /// The same for a caller that makes the further attempts itself, as the Scheduler does.
    [[nodiscard]] Result<Single> make_single(const Settings& settings, Deps deps) const;
    [[nodiscard]] const std::map<std::string, Entry>& entries() const { return entries_; }

  private:
    std::map<std::string, Entry> entries_;
};

/// `text` with each `{name}` replaced; kInvalid for a name that is not among the variables.
Result<std::string> fill(std::string_view text, const Fields& variables);

}  // namespace muster::probe
