#include "workflow/journal.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace muster::workflow {
namespace {

/// Draws anything that a spec can hold, odd texts among it.
class Draw {
  public:
    explicit Draw(std::uint64_t seed) : random_(seed) {}

    std::string text() {
        static const std::vector<std::string> kTexts{"",
                                                     "a",
                                                     "${steps.a.x}",
                                                     "\"quoted\\\" \n\t",
                                                     "ü — 漢字",
                                                     "true",
                                                     std::string("\0x", 2),
                                                     "\xff\xfe not utf-8",
                                                     "{\"sum\":1}",
                                                     "0/3000148"};
        return kTexts[random_.below(kTexts.size())];
    }
    Fields fields() {
        Fields out;
        for (auto count = random_.below(4); count > 0; --count) {
            out[text() + std::to_string(count)] = text();
        }
        return out;
    }
    Duration duration() { return Duration(static_cast<std::int64_t>(random_.next() >> 1U)); }
    WallTime wall() {
        return WallTime(
            std::chrono::microseconds(static_cast<std::int64_t>(random_.next() >> 10U)));
    }
    plan::Mark mark() {
        return {static_cast<int>(random_.below(5000)), static_cast<int>(random_.below(100))};
    }
    plan::Node node(int depth) {
        plan::Node out;
        out.kind = static_cast<plan::Node::Kind>(random_.below(depth > 3 ? 2 : 4));
        out.mark = mark();
        if (out.is_scalar()) {
            out.scalar = text();
            out.is_quoted = flag();
        }
        for (auto count = out.is_list() ? random_.below(4) : 0; count > 0; --count) {
            out.items.push_back(node(depth + 1));
        }
        for (auto count = out.is_map() ? random_.below(4) : 0; count > 0; --count) {
            out.entries.push_back({text() + std::to_string(count), mark(), node(depth + 1)});
        }
        return out;
    }
    plan::Step step() {
        plan::Step out;
        out.id = StepId(text());
        out.action = text();
        out.with = node(0);
        out.needs = {StepId(text()), StepId(text())};
        out.when = text();
        out.timeout = flag() ? std::optional(duration()) : std::nullopt;
        out.attempts = flag() ? std::optional(static_cast<int>(random_.below(9))) : std::nullopt;
        out.backoff = flag() ? std::optional(duration()) : std::nullopt;
        out.point_of_no_return = flag();
        out.phase = text();
        out.mark = mark();
        return out;
    }
    RunSpec spec() {
        RunSpec out;
        out.id = RunId("r-1");
        out.plan_digest = text();
        out.parameters = fields();
        auto& cause = out.cause;
        cause = {text(),
                 flag(),
                 text(),
                 ServiceId(text()),
                 SiteId(text()),
                 SiteId(text()),
                 Epoch{random_.next()},
                 text(),
                 text(),
                 {},
                 {},
                 {},
                 duration(),
                 duration()};
        cause.outage_began = flag() ? std::optional(wall()) : std::nullopt;
        cause.detected = flag() ? std::optional(wall()) : std::nullopt;
        cause.decided = flag() ? std::optional(wall()) : std::nullopt;
        for (auto count = random_.below(4); count > 0; --count) {
            out.steps.push_back(step());
        }
        return out;
    }
    Entry entry() {
        Entry out;
        out.kind = static_cast<Entry::Kind>(
            random_.below(static_cast<std::uint64_t>(Entry::Kind::kStatus) + 1));
        out.at = wall();
        out.after = duration();
        out.step = StepId(text());
        out.attempt = static_cast<int>(random_.below(5));
        out.outputs = fields();
        if (flag()) {
            out.seen = static_cast<Observation::State>(random_.below(3));
        }
        if (flag()) {
            out.error.emplace(static_cast<Errc>(random_.below(9)), text(), text());
        }
        out.until = flag() ? std::optional(duration()) : std::nullopt;
        if (out.kind == Entry::Kind::kStatus) {
            out.status = static_cast<RunStatus>(random_.below(7));
        }
        out.by = text();
        out.reason = text();
        return out;
    }
    bool flag() { return random_.below(2) == 1; }
    std::uint64_t below(std::uint64_t bound) { return random_.below(bound); }

