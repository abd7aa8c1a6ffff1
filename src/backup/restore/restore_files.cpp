#include <algorithm>
#include <tuple>
#include <utility>

#include "backup/restore/restore_job.h"

namespace muster::backup {

namespace {

constexpr std::size_t kBatchFiles = 4096;           // Gathered before they are planned.
constexpr std::uint64_t kBatchBytes = 64U << 20U;   //
constexpr std::uint64_t kPieceBytes = 4U << 20U;    // A piece is closed when it has so many.
constexpr std::uint64_t kGroupBytes = 4U << 20U;    // The same for a group,
constexpr std::size_t kGroupPieces = 512;           // or when it has so many pieces.
constexpr std::uint64_t kLeastAligned = 1U << 20U;  // Pieces that are worth whole pages.

std::size_t page_ceil(std::size_t size) {
    return (size + Buffer::kPage - 1) / Buffer::kPage * Buffer::kPage;
}

/// The parts of `content` that are not lost, in order.
std::vector<ByteView> kept_parts(ByteView content, std::vector<ByteView>& lost) {
    std::ranges::sort(lost, {}, [](ByteView part) { return part.data(); });
    std::vector<ByteView> kept;
    for (const auto& part : lost) {
        const auto before = static_cast<std::size_t>(part.data() - content.data());
        kept.push_back(content.first(before));
        content = content.subspan(before + part.size());
    }
    kept.push_back(content);
    std::erase_if(kept, [](ByteView part) { return part.empty(); });
    return kept;
}

}  // namespace

Result<> Restorer::Job::add_file(std::shared_ptr<RestoreFile> file) {
    if (settings.is_dry_run) {
        advance(*file, file->node.size);
        note(file->path(), file->node,
             file->is_changed ? RestoreAction::kUpdated : RestoreAction::kRestored);
        return leave_folder(file->folder);
    }
    std::vector<std::shared_ptr<RestoreFile>> batch;
    {
        const std::scoped_lock lock(mutex);
        waiting_bytes += file->node.size;
        waiting.push_back(std::move(file));
        if (waiting.size() < kBatchFiles && waiting_bytes < kBatchBytes) {
            return {};
        }
        batch = std::exchange(waiting, {});
        waiting_bytes = 0;
    }
    return plan(std::move(batch));
}

Result<> Restorer::Job::plan(std::vector<std::shared_ptr<RestoreFile>> files) {
    PieceGroup pieces;
    for (const auto& file : files) {
        const std::size_t before = pieces.size();
        TRY(const bool is_known, cut(file, pieces));
        if (!is_known) {
            pieces.resize(before);
            continue;
        }
        file->pending = pieces.size() - before;
    }
    std::ranges::sort(pieces, {},
                      [](const Piece& piece) { return std::tie(piece.pack, piece.at); });
    std::vector<std::shared_ptr<PieceGroup>> groups;
    std::uint64_t bytes = 0;
    for (auto& piece : pieces) {
        if (groups.empty() || bytes >= kGroupBytes || groups.back()->size() >= kGroupPieces) {
            groups.push_back(std::make_shared<PieceGroup>());
            bytes = 0;
        }
        bytes += piece.length;
        groups.back()->push_back(std::move(piece));
    }
    std::ranges::reverse(groups);  // The last one pushed is the first one taken.
    for (auto& group : groups) {
        pool.push([this, group = std::move(group)] { return run_group(*group); });
    }
    return {};
}

/// Adds the file's pieces; false when a blob of it is unknown.
Result<bool> Restorer::Job::cut(const std::shared_ptr<RestoreFile>& file, PieceGroup& pieces) {
    auto& node = file->node;
    std::uint64_t offset = 0;
    Piece* open = nullptr;
    const std::size_t before = pieces.size();
    for (std::size_t i = 0; i < node.content.size(); ++i) {
        const auto place = repository.index().find(BlobType::kData, node.content[i]);
        if (!place) {
            TRY_OK(fail_file(*file, Error(Errc::kCorrupt,
                                          "blob " + node.content[i].brief() +
                                              " is in no pack that the index knows",
                                          "run `muster check`, then `muster repair index`")));
            return false;
        }
        const std::uint64_t length = place->blob.content_length();
        if (!file->is_changed || !file->is_right[i]) {
            if (open == nullptr || open->length >= kPieceBytes) {
                pieces.push_back({file, i, i, offset, 0, place->pack, place->blob.offset});
                open = &pieces.back();
            }
            open->last = i + 1;
            open->length += length;
        } else {
            open = nullptr;
        }
        offset += length;
    }
    if (offset != node.size) {
        TRY_OK(tell(file->path(), Error(Errc::kCorrupt, "its blobs have " + std::to_string(offset) +
                                                            " bytes where the snapshot says " +
                                                            std::to_string(node.size))));
        node.size = offset;
        file->is_damaged = true;
    }
    if (pieces.size() == before) {  // Empty, or only its size is wrong.
        pieces.push_back({file, 0, 0, 0, 0, {}, 0});
    }
    return true;
}

Result<> Restorer::Job::run_group(PieceGroup& group) {
    TRY_OK(check_stop());
    auto worker = take_worker();
    std::vector<std::size_t> places;
    std::size_t size = 0;
    for (const auto& piece : group) {
        if (piece.length >= kLeastAligned) {  // As far from a page's begin as in the file.
            size = page_ceil(size) + static_cast<std::size_t>(piece.offset % Buffer::kPage);
        }
        places.push_back(size);
        size += static_cast<std::size_t>(piece.length);
    }
    worker->plain.resize(size);
    worker->wanted.clear();
    for (std::size_t k = 0; k < group.size(); ++k) {
        std::size_t at = places[k];
        for (std::size_t i = group[k].first; i < group[k].last; ++i) {
            auto place = repository.index().find(BlobType::kData, group[k].file->node.content[i]);
            const std::size_t length = place->blob.content_length();
            worker->wanted.push_back({*place, worker->plain.span().subspan(at, length), k});
            at += length;
        }
    }
    std::vector<std::vector<ByteView>> lost(group.size());
    Result<> told;
    worker->reader.read(worker->wanted, [&](const WantedBlob& blob, const Error& error) {
        auto& file = *group[blob.owner].file;
        lost[blob.owner].push_back(blob.out);
        file.is_damaged = true;
        if (auto outcome = tell(file.path(), error); !outcome) {
            told = std::move(outcome);
        }
    });
    TRY_OK(std::move(told));
    for (std::size_t k = 0; k < group.size(); ++k) {
        const auto content =
            worker->plain.view().subspan(places[k], static_cast<std::size_t>(group[k].length));
        TRY_OK(write_piece(group[k], content, std::move(lost[k])));
    }
    give_back(std::move(worker));
    return {};
}

Result<> Restorer::Job::write_piece(const Piece& piece, ByteView content,
                                    std::vector<ByteView> lost) {
    auto& file = *piece.file;
    const bool is_whole = piece.length == file.node.size && !file.is_changed && !file.is_damaged;
    if (is_whole) {
        const auto written = file.folder->handle->write_file(file.node, content);
        if (!written) {
            return fail_file(file, written.error());
        }
        advance(file, piece.length);
        note(file.path(), file.node, RestoreAction::kRestored);
        return leave_folder(file.folder);
    }
    TRY_OK(open_file(file));
    if (file.open) {
        TRY_OK(write_parts(piece, content, std::move(lost)));
        advance(file, piece.length);
    }
    return end_piece(file);
}

Result<> Restorer::Job::write_parts(const Piece& piece, ByteView content,
                                    std::vector<ByteView> lost) {
    auto& file = *piece.file;
    for (const auto& part : kept_parts(content, lost)) {
        const auto offset = static_cast<std::uint64_t>(part.data() - content.data());
        const auto written = file.open->write(piece.offset + offset, part);
        if (written) {
            continue;
        }
        const std::scoped_lock lock(file.mutex);
        file.is_damaged = true;
        if (!std::exchange(file.is_failed, true)) {
            TRY_OK(tell(file.path(), written.error()));
        }
    }
    return {};
}

Result<> Restorer::Job::open_file(RestoreFile& file) {
    const std::scoped_lock lock(file.mutex);
    if (file.open || file.is_failed) {
        return {};
    }
    auto& folder = *file.folder->handle;
    auto opened =
        file.is_changed ? folder.open_file(file.node.name, true) : folder.create_file(file.node);
    if (opened) {
        file.open = std::move(*opened);
        return {};
    }
    file.is_failed = true;
    return tell(file.path(), opened.error());
}

Result<> Restorer::Job::end_piece(RestoreFile& file) {
    if (--file.pending > 0) {
        return {};
    }
    advance(file, file.node.size);
    if (file.open) {
        auto finished = file.open->resize(file.node.size);
        if (finished) {
            finished = file.open->finish(file.node, file.is_damaged);
        }
        file.open.reset();
        if (finished && !file.is_damaged) {
            note(file.path(), file.node,
                 file.is_changed ? RestoreAction::kUpdated : RestoreAction::kRestored);
        } else if (!finished) {
            TRY_OK(tell(file.path(), finished.error()));
        }
    }
    if (file.is_failed || file.is_damaged) {
        const std::scoped_lock lock(mutex);
        left.insert(file.path());
    }
    return leave_folder(file.folder);
}

/// Nothing more is done for the file.
Result<> Restorer::Job::fail_file(RestoreFile& file, const Error& error) {
    {
        const std::scoped_lock lock(mutex);
        left.insert(file.path());
    }
    advance(file, file.node.size);
    TRY_OK(tell(file.path(), error));
    return leave_folder(file.folder);
}

}  // namespace muster::backup
