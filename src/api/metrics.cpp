#include "api/metrics.h"

#include <array>
#include <charconv>
#include <map>
#include <span>
#include <utility>

namespace muster::api {

namespace {

using Labels = std::vector<std::pair<std::string_view, std::string>>;

std::string escape(std::string_view text) {
    std::string result;
    for (const char c : text) {
        if (c == '\\' || c == '"') {
            result += '\\';
        }
        if (c == '\n') {
            result += "\\n";
        } else {
            result += c;
        }
    }
    return result;
}

std::string number(double value) {
    std::array<char, 32> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
    return {digits.data(), end};
}

/// One metric with its samples, in the order in which they are added.
class Family {
  public:
    Family(std::string_view name, std::string_view type, std::string_view help) : name_(name) {
        head_ = "# HELP " + name_ + " " + std::string(help) + "\n# TYPE " + name_ + " " +
                std::string(type) + "\n";
    }
    void add(const Labels& labels, double value) {
        body_ += name_;
        std::string_view separator = "{";
        for (const auto& [key, text] : labels) {
            body_ += std::string(separator) + std::string(key) + "=\"" + escape(text) + "\"";
            separator = ",";
        }
        body_ += (labels.empty() ? " " : "} ") + number(value) + "\n";
    }
    void write(std::string& out) const {
        if (!body_.empty()) {
            out += head_ + body_;
        }
    }

  private:
    std::string name_;
    std::string head_;
    std::string body_;
};

void write_services(const agent::NodeStatus& status, std::string& out) {
    Family up("muster_service_up", "gauge", "1 when the service is up at its primary site");
    Family info("muster_service_info", "gauge", "Where the service is and in which condition");
    Family epoch("muster_service_epoch", "counter", "Grows with every change of primacy");
    Family rpo("muster_rpo_seconds", "gauge", "Data loss if the primary were lost now; measured");
    Family rpo_limit("muster_rpo_objective_seconds", "gauge", "Most data loss allowed");
    Family rto_limit("muster_rto_objective_seconds", "gauge", "Most recovery time allowed");
    Family lag("muster_lag_bytes", "gauge", "How far the best standby is behind");
    Family moving("muster_service_moving", "gauge", "1 while a run is active on the service");
    for (const auto& service : status.services) {
        const Labels labels{{"service", service.id.str()}};
        if (service.health != probe::Health::kUnknown) {
            up.add(labels, service.health == probe::Health::kUp ? 1 : 0);
        }
        info.add({{"service", service.id.str()},
                  {"site", service.primary.str()},
                  {"condition", service.condition},
                  {"mode", service.mode}},
                 1);
        epoch.add(labels, static_cast<double>(service.epoch.value));
        if (service.rpo_now) {
            rpo.add(labels, to_seconds(*service.rpo_now));
        }
        if (service.lag_bytes) {
            lag.add(labels, static_cast<double>(service.lag_bytes->bytes));
        }
        rpo_limit.add(labels, to_seconds(service.rpo));
        rto_limit.add(labels, to_seconds(service.rto));
        moving.add(labels, service.active_run ? 1 : 0);
    }
    for (const auto* family : {&up, &info, &epoch, &rpo, &rpo_limit, &rto_limit, &lag, &moving}) {
        family->write(out);
    }
}

// Either a figure or a lower bound, never both.
void add_quantiles(const Labels& labels, const evidence::Forecast& forecast, Family* family) {
    for (const auto& [quantile, value] :
         {std::pair("0.5", forecast.total.p50), std::pair("0.95", forecast.total.p95)}) {
        if (value) {
            auto with = labels;
            with.emplace_back("quantile", quantile);
            family->add(with, to_seconds(*value));
        }
    }
}

void write_forecasts(const agent::NodeStatus& status, std::string& out) {
    Family time("muster_forecast_seconds", "gauge",
                "What the next move would take, as its steps did before; absent: unknown");
    Family bound("muster_forecast_at_least_seconds", "gauge",
                 "The same where not every step was measured: a lower bound");
    Family late("muster_forecast_exceeds_rto", "gauge",
                "1 when the next failover no longer fits the RTO; absent: unknown");
    for (const auto& service : status.services) {
        for (const auto& forecast : service.forecasts) {
            const auto verdict = forecast.verdict();
            if (forecast.kind == "failover" && verdict != evidence::Forecast::Verdict::kUnknown) {
                late.add({{"service", service.id.str()}},
                         verdict == evidence::Forecast::Verdict::kExceeds ? 1 : 0);
            }
            add_quantiles({{"service", service.id.str()}, {"kind", forecast.kind}}, forecast,
                          forecast.unknown.empty() ? &time : &bound);
        }
    }
    for (const auto* family : {&time, &bound, &late}) {
        family->write(out);
    }
}

void write_replication(const agent::NodeStatus& status, std::string& out) {
    Family in_sync("muster_replication_in_sync", "gauge",
                   "1 while every acknowledged commit is at a standby (managed replication)");
    Family waiting("muster_replication_waiting", "gauge",
                   "1 while commits wait for a standby that is lost");
    for (const auto& service : status.services) {
        for (const auto& component : service.components) {
            if (!component.sync || component.sync->state == "unknown") {
                continue;
            }
            const auto& state = component.sync->state;
            const Labels labels{{"service", service.id.str()}, {"component", component.id.str()}};
            in_sync.add(labels, state == "in_sync" || state == "waiting" ? 1 : 0);
            waiting.add(labels, state == "waiting" ? 1 : 0);
        }
    }
    in_sync.write(out);
    waiting.write(out);
}

struct BackupFamilies {
    Family last{"muster_backup_last_success_timestamp_seconds", "gauge",
                "When the newest backup that counts began"};
    Family age{"muster_backup_verified_age_seconds", "gauge",
               "Age of the data of the newest backup whose restore was verified; absent: unknown"};
    Family guarded{"muster_backup_protected", "gauge",
                   "1 while a verified backup of the present primary is young enough"};
    Family bytes{"muster_backup_bytes", "gauge", "What the newest backup holds"};
    Family files{"muster_backup_files", "gauge", "Likewise, in files"};
    Family added{"muster_backup_added_bytes", "gauge", "What it added to the repository"};
    Family took{"muster_backup_duration_seconds", "gauge", "How long it took"};
    Family failures{"muster_backup_failures_total", "counter", "Backups and trials that failed"};