  private:
    SeededRandom random_;
};

void expect_same(const plan::Node& one, const plan::Node& other) {
    EXPECT_EQ(one.kind, other.kind);
    EXPECT_EQ(one.scalar, other.scalar);
    EXPECT_EQ(one.is_quoted, other.is_quoted);
    EXPECT_EQ(one.mark.line, other.mark.line);
    EXPECT_EQ(one.mark.column, other.mark.column);
    ASSERT_EQ(one.items.size(), other.items.size());
    for (std::size_t i = 0; i < one.items.size(); ++i) {
        expect_same(one.items[i], other.items[i]);
    }
    ASSERT_EQ(one.entries.size(), other.entries.size());
    for (std::size_t i = 0; i < one.entries.size(); ++i) {
        EXPECT_EQ(one.entries[i].key, other.entries[i].key);
        EXPECT_EQ(one.entries[i].key_mark.line, other.entries[i].key_mark.line);
        expect_same(one.entries[i].value, other.entries[i].value);
    }
}

void expect_same(const plan::Step& one, const plan::Step& other) {
    EXPECT_EQ(one.id, other.id);
    EXPECT_EQ(one.action, other.action);
    expect_same(one.with, other.with);
    EXPECT_EQ(one.needs, other.needs);
    EXPECT_EQ(one.when, other.when);
    EXPECT_EQ(one.timeout, other.timeout);
    EXPECT_EQ(one.attempts, other.attempts);
    EXPECT_EQ(one.backoff, other.backoff);
    EXPECT_EQ(one.point_of_no_return, other.point_of_no_return);
    EXPECT_EQ(one.phase, other.phase);
    EXPECT_EQ(one.mark.line, other.mark.line);
    EXPECT_EQ(one.mark.column, other.mark.column);
}

void expect_same(const Cause& one, const Cause& other) {
    EXPECT_EQ(std::tie(one.kind, one.is_automatic, one.requested_by, one.service, one.from, one.to,
                       one.epoch, one.summary, one.decision),
              std::tie(other.kind, other.is_automatic, other.requested_by, other.service,
                       other.from, other.to, other.epoch, other.summary, other.decision));
    EXPECT_EQ(std::tie(one.outage_began, one.detected, one.decided, one.rpo, one.rto),
              std::tie(other.outage_began, other.detected, other.decided, other.rpo, other.rto));
}

TEST(Journal, ReadsBackAnySpec) {
    for (std::uint64_t seed = 1; seed <= 500; ++seed) {
        SCOPED_TRACE(seed);
        Draw draw(seed);
        SpecRecord record{draw.spec(), {}};
        record.traits[StepId("a")] = {draw.duration(), 3,           draw.duration(),
                                      draw.flag(),     draw.flag(), draw.flag()};
        const auto sealed = encode(record);
        const auto opened = decode_spec(sealed.text, record.spec.id);
        ASSERT_TRUE(opened.has_value()) << opened.error().message();
        EXPECT_EQ(opened->sum, sealed.sum);
        const auto& spec = opened->record.spec;
        EXPECT_EQ(spec.parameters, record.spec.parameters);
        EXPECT_EQ(spec.plan_digest, record.spec.plan_digest);
        expect_same(spec.cause, record.spec.cause);
        ASSERT_EQ(spec.steps.size(), record.spec.steps.size());
        for (std::size_t i = 0; i < spec.steps.size(); ++i) {
            expect_same(spec.steps[i], record.spec.steps[i]);
        }
        EXPECT_EQ(encode(opened->record).text, sealed.text);
    }
}

TEST(Journal, ReadsBackAnyRecord) {
    for (std::uint64_t seed = 1; seed <= 500; ++seed) {
        SCOPED_TRACE(seed);
        Draw draw(seed);
        Record record{static_cast<std::int64_t>(seed), draw.text(), {draw.entry(), draw.entry()}};
        const auto sealed = encode(record, RunId("r-1"), "before");
        const auto opened =
            decode_record(sealed.text, {RunId("r-1"), static_cast<std::int64_t>(seed), "before"});
        ASSERT_TRUE(opened.has_value()) << opened.error().message();
        const auto& one = opened->record.entries[0];
        const auto& other = record.entries[0];
        EXPECT_EQ(std::tie(one.kind, one.at, one.after, one.step, one.attempt, one.outputs,
                           one.seen, one.until, one.by, one.reason),
                  std::tie(other.kind, other.at, other.after, other.step, other.attempt,
                           other.outputs, other.seen, other.until, other.by, other.reason));
        EXPECT_EQ(one.error.has_value(), other.error.has_value());
        EXPECT_EQ(encode(opened->record, RunId("r-1"), "before").text, sealed.text);
    }
}

TEST(Journal, RefusesEverySingleChangedByte) {
    Draw draw(3);
    const auto sealed =
        encode(Record{1, "w", {draw.entry(), draw.entry(), draw.entry()}}, RunId("r-1"), "s");
    for (std::size_t place = 0; place < sealed.text.size(); ++place) {
        for (const char flip : {'\x01', '\x20', '\x80'}) {
            auto text = sealed.text;
            text[place] = static_cast<char>(text[place] ^ flip);
            const auto opened = decode_record(text, {RunId("r-1"), 1, "s"});
            ASSERT_FALSE(opened.has_value()) << place << ": " << text;
            EXPECT_EQ(opened.error().code(), Errc::kCorrupt);
            EXPECT_NE(opened.error().message().find("journal entry 1 of run r-1"),
                      std::string::npos);
        }
    }
}

TEST(Journal, RefusesEveryTruncation) {
    Draw draw(4);
    const auto sealed = encode(SpecRecord{draw.spec(), {}});
    for (std::size_t size = 0; size < sealed.text.size(); ++size) {
        const auto opened = decode_spec(sealed.text.substr(0, size), RunId("r-1"));
        ASSERT_FALSE(opened.has_value());
        EXPECT_EQ(opened.error().code(), Errc::kCorrupt);
    }
}

TEST(Journal, RefusesARecordOutOfItsPlace) {
    const auto sealed = encode(Record{2, "w", {}}, RunId("r-1"), "s");
    EXPECT_TRUE(decode_record(sealed.text, {RunId("r-1"), 2, "s"}).has_value());
    EXPECT_FALSE(decode_record(sealed.text, {RunId("r-1"), 3, "s"}).has_value());
    EXPECT_FALSE(decode_record(sealed.text, {RunId("r-2"), 2, "s"}).has_value());
    EXPECT_FALSE(decode_record(sealed.text, {RunId("r-1"), 2, "t"}).has_value());
}

TEST(Journal, SurvivesRandomBytes) {
    for (std::uint64_t seed = 1; seed <= 2000; ++seed) {
        Draw draw(seed);
        auto text = encode(SpecRecord{draw.spec(), {}}).text;
        for (int i = 0; i < 4; ++i) {
            text[draw.below(text.size())] = static_cast<char>(draw.below(256));
        }
        const auto opened = decode_spec(text, RunId("r-1"));
        EXPECT_TRUE(opened || opened.error().code() == Errc::kCorrupt);
    }
}

TEST(Journal, NamesItsKeys) {
    EXPECT_EQ(spec_key(RunId("r-1")), "runs/r-1/spec");
    EXPECT_EQ(record_key(RunId("r-1"), 12), "runs/r-1/journal/00000012");
    EXPECT_EQ(lock_key(ServiceId("shop")), "locks/run/shop");
}

}  // namespace
}  // namespace muster::workflow
