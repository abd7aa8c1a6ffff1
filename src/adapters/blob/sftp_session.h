#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "adapters/blob/pipe_process.h"
#include "adapters/blob/sftp_wire.h"
#include "backup/bytes.h"

namespace muster::adapters {

/// One SFTP connection, for one thread at a time. Many requests may be under way at once; answers
/// are told apart by their ids. After a failure of the connection itself it is broken, and of no
/// more use.
class SftpSession {
  public:
    /// Starts the program that leads to the server, and greets. Each wait is at most `patience`.
    static Result<std::unique_ptr<SftpSession>> open(const std::vector<std::string>& argv,
                                                     const Fields& environment, Duration patience);

    [[nodiscard]] bool is_broken() const { return is_broken_; }
    /// Still good after a rest.
    [[nodiscard]] bool is_fresh() const { return !is_broken_ && process_->is_quiet(); }

    Result<> remove(const std::string& path);
    Result<> make_folder(const std::string& path);
    Result<SftpAttributes> look(const std::string& path);
    /// Refuses to replace a file, as far as the server's rename does.
    Result<> rename(const std::string& from, const std::string& to);
    /// Replaces a file when the server has the extension; `rename` otherwise.
    Result<> replace(const std::string& from, const std::string& to);
    /// A new file with this content; on success it is on the server's disk, if the server can sync.
    Result<> write_new(const std::string& path, backup::ByteView content);
    /// The bytes that can still be written where the path lies; none where the server can't tell.
    std::optional<std::uint64_t> room(const std::string& path);
    /// Syncs a folder's entries, where the server can.
    Result<> sync_folder(const std::string& path);
    /// The whole file.
    Result<backup::Buffer> load(const std::string& path);
    /// kCorrupt when the file ends before.
    Result<> read(const std::string& path, std::uint64_t offset, backup::ByteSpan into);
    /// The entries of each of these folders, many at once; of one that is not there: none.
    Result<std::vector<std::vector<SftpEntry>>> list(const std::vector<std::string>& folders);

  private:
    SftpSession(std::unique_ptr<PipeProcess> process, Duration patience);
    Result<> greet();
    std::uint32_t send(SftpType type, const SftpFields& fields);
    Result<SftpAnswer> receive();
    Result<SftpAnswer> receive_next();
    Result<SftpAnswer> call(SftpType type, const SftpFields& fields);
    Result<std::string> open_file(const std::string& path, std::uint32_t flags);
    void close_unasked(const std::string& handle);
    Result<> sync(const std::string& handle);
    Result<> write_all(const std::string& handle, backup::ByteView content);
    Result<> read_all(const std::string& handle, std::uint64_t offset, backup::ByteSpan into);
    Result<> list_batch(const std::vector<std::string>& folders, std::size_t begin,
                        std::vector<std::vector<SftpEntry>>& lists);

    std::unique_ptr<PipeProcess> process_;
    Duration patience_;
    std::string out_;
    std::size_t sent_ = 0;
    std::string in_;
    std::size_t taken_ = 0;
    std::uint32_t last_id_ = 0;
    std::set<std::uint32_t> unasked_;  ///< Whose answers nobody waits for.
    bool can_sync_ = false;
    bool can_replace_ = false;
    bool can_tell_room_ = false;
    bool is_broken_ = false;
};

}  // namespace muster::adapters
