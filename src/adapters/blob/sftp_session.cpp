#include "adapters/blob/sftp_session.h"

#include <algorithm>
#include <cstring>

#include "adapters/blob/stored_names.h"

namespace muster::adapters {

using backup::ByteView;

namespace {

constexpr std::uint32_t kForReading = 1;
constexpr std::uint32_t kForNewFile = 2 | 8 | 0x20;  // Write, create, exclusive.
constexpr std::size_t kPiece = 32U << 10U;           // What every server takes.
constexpr std::size_t kUnderWay = 64;                // Pieces; 2 MiB fill a long line.
constexpr std::size_t kFoldersAtOnce = 32;           // Each has a handle on the server.
constexpr const char* kReplace = "posix-rename@openssh.com";
constexpr const char* kSync = "fsync@openssh.com";
constexpr const char* kRoom = "statvfs@openssh.com";

// How much of the piece the answer has: something, or an error.
Result<std::size_t> take_piece(const SftpAnswer& answer, backup::ByteSpan piece) {
    if (answer.is_status(SftpStatus::kEof)) {
        return Error{Errc::kCorrupt, "the file ends before"};
    }
    TRY(const auto data, answer.data());
    if (data.empty() || data.size() > piece.size()) {
        return Error{Errc::kUnavailable, "the server reads what it was not asked for"};
    }
    std::memcpy(piece.data(), data.data(), data.size());
    return data.size();
}

// What ssh says when another attempt would end the same way.
bool is_refused(std::string_view words) {
    return words.contains("Permission denied") || words.contains("Host key verification failed");
}

}  // namespace

SftpSession::SftpSession(std::unique_ptr<PipeProcess> process, Duration patience)
    : process_(std::move(process)), patience_(patience) {
}

Result<std::unique_ptr<SftpSession>> SftpSession::open(const std::vector<std::string>& argv,
                                                       const Fields& environment,
                                                       Duration patience) {
    TRY(auto process, PipeProcess::start(argv, environment));
    std::unique_ptr<SftpSession> session(new SftpSession(std::move(process), patience));
    auto greeted = session->greet();
    if (greeted) {
        return session;
    }
    if (session->process_->last_words().contains("Name or service not known")) {
        return Error{Errc::kInvalid, greeted.error().message(), "check the host's name"};
    }
    if (is_refused(session->process_->last_words())) {
        return Error{Errc::kDenied, greeted.error().message(),
                     "check that ssh gets in without being asked anything"};
    }
    return std::move(greeted).error();
}

Result<> SftpSession::greet() {
    constexpr std::uint32_t kVersion = 3;  // In the place of an id.
    out_ = sftp_packet(SftpType::kInit, kVersion, {});
    TRY(const auto answer, receive_next());
    TRY(const auto extensions, read_version(answer));
    can_sync_ = std::ranges::find(extensions, kSync) != extensions.end();
    can_replace_ = std::ranges::find(extensions, kReplace) != extensions.end();
    can_tell_room_ = std::ranges::find(extensions, kRoom) != extensions.end();
    return {};
}

std::uint32_t SftpSession::send(SftpType type, const SftpFields& fields) {
    if (sent_ == out_.size()) {
        out_.clear();
        sent_ = 0;
    }
    out_ += sftp_packet(type, ++last_id_, fields);
    return last_id_;
}

// Sends while it waits, or both sides could wait for each other for ever.
Result<SftpAnswer> SftpSession::receive_next() {
    for (;;) {
        auto packet = take_packet(in_, taken_);
        if (packet && *packet) {
            return std::move(**packet);
        }
        in_.erase(0, taken_);
        taken_ = 0;
        auto moved = packet ? process_->move(out_, sent_, in_, patience_)
                            : Result<>(std::move(packet).error());
        if (!moved) {
            is_broken_ = true;
            return std::move(moved).error();
        }
    }
}

Result<SftpAnswer> SftpSession::receive() {
    for (;;) {
        TRY(auto answer, receive_next());
        if (unasked_.erase(answer.id) == 0) {
            return answer;
        }
    }
}

Result<SftpAnswer> SftpSession::call(SftpType type, const SftpFields& fields) {
    const auto id = send(type, fields);
    TRY(auto answer, receive());
    if (answer.id != id) {
        is_broken_ = true;
        return Error{Errc::kUnavailable, "the server speaks no SFTP: an answer to nothing"};
    }
    return answer;
}

Result<> SftpSession::remove(const std::string& path) {
    TRY(const auto answer, call(SftpType::kRemove, SftpFields().text(path)));
    return answer.ok();
}

Result<> SftpSession::make_folder(const std::string& path) {
    TRY(const auto answer, call(SftpType::kMkdir, SftpFields().text(path).permissions(0700)));
    return answer.ok();
}

Result<SftpAttributes> SftpSession::look(const std::string& path) {
    TRY(const auto answer, call(SftpType::kStat, SftpFields().text(path)));
    return answer.attributes();
}

Result<> SftpSession::rename(const std::string& from, const std::string& to) {
    TRY(const auto answer, call(SftpType::kRename, SftpFields().text(from).text(to)));
    return answer.ok();
}

Result<> SftpSession::replace(const std::string& from, const std::string& to) {
    if (!can_replace_) {
        return rename(from, to);
    }
    TRY(const auto answer,
        call(SftpType::kExtended, SftpFields().text(kReplace).text(from).text(to)));
    return answer.ok();
}

Result<std::string> SftpSession::open_file(const std::string& path, std::uint32_t flags) {
    auto fields = SftpFields().text(path).number(flags);
    if (flags == kForReading) {
        fields.number(0);
    } else {
        fields.permissions(0600);
    }
    TRY(const auto answer, call(SftpType::kOpen, fields));
    return answer.handle();
}

void SftpSession::close_unasked(const std::string& handle) {
    if (!is_broken_) {
        unasked_.insert(send(SftpType::kClose, SftpFields().text(handle)));
    }
}

Result<> SftpSession::sync(const std::string& handle) {
    if (!can_sync_) {
        return {};
    }
    TRY(const auto answer, call(SftpType::kExtended, SftpFields().text(kSync).text(handle)));
    return answer.is_status(SftpStatus::kUnsupported) ? Result<>() : answer.ok();
}

Result<> SftpSession::write_new(const std::string& path, ByteView content) {
    TRY(const auto handle, open_file(path, kForNewFile));
    auto written = write_all(handle, content);
    if (written) {
        written = sync(handle);
    }
    if (!written) {
        close_unasked(handle);
        return written;
    }
    TRY(const auto closed, call(SftpType::kClose, SftpFields().text(handle)));
    return closed.ok();
}

Result<> SftpSession::write_all(const std::string& handle, ByteView content) {
    Result<> outcome;
    std::size_t under_way = 0;
    std::size_t at = 0;
    while (under_way > 0 || (at < content.size() && outcome)) {
        if (at < content.size() && outcome && under_way < kUnderWay) {
            const auto piece = content.subspan(at, std::min(kPiece, content.size() - at));
            send(SftpType::kWrite,
                 SftpFields().text(handle).long_number(at).text(backup::text_of(piece)));
            at += piece.size();
            ++under_way;
            continue;
        }
        TRY(const auto answer, receive());
        --under_way;
        if (auto one = answer.ok(); !one && outcome) {
            outcome = std::move(one);
        }
    }
    return outcome;
}

std::optional<std::uint64_t> SftpSession::room(const std::string& path) {
    if (!can_tell_room_ || is_broken_) {
        return std::nullopt;
    }
    const auto answer = call(SftpType::kExtended, SftpFields().text(kRoom).text(path));
    const auto room = answer ? answer->room() : Result<std::uint64_t>(answer.error());
    return room ? std::optional(*room) : std::nullopt;
}

// What a server can't do here, such as opening a folder, is left undone.
Result<> SftpSession::sync_folder(const std::string& path) {
    if (!can_sync_) {
        return {};
    }
    const auto handle = open_file(path, kForReading);
    if (handle) {
        static_cast<void>(sync(*handle).has_value());
        close_unasked(*handle);
    }
    return is_broken_ ? Result<>(Error{Errc::kUnavailable, "the connection has ended"})
                      : Result<>();
}

Result<backup::Buffer> SftpSession::load(const std::string& path) {
    TRY(const auto handle, open_file(path, kForReading));
    backup::Buffer content;
    const auto read_whole = [&]() -> Result<> {
        TRY(const auto answer, call(SftpType::kFstat, SftpFields().text(handle)));
        TRY(const auto attributes, answer.attributes());
        if (!attributes.size || *attributes.size > kMaxStoredFile) {
            return Error{Errc::kUnavailable, "the server does not say how long " + path + " is"};
        }
        content.resize(*attributes.size);
        return read_all(handle, 0, content.span());
    };
    auto done = read_whole();
    close_unasked(handle);
    TRY_OK(std::move(done));
    return content;
}

Result<> SftpSession::read(const std::string& path, std::uint64_t offset, backup::ByteSpan into) {
    TRY(const auto handle, open_file(path, kForReading));
    auto done = read_all(handle, offset, into);
    close_unasked(handle);
    return done;
}

Result<> SftpSession::read_all(const std::string& handle, std::uint64_t offset,
                               backup::ByteSpan into) {
    std::map<std::uint32_t, backup::ByteSpan> under_way;
    const auto ask = [&](backup::ByteSpan piece) {
        const auto begin = offset + static_cast<std::uint64_t>(piece.data() - into.data());
        under_way[send(SftpType::kRead, SftpFields().text(handle).long_number(begin).number(
                                            static_cast<std::uint32_t>(piece.size())))] = piece;
    };
    Result<> outcome;
    std::size_t at = 0;
    while (!under_way.empty() || (at < into.size() && outcome)) {
        if (at < into.size() && outcome && under_way.size() < kUnderWay) {
            const auto piece = into.subspan(at, std::min(kPiece, into.size() - at));
            ask(piece);
            at += piece.size();
            continue;
        }
        TRY(const auto answer, receive());
        const auto asked = under_way.extract(answer.id);
        if (asked.empty()) {
            is_broken_ = true;
            return Error{Errc::kUnavailable, "the server speaks no SFTP: an answer to nothing"};
        }
        const auto piece = asked.mapped();
        const auto count = take_piece(answer, piece);
        if (!count) {
            outcome = outcome ? Result<>(count.error()) : outcome;
        } else if (*count < piece.size() && outcome) {
            ask(piece.subspan(*count));
        }
    }
    return outcome;
}

Result<std::vector<std::vector<SftpEntry>>> SftpSession::list(
    const std::vector<std::string>& folders) {
    std::vector<std::vector<SftpEntry>> lists(folders.size());
    for (std::size_t begin = 0; begin < folders.size(); begin += kFoldersAtOnce) {
        TRY_OK(list_batch(folders, begin, lists));
    }
    return lists;
}

// Each folder is opened, read until its end, and closed; all of a batch side by side.
Result<> SftpSession::list_batch(const std::vector<std::string>& folders, std::size_t begin,
                                 std::vector<std::vector<SftpEntry>>& lists) {
    struct Stage {
        std::size_t folder = 0;
        std::string handle;  ///< Empty: it is being opened.
    };
    std::map<std::uint32_t, Stage> under_way;
    const auto end = std::min(folders.size(), begin + kFoldersAtOnce);
    for (auto at = begin; at < end; ++at) {
        under_way[send(SftpType::kOpendir, SftpFields().text(folders[at]))] = {at, ""};
    }
    Result<> outcome;
    const auto step = [&](Stage stage, const SftpAnswer& answer) -> Result<> {
        if (stage.handle.empty()) {
            if (answer.is_status(SftpStatus::kNoSuchFile)) {
                return {};
            }
            TRY(stage.handle, answer.handle());
        } else if (answer.is_status(SftpStatus::kEof)) {
            close_unasked(stage.handle);
            return {};
        } else {
            auto entries = answer.entries();
            if (!entries) {
                close_unasked(stage.handle);
                return std::move(entries).error();
            }
            auto& list = lists[stage.folder];
            std::ranges::move(*entries, std::back_inserter(list));
        }
        const auto id = send(SftpType::kReaddir, SftpFields().text(stage.handle));
        under_way[id] = std::move(stage);
        return {};
    };
    while (!under_way.empty()) {
        TRY(const auto answer, receive());
        auto asked = under_way.extract(answer.id);
        auto done = asked.empty() ? Result<>(Error{Errc::kUnavailable, "an answer to nothing"})
                                  : step(std::move(asked.mapped()), answer);
        if (!done && outcome) {
            outcome = std::move(done);
        }
    }
    return outcome;
}

}  // namespace muster::adapters
