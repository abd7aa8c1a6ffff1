#include <algorithm>
#include <cstring>
#include <utility>

#include "backup/archive/archive_job.h"
#include "backup/codec/sha256.h"

namespace muster::backup {

namespace {

constexpr std::size_t kBatchFiles = 32;         // Small files of one task.
constexpr std::size_t kBatchBytes = 2U << 20U;  //
constexpr std::size_t kBatchesAhead = 3;        // Opened before they are read,
constexpr std::size_t kMostAhead = 256;         // unless so many files are: descriptors are few.
constexpr std::size_t kReadUnit = 8U << 20U;    // Of a big file, beside what is left of before.
constexpr std::size_t kLongestChunk = 8U << 20U;
constexpr std::size_t kChunksHashedAtOnce = 4;
constexpr std::uint64_t kLeastImage = 2U << 20U;  // Smaller files gain nothing by the image rule.

bool is_small(const Entry& entry) {
    return entry.node.is_file() && entry.node.size < kSmallestCut;
}

/// What was really opened. A file that is none any more counts as gone: nobody asked for the
/// content of the disk that now stands there.
Result<Node> status_of(const Entry& entry, const Result<std::unique_ptr<SourceFile>>& file) {
    if (!file) {
        return file.error();
    }
    TRY(auto node, (*file)->status());
    if (entry.node.is_file() && !node.is_file()) {
        return Error(Errc::kNotFound, "it is no file any more");
    }
    node.name = entry.node.name;
    return node;
}

}  // namespace

/// Small files of one task. They are opened some tasks before they are read.
struct Archiver::Job::SmallFiles {
    std::vector<Entry> entries;
    std::vector<std::unique_ptr<SourceFile>> files;  // Nothing: not opened yet.
    std::once_flag opened;
};

void Archiver::Job::push_files(std::vector<Entry> files) {
    std::vector<std::shared_ptr<SmallFiles>> batches;
    std::size_t bytes = kBatchBytes;
    for (auto& file : files) {
        if (!is_small(file)) {
            const auto big = std::make_shared<Entry>(std::move(file));
            pool.push([this, big] { return process_big(std::move(*big)); });
            continue;
        }
        if (bytes >= kBatchBytes || batches.back()->entries.size() == kBatchFiles) {
            batches.push_back(std::make_shared<SmallFiles>());
            bytes = 0;
        }
        bytes += file.node.size;
        batches.back()->entries.push_back(std::move(file));
    }
    // The last one pushed is the first one taken: each batch is opened so many before it is read.
    for (std::size_t i = batches.size() + kBatchesAhead; i-- > 0;) {
        if (i >= kBatchesAhead) {
            pool.push([this, batch = batches[i - kBatchesAhead]] { return read_small(*batch); });
        }
        if (i < batches.size()) {
            pool.push([this, batch = batches[i]]() -> Result<> {
                open_small(*batch);
                return {};
            });
        }
    }
}

/// Opens them all, so that the disk has many to fetch while others are worked on. Whoever takes the
/// batch to read it waits until that is done.
void Archiver::Job::open_small(SmallFiles& batch) {
    std::call_once(batch.opened, [&] {
        batch.files.resize(batch.entries.size());
        for (std::size_t i = 0; i < batch.files.size() && open_ahead < kMostAhead; ++i) {
            auto file = open_file(batch.entries[i]);
            if (file) {  // Else whoever reads it tries again, and tells why.
                (*file)->prepare();
                batch.files[i] = std::move(*file);
                ++open_ahead;
            }
        }
    });
}

/// Reads a batch of files into one buffer, hashes them side by side, and stores each as one blob.
Result<> Archiver::Job::read_small(SmallFiles& batch) {
    if (writer.is_failed() || repository.host().is_stopped()) {
        return Error(Errc::kCancelled, "the backup was stopped");
    }
    thread_local Buffer buffer;
    buffer.clear();
    buffer.reserve(kBatchBytes + 2 * kSmallestCut);
    open_small(batch);
    std::vector<Entry> whole;
    for (std::size_t i = 0; i < batch.entries.size(); ++i) {
        auto& entry = batch.entries[i];
        open_ahead -= batch.files[i] ? 1 : 0;
        const auto file = batch.files[i]
                              ? Result<std::unique_ptr<SourceFile>>(std::move(batch.files[i]))
                              : open_file(entry);
        const std::size_t start = buffer.size();
        auto status = status_of(entry, file);
        buffer.resize(start + kSmallestCut);
        const ByteSpan room{buffer.data() + start, kSmallestCut};
        const auto got = status ? (*file)->read(room) : Result<std::size_t>(status.error());
        buffer.resize(start + (got ? *got : 0));
        if (!got) {
            TRY_OK(drop_entry(entry, got.error()));
            continue;
        }
        if (*got == kSmallestCut) {  // It has grown: it is a big one now.
            buffer.resize(start);
            TRY_OK(process_big(std::move(entry)));
            continue;
        }
        entry.node = std::move(*status);
        entry.node.size = *got;
        whole.push_back(std::move(entry));
    }
    // Only now: files that have grown since they were listed make the buffer grow, and move.
    std::vector<ByteView> contents;
    ByteView rest = buffer.view();
    for (const auto& entry : whole) {
        contents.push_back(rest.first(entry.node.size));
        rest = rest.subspan(entry.node.size);
    }
    std::vector<ObjectId> ids(contents.size());
    sha256_many(contents, ids);
    for (std::size_t i = 0; i < whole.size(); ++i) {
        if (!contents[i].empty()) {
            TRY_OK(writer.put(BlobType::kData, ids[i], contents[i]));
            whole[i].node.content.push_back(ids[i]);
            observer.on_bytes(contents[i].size());
        }
        TRY_OK(finish_entry(whole[i]));
    }
    return {};
}

Result<> Archiver::Job::process_big(Entry entry) {
    auto file = open_file(entry);
    auto status = status_of(entry, file);
    if (!status) {
        return drop_entry(entry, status.error());
    }
    entry.node = std::move(*status);
    if (!entry.node.is_file()) {  // A device that is read becomes a file.
        constexpr std::uint32_t kPermissions = 0777;
        entry.node.type = NodeType::kFile;
        entry.node.mode &= kPermissions;
        entry.node.device = 0;
    }
    const auto job = std::make_shared<FileJob>();
    job->entry = std::move(entry);
    observer.on_big_begin(job->entry.path());
    auto streamed = stream(job, **file);
    if (!streamed && streamed.error().code() != Errc::kCancelled && !writer.is_failed()) {
        // Blobs of it that are under work refer to it still; its entry is dropped here.
        const std::scoped_lock lock(job->mutex);
        job->entry.node.error = streamed.error().message();
        streamed = {};
    }
    TRY_OK(std::move(streamed));
    return leave_file(job);
}

CutRule Archiver::Job::choose_rule(const Entry& entry, ByteView head) const {
    if (entry.before && entry.before->content.size() > 2) {
        // It goes on as it was cut before, else all of it would be stored once more.
        for (std::size_t i = 0; i + 1 < entry.before->content.size(); ++i) {
            const auto place = repository.index().find(BlobType::kData, entry.before->content[i]);
            if (place && place->blob.content_length() < kSmallestCut) {
                return CutRule::kImage;
            }
        }
        return CutRule::kRestic;
    }
    if (entry.node.size < kLeastImage) {
        return CutRule::kRestic;
    }
    constexpr std::size_t kSlice = 64U << 10U;
    constexpr std::size_t kSlices = 16;
    std::size_t alike = 0;
    const std::size_t step = std::max(kSlice, head.size() / kSlices / kSlice * kSlice);
    for (std::size_t at = 0; at + kSlice <= head.size(); at += step) {
        alike += looks_like_image(head.subspan(at, kSlice)) ? 1 : 0;
    }
    return alike * 4 >= kSlices ? CutRule::kImage : CutRule::kRestic;
}

/// Within a hole, chunks are cut every so many bytes, whatever stands before it: they are counted,
/// not read. `kept` is what is not cut yet. The bytes of the chunks.
Result<std::uint64_t> Archiver::Job::skip_hole(FileJob& job, SourceFile& file, const Cutter& cutter,
                                               Buffer& kept) {
    const bool is_zero =
        std::ranges::all_of(kept.view(), [](std::uint8_t byte) { return byte == 0; });
    const std::size_t length = cutter.zero_chunk();
    const std::uint64_t hole = is_zero ? file.hole() : 0;
    const std::uint64_t count = (hole + kept.size()) / length;
    if (!is_zero || count < 2) {
        return 0;
    }
    Buffer zeros(length);
    std::memset(zeros.data(), 0, length);
    const ObjectId id = sha256(zeros.view());
    TRY_OK(writer.put(BlobType::kData, id, zeros.view()));
    const std::scoped_lock lock(job.mutex);
    job.content.insert(job.content.end(), count, id);
    file.skip(count * length - kept.size());
    observer.on_bytes(count * length);
    kept.clear();
    return count * length;
}

Result<> Archiver::Job::stream(const std::shared_ptr<FileJob>& job, SourceFile& file) {
    constexpr std::size_t kRoom = kReadUnit + kLongestChunk;
    TRY(auto buffer, pool.take_buffer(kRoom));
    std::optional<Cutter> cutter;
    std::uint64_t total = 0;
    for (bool is_end = false; !is_end;) {
        if (cutter) {
            const std::size_t before = buffer->size();
            TRY(const auto skipped, skip_hole(*job, file, *cutter, *buffer));
            total += skipped - (skipped > 0 ? before : 0);
        }
        const std::size_t kept = buffer->size();
        buffer->resize(kept + kReadUnit);
        TRY(const auto got, file.read({buffer->data() + kept, kReadUnit}));
        buffer->resize(kept + got);
        total += got;
        is_end = got < kReadUnit;
        if (!cutter) {
            cutter.emplace(scanner, choose_rule(job->entry, buffer->view()));
        }
        std::vector<ByteView> chunks;
        ByteView rest = buffer->view();
        while (!rest.empty()) {
            const auto length = cutter->next(rest, is_end);
            if (!length) {
                break;
            }
            chunks.push_back(rest.first(*length));
            rest = rest.subspan(*length);
        }
        const auto full = buffer;
        if (!is_end) {
            TRY(buffer, pool.take_buffer(kRoom));
            buffer->append(rest);
        }
        push_chunks(job, full, chunks);
        if (writer.is_failed() || repository.host().is_stopped()) {
            return Error(Errc::kCancelled, "the backup was stopped");
        }
    }
    job->entry.node.size = total;
    return {};
}

void Archiver::Job::push_chunks(const std::shared_ptr<FileJob>& job,
                                const std::shared_ptr<Buffer>& buffer,
                                const std::vector<ByteView>& chunks) {
    std::size_t first = 0;
    {
        const std::scoped_lock lock(job->mutex);
        first = job->content.size();
        job->content.resize(first + chunks.size());
    }
    for (std::size_t i = 0; i < chunks.size(); i += kChunksHashedAtOnce) {
        const std::size_t count = std::min(kChunksHashedAtOnce, chunks.size() - i);
        const std::vector<ByteView> group(chunks.begin() + static_cast<std::ptrdiff_t>(i),
                                          chunks.begin() + static_cast<std::ptrdiff_t>(i + count));
        ++job->pending;
        pool.push_urgent([this, job, buffer, group, at = first + i]() -> Result<> {
            std::vector<ObjectId> ids(group.size());
            sha256_many(group, ids);
            for (std::size_t k = 0; k < group.size(); ++k) {
                TRY_OK(writer.put(BlobType::kData, ids[k], group[k]));
                observer.on_bytes(group[k].size());
            }
            {
                const std::scoped_lock lock(job->mutex);
                std::ranges::copy(ids, job->content.begin() + static_cast<std::ptrdiff_t>(at));
            }
            return leave_file(job);
        });
    }
}

Result<> Archiver::Job::leave_file(const std::shared_ptr<FileJob>& job) {
    if (--job->pending > 0) {
        return {};
    }
    observer.on_big_end(job->entry.path());
    if (!job->entry.node.error.empty()) {
        return drop_entry(job->entry, Error(Errc::kUnavailable, job->entry.node.error));
    }
    job->entry.node.content = std::move(job->content);
    return finish_entry(job->entry);
}

}  // namespace muster::backup
