#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "workflow/entry.h"
#include "workflow/graph.h"
#include "workflow/run.h"

namespace muster::workflow {

/// The journal's format as bytes: docs/design/journal.md.
inline constexpr int kJournalVersion = 1;

/// "runs/ID/spec".
std::string spec_key(const RunId& run);
/// "runs/ID/journal/00000001"; numbers count from 1.
std::string record_key(const RunId& run, std::int64_t number);
/// "locks/run/SERVICE".
std::string lock_key(const ServiceId& service);

/// What a run started with: the first link of its chain.
struct SpecRecord {
    RunSpec spec;
    StepTraits traits;
};

/// What one cause led to, written as one.
struct Record {
    std::int64_t number = 0;
    std::string writer;  ///< Which process wrote it, a random word.
    std::vector<Entry> entries;
};

/// A value of the store with its checksum, which also covers the one before it.
struct Sealed {
    std::string text;
    std::string sum;
};

Sealed encode(const SpecRecord& record);
Sealed encode(const Record& record, const RunId& run, std::string_view previous_sum);

template <class T>
struct Opened {
    T record;
    std::string sum;
};
/// kCorrupt, naming the run, when it is not what `encode` wrote; kInvalid when a newer muster wrote
/// it.
Result<Opened<SpecRecord>> decode_spec(std::string_view text, const RunId& run);
/// Likewise, naming the run and the record's number.
struct Place {
    RunId run;
    std::int64_t number = 0;
    std::string previous_sum;
};
Result<Opened<Record>> decode_record(std::string_view text, const Place& place);

}  // namespace muster::workflow
