#include "adapters/blob/sftp_store.h"

#include <algorithm>
#include <array>
#include <ranges>

#include "adapters/blob/stored_names.h"

namespace muster::adapters {

using backup::FileKind;
using backup::Listed;
using backup::StoredName;

namespace {

constexpr std::array kFolders = {FileKind::kKey, FileKind::kPack, FileKind::kIndex,
                                 FileKind::kSnapshot, FileKind::kLock};

std::string folder_of(const std::string& path) {
    const auto slash = path.rfind('/');
    return slash == std::string::npos ? "." : path.substr(0, std::max<std::size_t>(slash, 1));
}

std::string random_digits(backup::Host& host) {
    std::array<std::uint8_t, 4> bytes{};
    host.fill_random(bytes);
    std::string digits;
    for (const auto byte : bytes) {
        digits += {"0123456789abcdef"[byte >> 4U], "0123456789abcdef"[byte & 15U]};
    }
    return digits;
}

bool is_pack_folder(const SftpEntry& entry) {
    return entry.name.size() == 2 &&
           entry.name.find_first_not_of("0123456789abcdef") == std::string::npos;
}

// After a lost connection nobody knows what became of the last request.
Result<> doubted(Result<> done, const SftpSession& session) {
    if (done || !session.is_broken()) {
        return done;
    }
    return Error{Errc::kOutcomeUnknown, done.error().message(), done.error().hint()};
}

}  // namespace

Result<std::unique_ptr<backup::BlobStore>> SftpStore::make(const std::string& address,
                                                           const StoreDeps& deps) {
    TRY(auto settings, SftpSettings::read(address, deps.options));
    return std::make_unique<SftpStore>(std::move(settings), deps.host);
}

SftpStore::SftpStore(SftpSettings settings, backup::Host& host)
    : settings_(std::move(settings)), host_(host) {
}

backup::StoreTraits SftpStore::traits() const {
    return {settings_.location, settings_.connections, false};
}

std::string SftpStore::path(std::string_view place) const {
    return settings_.root + (settings_.root.ends_with('/') ? "" : "/") + std::string(place);
}

std::string SftpStore::path(const StoredName& name) const {
    return path(path_of(name));
}

// At most so many connections at once; a thread too many waits, which is bounded since each call
// is.
Result<std::unique_ptr<SftpSession>> SftpStore::take() {
    {
        std::unique_lock lock(mutex_);
        given_back_.wait(lock, [this] { return in_use_ < settings_.connections; });
        in_use_ += 1;
        while (!idle_.empty()) {
            auto session = std::move(idle_.back());
            idle_.pop_back();
            if (session->is_fresh()) {
                return session;
            }
        }
    }
    auto opened = SftpSession::open(settings_.argv, settings_.environment, settings_.patience);
    if (!opened) {
        give_back(nullptr);
    }
    return opened;
}

void SftpStore::give_back(std::unique_ptr<SftpSession> session) {
    {
        const std::scoped_lock lock(mutex_);
        in_use_ -= 1;
        if (session != nullptr && !session->is_broken()) {
            idle_.push_back(std::move(session));
        }
    }
    given_back_.notify_one();
}

template <class T>
Result<T> SftpStore::with_session(const std::string& what,
                                  const std::function<Result<T>(SftpSession&)>& body) {
    auto session = take();
    if (!session) {
        return std::move(session.error()).with(what + " at " + settings_.location);
    }
    auto result = body(**session);
    give_back(std::move(*session));
    return std::move(result).with(what + " at " + settings_.location);
}

// A server answers the making of a folder that is there with a failure that says nothing.
Result<> SftpStore::ensure_folder(SftpSession& session, const std::string& folder) {
    auto made = session.make_folder(folder);
    if (made) {
        return session.sync_folder(folder_of(folder));
    }
    if (session.is_broken()) {
        return made;
    }
    const auto found = session.look(folder);
    return found && found->is_folder() ? Result<>() : std::move(made).with(folder);
}

Result<> SftpStore::create() {
    return with_session<void>("create", [this](SftpSession& session) -> Result<> {
        for (auto slash = settings_.root.find('/', 1); slash != std::string::npos;
             slash = settings_.root.find('/', slash + 1)) {
            TRY_OK(ensure_folder(session, settings_.root.substr(0, slash)));
        }
        TRY_OK(ensure_folder(session, settings_.root));
        for (const auto kind : kFolders) {
            TRY_OK(ensure_folder(session, path(place_of(kind))));
        }
        return {};
    });
}

Result<std::vector<Listed>> SftpStore::list(FileKind kind) {
    if (kind == FileKind::kConfig) {
        return std::vector<Listed>{};
    }
    const auto top = path(place_of(kind));
    using Lists = std::vector<std::vector<SftpEntry>>;
    auto lists = with_session<Lists>("list " + std::string(place_of(kind)),
                                     [&](SftpSession& session) -> Result<Lists> {
                                         TRY(auto found, session.list({top}));
                                         if (kind != FileKind::kPack) {
                                             return found;
                                         }
                                         std::vector<std::string> folders;
                                         for (const auto& entry : found.front()) {
                                             if (is_pack_folder(entry)) {
                                                 folders.push_back(top + "/" + entry.name);
                                             }
                                         }
                                         return session.list(folders);
                                     });
    if (!lists) {
        return std::move(lists).error();
    }
    std::vector<Listed> listed;
    for (const auto& entry : std::views::join(*lists)) {
        if (!is_stored_name(entry.name) || entry.attributes.is_folder()) {
            continue;
        }
        if (!entry.attributes.size) {
            return Error{Errc::kUnavailable, "the server lists files without their sizes"};
        }
        listed.push_back({entry.name, *entry.attributes.size});
    }
    return listed;
}

Result<std::uint64_t> SftpStore::size(const StoredName& name) {
    return with_session<std::uint64_t>(
        "look at " + name.str(), [&](SftpSession& session) -> Result<std::uint64_t> {
            TRY(const auto attributes, session.look(path(name)));
            if (!attributes.size) {
                return Error{Errc::kUnavailable, "the server does not say its size"};
            }
            return *attributes.size;
        });
}

Result<> SftpStore::read(const StoredName& name, std::uint64_t offset, backup::ByteSpan into) {
    if (into.empty()) {
        TRY_OK(size(name));
        return {};
    }
    return with_session<void>("read " + name.str(), [&](SftpSession& session) {
        return session.read(path(name), offset, into);
    });
}

Result<backup::Buffer> SftpStore::load(const StoredName& name) {
    return with_session<backup::Buffer>(
        "load " + name.str(), [&](SftpSession& session) { return session.load(path(name)); });
}

Result<> SftpStore::write(const StoredName& name, backup::ByteView content) {
    if (name.kind == FileKind::kConfig) {
        TRY_OK(refuse_second_config(*this));
    }
    // Readers skip it: its name has more than 64 digits.
    const auto beside = path(name) + "-tmp-" + random_digits(host_);
    return with_session<void>("write " + name.str(), [&](SftpSession& session) -> Result<> {
        auto done = write_beside(session, beside, name, content);
        if (!done) {
            return done;
        }
        return move_into_place(session, beside, name);
    });
}

Result<> SftpStore::write_beside(SftpSession& session, const std::string& beside,
                                 const StoredName& name, backup::ByteView content) {
    auto written = session.write_new(beside, content);
    if (!written && written.error().code() == Errc::kNotFound) {
        TRY_OK(ensure_folder(session, path(place_of(name.kind))));
        TRY_OK(ensure_folder(session, folder_of(beside)));
        written = session.write_new(beside, content);
    }
    if (written || session.is_broken()) {
        return written;
    }
    // A full disk is told by a failure that says nothing; what was written of the file fills it.
    const auto room = session.room(folder_of(beside));
    static_cast<void>(session.remove(beside).has_value());
    if (written.error().code() == Errc::kUnavailable && room && *room < content.size()) {
        return Error{Errc::kDenied,
                     "no space left on the server's disk (" + written.error().message() + ")",
                     "make room there, then run the command again"};
    }
    return written;
}

Result<> SftpStore::move_into_place(SftpSession& session, const std::string& beside,
                                    const StoredName& name) {
    const bool is_config = name.kind == FileKind::kConfig;
    const auto target = path(name);
    auto moved = is_config ? session.rename(beside, target) : session.replace(beside, target);
    if (!moved && !session.is_broken()) {
        const auto there = session.look(target);
        static_cast<void>(session.remove(beside).has_value());
        if (there && is_config) {
            return config_exists();
        }
        // A server that replaces nothing: the file that is there has this name, so these bytes.
        if (there) {
            return {};
        }
        return moved;
    }
    TRY_OK(doubted(std::move(moved), session));
    return doubted(session.sync_folder(folder_of(target)), session);
}

Result<> SftpStore::remove(const StoredName& name) {
    return with_session<void>("remove " + name.str(), [&](SftpSession& session) {
        return doubted(session.remove(path(name)), session);
    });
}

}  // namespace muster::adapters
