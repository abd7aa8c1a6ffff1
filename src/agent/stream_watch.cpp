#include "agent/stream_watch.h"

#include <utility>

namespace muster::agent {

using component::ReplicationView;
using component::ReplicaView;
using State = StreamWatch::State;

namespace {

/// A standby answers within milliseconds; what it has not confirmed after this long is missed.
constexpr Duration kConfirmWithin = std::chrono::seconds(1);
/// When an end was silent for this long, the network was, and the connection may be dead.
constexpr Duration kSilence = std::chrono::seconds(3);
constexpr Duration kRenewAgainAfter = std::chrono::seconds(10);

/// Once: where the primary is asked rarely, no look but the first counts as one after a silence.
bool was_primary_silent(const ReplicationView& view, StreamWatch* stream) {
    const bool is_gap = stream->looked != Instant{} && view.seen - stream->looked >= kSilence;
    const bool is_first = is_gap && !stream->was_silent;
    stream->was_silent = is_gap;
    stream->looked = view.seen;
    return is_first;
}

bool was_standby_silent(const ReplicationView& view, const ReplicaView& standby,
                        StreamWatch* stream) {
    if (!standby.answers) {
        stream->unheard_since = stream->unheard_since.value_or(view.seen);
        return false;
    }
    const auto since = std::exchange(stream->unheard_since, std::nullopt);
    return since && view.seen - *since >= kSilence;
}

void begin(const ReplicationView& view, const ReplicaView& standby, StreamWatch* stream) {
    const bool has_all = standby.flushed >= view.position;
    stream->state = has_all ? State::kFlows : State::kUnproven;
    stream->mark = view.position;
    stream->marked = view.seen;
}

}  // namespace

void look_at(const ReplicationView& view, const ReplicaView& standby, StreamWatch* stream) {
    const bool after_primary = was_primary_silent(view, stream);
    const bool after_standby = was_standby_silent(view, standby, stream);
    const bool was_connected = std::exchange(stream->is_connected, standby.is_streaming);
    if (!standby.is_streaming) {
        stream->state = State::kUnproven;
        // One that streams under another name is no broken connection.
        stream->is_suspect =
            !standby.says_streaming && (stream->is_suspect || after_primary || after_standby);
        return;
    }
    if (after_primary || !was_connected) {
        begin(view, standby, stream);
        stream->is_suspect = after_primary && stream->state != State::kFlows;
        return;
    }
    if (standby.flushed >= stream->mark) {
        stream->state = State::kFlows;
        stream->is_suspect = false;
        stream->mark = view.position;
        stream->marked = view.seen;
    } else if (view.seen - stream->marked >= kConfirmWithin) {
        stream->state = State::kStuck;
        stream->is_suspect = true;
    }
}

bool wants_renewal(const ReplicaView& standby, const StreamWatch& stream, Instant now) {
    return stream.is_suspect && standby.answers && standby.named <= 1 && now >= stream.renew_at;
}

void note_renewal(StreamWatch* stream, Instant now) {
    *stream = {};
    stream->renew_at = now + kRenewAgainAfter;
}

}  // namespace muster::agent