    template <class Job>
    void add(const Job& job) {
        const Labels labels{{"service", job.id.service.str()},
                            {"component", job.id.component.str()},
                            {"repository", job.id.repository}};
        guarded.add(labels, job.standing.is_protected ? 1 : 0);
        failures.add(labels, static_cast<double>(job.failures));
        if (job.standing.verified_age) {
            age.add(labels, to_seconds(*job.standing.verified_age));
        }
        if (job.good) {
            last.add(labels, to_seconds(job.good->at.time_since_epoch()));
            bytes.add(labels, static_cast<double>(job.good->extent.bytes.bytes));
            files.add(labels, static_cast<double>(job.good->extent.files));
            added.add(labels, static_cast<double>(job.good->added.bytes));
            took.add(labels, to_seconds(job.good->took));
        }
    }
};

void write_backups(const agent::NodeStatus& status, std::string& out) {
    BackupFamilies families;
    for (const auto& service : status.services) {
        for (const auto& component : service.components) {
            for (const auto& job : component.backups) {
                families.add(job);
            }
        }
    }
    for (const auto* family :
         {&families.last, &families.age, &families.guarded, &families.bytes, &families.files,
          &families.added, &families.took, &families.failures}) {
        family->write(out);
    }
}

void write_targets(const agent::NodeStatus& status, std::string& out) {
    Family up("muster_target_up", "gauge", "1 when this vantage holds the target to be up");
    Family latency("muster_probe_latency_seconds", "gauge", "Latency of the newest sample");
    for (const auto& target : status.targets) {
        const Labels labels{{"service", target.target.service.str()},
                            {"component", target.target.component.str()},
                            {"site", target.target.site.str()},
                            {"instance", target.target.instance}};
        if (target.verdict.health != probe::Health::kUnknown) {
            up.add(labels, target.verdict.health == probe::Health::kUp ? 1 : 0);
        }
        if (target.verdict.sampled != Instant{}) {
            latency.add(labels, to_seconds(target.verdict.latency));
        }
    }
    up.write(out);
    latency.write(out);
}

void write_node(const agent::NodeStatus& status, std::string& out) {
    Family uptime("muster_uptime_seconds", "counter", "Since this node started");
    uptime.add({}, to_seconds(status.uptime));
    Family picture("muster_full_picture", "gauge", "1 once every target has a verdict");
    picture.add({}, status.has_full_picture ? 1 : 0);
    Family eligible("muster_vantage_eligible", "gauge", "1 while this vantage can prove it sees");
    eligible.add({{"site", status.site.str()}}, status.is_eligible ? 1 : 0);
    Family store("muster_store_writable", "gauge", "1 while the newest write went through");
    store.add({}, status.store_problem.empty() ? 1 : 0);
    uptime.write(out);
    store.write(out);
    picture.write(out);
    eligible.write(out);
}

void write_runs(const std::vector<const workflow::Run*>& runs, std::string& out) {
    std::map<std::array<std::string, 3>, int> counts;
    std::map<std::pair<std::string, std::string>, int> decisions;
    for (const auto* run : runs) {
        const auto& cause = run->spec.cause;
        ++counts[{cause.service.str(), cause.kind, std::string(workflow::to_string(run->status))}];
        ++decisions[{cause.service.str(), cause.is_automatic ? "automatic" : "operator"}];
    }
    Family total("muster_runs", "gauge", "Runs known to this node, by status");
    for (const auto& [key, count] : counts) {
        total.add({{"service", key[0]}, {"kind", key[1]}, {"status", key[2]}}, count);
    }
    Family decided("muster_decisions_total", "counter", "Decisions that were carried out as a run");
    for (const auto& [key, count] : decisions) {
        decided.add({{"service", key.first}, {"by", key.second}}, count);
    }
    total.write(out);
    decided.write(out);
}

}  // namespace

std::string render_metrics(const agent::NodeStatus& status,
                           const std::vector<const workflow::Run*>& runs) {
    std::string out;
    write_node(status, out);
    write_services(status, out);
    write_forecasts(status, out);
    write_replication(status, out);
    write_backups(status, out);
    write_targets(status, out);
    write_runs(runs, out);
    return out;
}

}  // namespace muster::api
